"""Schedules as bars: what is done where, and when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """An operation in a schedule.

    Attributes:
        row: the machine or activity.
        name: what stands in it.
        colour: 0 to 5, by job.
        is_late: whether it ends after its due date.
    """

    row: int
    start: float
    end: float
    name: str
    colour: int
    is_late: bool = False


def list_machine_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the jobs of one machine in a sequence."""
    p, d = np.asarray(data["p"]).tolist(), np.asarray(data["d"]).tolist()
    ends = list(accumulate(p[job] for job in sequence))
    bars = [
        Bar(0, end - p[job], end, str(job), 1 if end > d[job] else 0, end > d[job])
        for job, end in zip(sequence, ends, strict=True)
    ]
    return bars, ["machine"]


def list_flow_shop_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the operations of a permutation flow shop."""
    p = np.asarray(data["p"])
    ends = [0.0] * p.shape[1]
    bars = []
    for job in sequence:
        before = 0.0
        for machine in range(p.shape[1]):
            start = max(before, ends[machine])
            before = ends[machine] = start + float(p[job, machine])
            bars.append(Bar(machine, start, before, str(job), job))
    return bars, [f"machine {k}" for k in range(p.shape[1])]


def list_job_shop_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the operations of a job shop."""
    machines, p = np.asarray(data["machines"]), np.asarray(data["p"])
    ready, free, place = [0.0] * len(p), [0.0] * (int(machines.max()) + 1), [0] * len(p)
    bars = []
    for job in sequence:
        step = place[job]
        machine = int(machines[job, step])
        start = max(ready[job], free[machine])
        ready[job] = free[machine] = start + float(p[job, step])
        place[job] += 1
        bars.append(Bar(machine, start, ready[job], str(job), job))
    return bars, [f"machine {k}" for k in range(len(free))]


def list_parallel_bars(data: Data, machines: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the jobs of parallel machines, each machine's one after the other."""
    p, ends = np.asarray(data["p"]).tolist(), [0.0] * int(np.asarray(data["m"]))
    bars = []
    for job, machine in enumerate(machines):
        ends[machine] += p[job]
        bars.append(Bar(machine, ends[machine] - p[job], ends[machine], str(job), job))
    return bars, [f"machine {k}" for k in range(len(ends))]


def list_project_bars(data: Data, starts: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the activities of a project by start."""
    duration = np.asarray(data["duration"]).tolist()
    order = sorted(range(len(starts)), key=lambda k: (starts[k], k))
    bars = [
        Bar(row, starts[k], starts[k] + duration[k], str(k), k) for row, k in enumerate(order) if duration[k]
    ]
    return bars, [f"activity {k}" for k in order]


BARS: Mapping[str, Callable[[Data, Any], tuple[list[Bar], list[str]]]] = {
    "single_machine_tardiness": list_machine_bars,
    "single_machine_weighted_tardiness": list_machine_bars,
    "permutation_flow_shop": list_flow_shop_bars,
    "job_shop": list_job_shop_bars,
    "parallel_machines": list_parallel_bars,
    "rcpsp": list_project_bars,
}
"""Layout functions of scheduling problems, by name."""
