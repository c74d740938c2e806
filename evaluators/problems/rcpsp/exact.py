"""Proven makespans of resource-constrained projects by CP-SAT, each with its start times."""

import math
import time

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.solvers import makespan as makespan_models

Integers = NDArray[np.int64]


def compute_critical_path(duration: Integers, precedence: Integers) -> tuple[Integers, Integers]:
    """Computes each activity's earliest start and its longest way to the end.

    The shape is [n] each. Raises ValueError when the precedences have a cycle.
    """
    n = len(duration)
    early, tail = np.zeros(n, np.int64), duration.astype(np.int64).copy()
    before, after = precedence[:, 0], precedence[:, 1]
    for _ in range(n + 1):
        was = early.copy(), tail.copy()
        np.maximum.at(early, after, early[before] + duration[before])
        np.maximum.at(tail, before, tail[after] + duration[before])
        if (early == was[0]).all() and (tail == was[1]).all():
            return early, tail
    raise ValueError("the precedences have a cycle")


def build_serial_schedule(
    duration: Integers,
    precedence: Integers,
    demand: Integers,
    capacity: Integers,
    priority: Integers | None = None,
) -> Integers:
    """Builds a schedule by the serial scheme, greatest priority first.

    The priority is the tail by default.
    """
    n = len(duration)
    tail = compute_critical_path(duration, precedence)[1] if priority is None else priority
    used = np.zeros((int(duration.sum()) + 1, len(capacity)), np.int64)
    start, done = np.zeros(n, np.int64), np.zeros(n, bool)
    for _ in range(n):
        blocked = np.zeros(n, bool)
        blocked[precedence[~done[precedence[:, 0]], 1]] = True
        eligible = np.flatnonzero(~done & ~blocked)
        i = eligible[np.argmax(tail[eligible])]
        before = precedence[precedence[:, 1] == i, 0]
        t = int((start + duration)[before].max(initial=0))
        while (clash := np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))).size:
            t += int(clash[-1]) + 1
        used[t : t + duration[i]] += demand[i]
        start[i], done[i] = t, True
    return start


def justify_schedule(
    duration: Integers,
    precedence: Integers,
    demand: Integers,
    capacity: Integers,
    start: Integers,
    deadline: float = np.inf,
) -> Integers:
    """Justifies a schedule right and left while it gets shorter.

    Valls et al. 2005.

    It ends at the deadline of CPU time.
    """
    backwards = np.ascontiguousarray(precedence[:, ::-1])
    while time.process_time() < deadline:
        right = build_serial_schedule(duration, backwards, demand, capacity, start + duration)
        latest = int((right + duration).max()) - right - duration
        left = build_serial_schedule(duration, precedence, demand, capacity, -latest)
        if (left + duration).max() >= (start + duration).max():
            break
        start = left
    return start


def bound_by_work(duration: Integers, demand: Integers, capacity: Integers) -> int:
    """Returns the greatest bound of one resource: its work over its capacity."""
    work = duration @ demand
    return int(max((-(-int(w) // int(c)) for w, c in zip(work, capacity, strict=True) if c), default=0))


def solve_rcpsp(
    duration: Integers,
    precedence: Integers,
    demand: Integers,
    capacity: Integers,
    seconds: float,
    known: Baseline | None = None,
) -> Baseline:
    """Solves by CP-SAT, from a serial schedule, within the limit.

    With the bounds and the schedule of an earlier solve it continues from these.
    """
    begin = time.process_time()
    start = build_serial_schedule(duration, precedence, demand, capacity)
    start = justify_schedule(duration, precedence, demand, capacity, start, begin + seconds / 2)
    early, tail = compute_critical_path(duration, precedence)
    path, work = int((early + tail).max()), bound_by_work(duration, demand, capacity)
    lower, solver = max(path, work), "critical path" if path >= work else "resource work"
    if known is not None and known.solution is not None:
        start = min(start, np.array(known.solution, np.int64), key=lambda s: int((s + duration).max()))
    if known is not None and known.lower > lower:
        lower, solver = math.ceil(known.lower), known.solver
    if int((start + duration).max()) > lower:
        left = seconds - (time.process_time() - begin)
        found = makespan_models.solve_project(duration, precedence, demand, capacity, start, lower, left)
        lower, solver = max(lower, found.lower), "CP-SAT cumulative"
        if found.starts is not None:
            start = np.array(found.starts, np.int64)
    upper = int((start + duration).max())
    return Baseline(lower, upper, [int(t) for t in start], solver, time.process_time() - begin)
