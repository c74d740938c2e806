"""Checks that a result is the program's own work, and that a problem keeps its promises."""
