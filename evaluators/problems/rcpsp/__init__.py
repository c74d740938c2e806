"""Resource-constrained projects.

The problem, its rules, grammar, reader, generator, exact method and formulation.
"""
