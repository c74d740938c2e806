"""Permutation flow shop, makespan.

The problem, its rules, grammar, exact methods and formulation.
"""
