"""Exact methods for the multi-dimensional knapsack."""
