"""Identical parallel machines, makespan: the problem, its rules, grammar and exact methods."""
