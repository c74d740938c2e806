"""Exchange between the sandboxed program and Gapsmith.

Solver models and their variables as text.
"""
