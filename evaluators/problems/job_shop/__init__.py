"""Job shop, makespan: the problem, its rules, grammar, exact method and formulation."""
