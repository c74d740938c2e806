"""Weighted tardiness on one machine.

The problem, its rules, grammar and exact methods.
"""
