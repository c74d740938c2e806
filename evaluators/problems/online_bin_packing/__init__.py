"""On-line bin packing: the problem, its rules, grammar, reader and formulation."""
