"""Decisions of the search: operators, parents, acceptance. No input or output."""
