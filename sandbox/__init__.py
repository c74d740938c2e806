"""Runs untrusted code. Imports nothing of ours but this room, and nothing but the standard library."""

from gapsmith.sandbox.job import Answer, Array, Call, Ending, Job, Json, Level, Limits, Outcome, Value

__all__ = ["Answer", "Array", "Call", "Ending", "Job", "Json", "Level", "Limits", "Outcome", "Value"]
