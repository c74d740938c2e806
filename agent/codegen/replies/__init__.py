"""Reads programs out of a model's replies."""
