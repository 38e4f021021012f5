"""What the site needs to be built, apart from the package: nothing of this is installed."""
