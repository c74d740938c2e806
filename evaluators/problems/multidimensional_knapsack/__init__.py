"""Multi-dimensional knapsack: the problem, its rules, grammar, exact methods and formulation."""
