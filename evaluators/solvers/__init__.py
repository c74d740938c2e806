"""Exact building blocks that several problems use."""
