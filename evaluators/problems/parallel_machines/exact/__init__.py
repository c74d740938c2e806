"""Exact methods for parallel machines."""
