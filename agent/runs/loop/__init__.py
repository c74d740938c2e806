"""The loop: ask, screen, evaluate, decide."""
