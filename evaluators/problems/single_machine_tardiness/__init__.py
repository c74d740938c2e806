"""Total tardiness on one machine: the problem, its rules, grammar, exact methods and formulations."""
