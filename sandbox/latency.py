"""Measures the overhead of the sandbox.

For `gapsmith doctor` and the benchmark.
"""

import statistics
import time
from dataclasses import dataclass

from gapsmith.sandbox.host import Sandbox
from gapsmith.sandbox.job import Ending, Job, Level

NULL = Job(source="def null():\n    return 0\n", entry="null", calls=({},))
"""A program that does nothing: all of its cost is the sandbox's."""


@dataclass(frozen=True)
class Latency:
    """Medians over runs of a program that does nothing.

    Attributes:
        latency_ms_p50: from the request to the answer.
        latency_ms_p95: the 95th percentile of the same.
        cpu_ms_p50: CPU time of host, zygote and child together, with the child's start and end.
    """

    latency_ms_p50: float
    latency_ms_p95: float
    cpu_ms_p50: float


def measure_latency(repetitions: int = 200, preload: str = "numpy") -> Latency:
    """Measures the null program in a sandbox of its own. Raises SandboxError."""
    with Sandbox(preload, Level.L0, slot=0) as box:
        return measure(box, NULL, repetitions)


def measure(box: Sandbox, job: Job, repetitions: int) -> Latency:
    """Runs a job repeatedly in an open sandbox and returns the medians.

    Raises RuntimeError if a run does not end well.
    """
    walls, cpus = [], []
    for _ in range(repetitions):
        host, guest = time.thread_time(), box.spent_seconds
        outcome = box.run(job)
        if outcome.ending is not Ending.OK:
            raise RuntimeError(f"the measured program ended with {outcome.ending}: {outcome.message}")
        walls.append(1000 * outcome.wall_seconds)
        cpus.append(1000 * (time.thread_time() - host + box.spent_seconds - guest))
    slowest = statistics.quantiles(walls, n=20)[-1] if repetitions > 1 else walls[0]
    return Latency(statistics.median(walls), slowest, statistics.median(cpus))
