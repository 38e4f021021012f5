"""What others read: reports and the schemas generated from the models."""
