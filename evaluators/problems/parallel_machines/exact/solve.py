"""Solves P‖Cmax exactly.

By bounds, a descent that balances pairs of machines exactly, bin packing, and CP-SAT.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.solvers.bin_packing.solve import find_packing

Integers: TypeAlias = "NDArray[np.int64]"

RESTARTS = 400
"""Number of perturbed descents: a count, so that slow machines do the same work."""

TABLE_CELLS = 20_000_000
"""Distinct lengths times capacity up to which bin packing is tried; one larger knapsack takes up to a second."""

MOST_LITERALS = 100_000
"""Jobs times machines up to which the CP-SAT model is built; a larger one takes too long to build."""

MAX_BITS = 1 << 28
"""Bits of all subset sums of two machines (32 MB), beyond which their jobs are dealt longest first."""


def bound_makespan(p: Integers, m: int) -> int:
    """Computes a lower bound on the makespan by counting jobs.

    It is the larger of the rounded-up mean load and the best bound for the q longest jobs, over all q: some machine
    has at least h = ceil(q/m) of these. Either a machine has h + 1 or more, so its load is at least that of the h + 1
    shortest of the q; or at least r = q - (h - 1)m machines have exactly h, and the mean load of r of them is at least
    that of the rh shortest. With q = km + 1 this is the usual bound by the k + 1 shortest of km + 1 jobs.
    """
    longest = np.sort(p)[::-1]
    total = np.concatenate(([0], np.cumsum(longest)))

    def sum_shortest(count: int, q: int) -> int:
        return int(total[q] - total[q - count])

    best = -int(-int(p.sum()) // m)
    for q in range(1, len(p) + 1):
        h = -(-q // m)
        r = q - (h - 1) * m
        exactly = -(-sum_shortest(r * h, q) // r)
        best = max(best, min(exactly, sum_shortest(h + 1, q)) if h < q else exactly)
    return best


def schedule_longest_first(p: Integers, m: int) -> list[list[int]]:
    """Schedules jobs longest first on the first free machine (LPT, Graham 1969)."""
    loads, machines = np.zeros(m, np.int64), [list[int]() for _ in range(m)]
    for job in np.argsort(-p, kind="stable"):
        first = int(np.argmin(loads))
        machines[first].append(int(job))
        loads[first] += p[job]
    return machines


def balance_jobs(jobs: Sequence[int], p: Sequence[int]) -> tuple[list[int], list[int]]:
    """Splits jobs into two parts whose loads differ as little as possible.

    Subset sums are the bits of integers. Large cases are dealt longest first, which is no exact method.

    Returns:
        The two parts, the one of greater load first.
    """
    if len(jobs) * sum(p[job] for job in jobs) > MAX_BITS:
        return _deal_jobs(jobs, p)
    sums = [1]
    for job in jobs:
        sums.append(sums[-1] | sums[-1] << p[job])
    half = sum(p[job] for job in jobs) // 2
    load = (sums[-1] & ((1 << half + 1) - 1)).bit_length() - 1
    less, more = [], []
    for k in range(len(jobs) - 1, -1, -1):
        if sums[k] >> load & 1:
            more.append(jobs[k])
        else:
            less.append(jobs[k])
            load -= p[jobs[k]]
    return more, less


def _deal_jobs(jobs: Sequence[int], p: Sequence[int]) -> tuple[list[int], list[int]]:
    """Deals jobs longest first to two parts, and returns the heavier first."""
    parts: tuple[list[int], list[int]] = ([], [])
    loads = [0, 0]
    for job in sorted(jobs, key=lambda job: -p[job]):
        lighter = int(loads[1] < loads[0])
        parts[lighter].append(job)
        loads[lighter] += p[job]
    return parts if loads[0] >= loads[1] else (parts[1], parts[0])


class _Descent:
    """A descent that balances pairs of machines while a pair improves."""

    def __init__(self, p: Integers, machines: list[list[int]], enough: int, deadline: float) -> None:
        self._p = [int(value) for value in p]
        self._enough, self._deadline = enough, deadline
        self.machines = machines
        self.loads = [sum(self._p[job] for job in jobs) for jobs in machines]

    @property
    def makespan(self) -> int:
        """The greatest load."""
        return max(self.loads)

    def descend(self) -> None:
        """Balances pairs of machines, fullest with emptiest first, while a pair improves."""
        improved = True
        while improved and self.makespan > self._enough and time.process_time() < self._deadline:
            order = sorted(range(len(self.loads)), key=lambda k: -self.loads[k])
            pairs = [(a, b) for place, a in enumerate(order) for b in order[:place:-1]]
            improved = any(self._balance(a, b) for a, b in pairs)

    def _balance(self, a: int, b: int) -> bool:
        """Balances two machines and tells whether the greater load fell."""
        if self.loads[a] - self.loads[b] <= 1 or time.process_time() > self._deadline:
            return False
        more, less = balance_jobs(self.machines[a] + self.machines[b], self._p)
        loads = [sum(self._p[job] for job in jobs) for jobs in (more, less)]
        if loads[0] >= self.loads[a]:
            return False
        self.machines[a], self.machines[b] = more, less
        self.loads[a], self.loads[b] = loads
        return True

    def perturb(self, rng: np.random.Generator) -> None:
        """Redistributes the jobs of three machines at random."""
        chosen = rng.choice(len(self.loads), min(3, len(self.loads)), replace=False).tolist()
        pool = rng.permutation([job for k in chosen for job in self.machines[k]]).tolist()
        parts = np.array_split(np.array(pool, dtype=np.int64), len(chosen))
        for k, part in zip(chosen, parts, strict=True):
            self.machines[k] = part.tolist()
            self.loads[k] = sum(self._p[job] for job in self.machines[k])


def _descend_with_restarts(p: Integers, m: int, lower: int, deadline: float) -> list[list[int]]:
    """Descends from LPT, then from perturbations of the best schedule so far."""
    rng = np.random.default_rng(1)
    search = _Descent(p, schedule_longest_first(p, m), lower, deadline)
    search.descend()
    best = search
    for _ in range(RESTARTS):
        if best.makespan <= lower or m < 3 or time.process_time() > deadline:
            break
        search = _Descent(p, [list(jobs) for jobs in best.machines], lower, deadline)
        search.perturb(rng)
        search.descend()
        best = min(best, search, key=lambda found: found.makespan)
    return best.machines


@dataclass
class _Bounds:
    """A proven lower bound, and the schedule `machines` of makespan `upper`."""

    lower: int
    upper: int
    machines: list[list[int]]
    solver: str

    @property
    def open(self) -> bool:
        """Whether the bounds differ."""
        return self.lower < self.upper


def solve_parallel_machines(p: Integers, m: int, seconds: float) -> Baseline:
    """Finds the least makespan, or bounds when time is short.

    Args:
        p: processing times, at least 0, shape (n,), n >= 1.
        m: the number of machines.
        seconds: limit of CPU time; a quarter for the descent, up to three quarters with bin packing, then CP-SAT.
    """
    start = time.process_time()
    lower = bound_makespan(p, m)
    machines = _descend_with_restarts(p, m, lower, start + seconds / 4)
    found = _Bounds(lower, _compute_makespan(p, machines), machines, "pair balancing, bounds")
    if found.open and len(np.unique(p)) * found.upper <= TABLE_CELLS:
        _tighten_by_bin_packing(p, m, found, start + seconds * 3 / 4)
    small = len(p) * m <= MOST_LITERALS
    if found.open and small and (left := start + seconds - time.process_time()) > 0:
        _tighten_by_cpsat(p, m, found, left)
    assignment = np.full(len(p), -1)
    for number, jobs in enumerate(found.machines):
        assignment[jobs] = number
    _check_assignment(assignment, p, m, found.upper)
    return Baseline(found.lower, found.upper, assignment.tolist(), found.solver, time.process_time() - start)


def _tighten_by_bin_packing(p: Integers, m: int, found: _Bounds, deadline: float) -> None:
    """Halves the interval of makespans by packing the jobs into m bins."""
    jobs = np.flatnonzero(p)
    rest = np.flatnonzero(p == 0).tolist()
    least, most, middle = found.lower, found.upper, found.lower  # the lower bound is most often the optimum
    while least < most and time.process_time() < deadline:
        bins, packing = find_packing(p[jobs], middle, m, deadline)
        if packing is not None:
            found.machines = [jobs[np.array(packing) == k].tolist() for k in range(m)]
            found.machines[0] += rest
            found.upper = most = _compute_makespan(p, found.machines)
        elif bins > m:
            found.lower = least = middle + 1
        else:
            least = middle + 1  # undecided: larger capacities may still work, but nothing is proven
        middle = (least + most) // 2
        found.solver = "column generation"


def _tighten_by_cpsat(p: Integers, m: int, found: _Bounds, seconds: float) -> None:
    """Improves the bounds by CP-SAT."""
    from gapsmith.evaluators.problems.parallel_machines.exact.cpsat import solve_with_cpsat

    lower, machines = solve_with_cpsat(p, m, found.lower, found.machines, seconds)
    found.lower = max(found.lower, lower)
    if _compute_makespan(p, machines) < found.upper:
        found.machines, found.upper = machines, _compute_makespan(p, machines)
    found.solver = "CP-SAT"


def _compute_makespan(p: Integers, machines: Sequence[Sequence[int]]) -> int:
    """Returns the greatest load."""
    return max(int(p[list(jobs)].sum()) for jobs in machines)


def _check_assignment(assignment: Integers, p: Integers, m: int, makespan: int) -> None:
    """Raises AssertionError unless an assignment is complete and has that makespan."""
    loads = np.zeros(m, np.int64)
    np.add.at(loads, assignment, p)
    if assignment.min() < 0 or loads.max() != makespan:
        raise AssertionError(
            f"bug in P||Cmax: claims {makespan}, its schedule ends at {loads.max()}; please report"
        )
