"""Runs programs and exact solvers; results are kept in the archive."""
