"""Solves models in guarded processes and measures how fast they are proven."""
