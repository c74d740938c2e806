"""Exact methods for the maximum independent set."""
