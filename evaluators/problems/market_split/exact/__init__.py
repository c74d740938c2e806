"""Exact methods for market split."""
