"""Market split: the problem, its rules, grammar and exact methods."""
