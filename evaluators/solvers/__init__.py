"""Exact algorithms of our own, each checked against brute force and against OR-Tools."""
