"""Templates of the questions in words."""
