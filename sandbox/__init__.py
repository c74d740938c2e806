"""Runs untrusted code. Imports nothing of ours but this room, and nothing but the standard library."""

from gapsmith.sandbox.errors import SandboxTrouble
from gapsmith.sandbox.host import Sandbox, isolation, open_sandbox
from gapsmith.sandbox.isolation import Isolation
from gapsmith.sandbox.job import Answer, Array, Call, Ending, Job, Json, Level, Limits, Outcome, Value

__all__ = [
    "Answer",
    "Array",
    "Call",
    "Ending",
    "Isolation",
    "Job",
    "Json",
    "Level",
    "Limits",
    "Outcome",
    "Sandbox",
    "SandboxTrouble",
    "Value",
    "isolation",
    "open_sandbox",
]
