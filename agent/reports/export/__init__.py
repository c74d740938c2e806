"""Programs as modules to take home."""
