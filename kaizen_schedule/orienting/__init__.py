"""What the worker of a task gets, and what it leaves: memory, metrics, bundle."""
