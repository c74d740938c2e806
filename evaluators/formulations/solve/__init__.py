"""Solving of models in sandboxes, and measuring of their speed."""
