"""Layers of isolation: seccomp, Landlock, namespaces, resource limits; their probes and levels."""
