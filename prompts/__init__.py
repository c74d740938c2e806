"""Templates; data, no logic."""
