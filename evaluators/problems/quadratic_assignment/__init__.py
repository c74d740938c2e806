"""Quadratic assignment: the problem, its rules, grammar, exact methods and formulation."""
