"""Runs candidates and prices what they return: repeats after time-outs, events one by one."""
