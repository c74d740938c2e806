"""Runs untrusted code.

Imports nothing of ours but this room, and nothing but the standard library.
"""

from gapsmith.sandbox.errors import SandboxError
from gapsmith.sandbox.host import Sandbox, open_sandbox, probe_isolation
from gapsmith.sandbox.isolation.levels import Isolation
from gapsmith.sandbox.job import (
    COMPILE_SECONDS,
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

__all__ = [
    "COMPILE_SECONDS",
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
    "SandboxError",
    "Value",
    "measure_latency",
    "open_sandbox",
    "probe_isolation",
]
