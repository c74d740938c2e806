"""Exact methods for total tardiness."""
