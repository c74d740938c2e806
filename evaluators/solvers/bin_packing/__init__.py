"""Exact bin packing and its column generation."""
