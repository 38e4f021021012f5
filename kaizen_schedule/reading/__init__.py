"""From bytes to positioned data and findings; text made safe to show."""
