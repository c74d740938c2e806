"""Maximum independent set: the problem, its rules, grammar, exact method and formulation."""
