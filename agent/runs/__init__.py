"""One discovery run, from settings to report."""
