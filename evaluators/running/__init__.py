"""Runs candidates and prices their results.

Repeats after time-outs, events one by one.
"""
