"""Exact methods for weighted tardiness."""
