"""Permutation flow shop, makespan: the problem, its rules, grammar, exact methods and formulation."""
