"""Output for people: console, progress, results."""
