"""Formulations of total tardiness, a file each."""
