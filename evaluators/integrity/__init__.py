"""Checks the integrity of results and the promises of problems."""
