"""Exact methods for the permutation flow shop."""
