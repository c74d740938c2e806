"""Resource-constrained projects: the problem, its rules, grammar, reader, generator, exact method and formulation."""
