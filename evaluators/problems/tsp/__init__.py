"""Travelling salesman: the problem, its rules, grammar, reader, exact methods and formulation."""
