"""Exact methods for quadratic assignment."""
