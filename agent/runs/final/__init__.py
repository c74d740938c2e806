"""The end of a run: selection, significance, report."""
