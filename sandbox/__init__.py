"""Runs untrusted code. Imports nothing of ours but this room, and nothing but the standard library."""

from gapsmith.sandbox.errors import SandboxTrouble
from gapsmith.sandbox.host import Sandbox, isolation, open_sandbox
from gapsmith.sandbox.job import (
    Answer,
    Array,
    Call,
    Ending,
    Job,
    Json,
    Level,
    Limits,
    Outcome,
    Preload,
    Value,
)
from gapsmith.sandbox.latency import Latency, measure_latency
from gapsmith.sandbox.levels import Isolation

__all__ = [
    "Answer",
    "Array",
    "Call",
    "Ending",
    "Isolation",
    "Job",
    "Json",
    "Latency",
    "Level",
    "Limits",
    "Outcome",
    "Preload",
    "Sandbox",
    "SandboxTrouble",
    "Value",
    "isolation",
    "measure_latency",
    "open_sandbox",
]
