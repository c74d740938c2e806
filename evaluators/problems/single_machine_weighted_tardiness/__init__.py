"""Weighted tardiness on one machine: the problem, its rules, grammar and exact methods."""
