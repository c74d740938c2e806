"""What the sandbox itself costs here: for `gapsmith doctor` and the benchmark."""

import statistics
import time
from dataclasses import dataclass

from gapsmith.sandbox.host import Sandbox
from gapsmith.sandbox.job import Ending, Job, Level

NULL = Job(source="def null():\n    return 0\n", entry="null", calls=({},))
"""A program that does nothing: whatever it costs is the sandbox's."""


@dataclass(frozen=True)
class Latency:
    """Medians over runs of a program that does nothing.

    Attributes:
        latency_ms_p50: from the request to the answer.
        latency_ms_p95: the same, of the slowest twentieth.
        cpu_ms_p50: CPU time of host, zygote and child together, the child's start and end included.
    """

    latency_ms_p50: float
    latency_ms_p95: float
    cpu_ms_p50: float


def measure_latency(repetitions: int = 200, preload: str = "numpy") -> Latency:
    """Runs the null program so many times in a sandbox of its own. Raises SandboxTrouble."""
    with Sandbox(preload, Level.L0, slot=0) as box:
        return measure(box, NULL, repetitions)


def measure(box: Sandbox, job: Job, repetitions: int) -> Latency:
    """Runs a job so many times in an open sandbox. Raises RuntimeError if it does not end well."""
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
