"""Total tardiness on one machine.

The problem, its rules, grammar, exact methods and formulations.
"""
