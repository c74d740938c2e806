"""Exact methods for the travelling salesman."""
