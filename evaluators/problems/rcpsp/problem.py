"""PS|prec|Cmax.

Start the activities of a project so that it ends early and no resource is overdrawn.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Baseline, Datum, Infeasible, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.rcpsp import compiled
from gapsmith.evaluators.problems.rcpsp.exact import solve_rcpsp
from gapsmith.evaluators.problems.rcpsp.generator import draw_project
from gapsmith.evaluators.problems.rcpsp.grammar import GRAMMAR
from gapsmith.evaluators.problems.rcpsp.reader import read_project
from gapsmith.evaluators.problems.rcpsp.rules import RULES

BRIEF = """\
Resource-constrained project scheduling, makespan: PS|prec|Cmax. Activities 0, 1, ..., n-1 run for duration[i] time
units each, without preemption. For each pair (i, j) of `precedence`, activity j must not start before i has ended.
While it runs, activity i occupies demand[i, k] units of the renewable resource k, of which there are capacity[k] at
all times. Activity 0 comes before, activity n-1 after all others; both have no duration and no demand. All pairs
have i < j.
Return integer start times, 0 or more, such that all precedences hold, no capacity is exceeded at any time, and the
makespan, the greatest end of an activity, is as small as possible."""

STORY = """\
Projects are like PSPLIB's: SIZES, durations and requests from 1 to 10, 4 resources. NC says how many
precedences there are for each activity, RF (resource factor) which share of the requests is not 0, RS (resource
strength) how plentiful the capacities are: 0 is the least at which every activity can run alone, 1 is enough for
the schedule without resources. Scarce resources (RS = 0.2) asked for by all (RF = 1) are the hardest."""

ENTRY = EntryPoint(
    "schedule",
    (
        Argument(
            "duration", "int64 array of shape [n]", "durations, in time units, 0 or more", "NDArray[np.int64]"
        ),
        Argument(
            "precedence",
            "int64 array of shape [arcs, 2]",
            "pairs (i, j): activity j starts when i has ended, or later; i < j",
            "NDArray[np.int64]",
        ),
        Argument(
            "demand",
            "int64 array of shape [n, r]",
            "units of each resource that an activity occupies while it runs",
            "NDArray[np.int64]",
        ),
        Argument(
            "capacity",
            "int64 array of shape [r]",
            "units of each resource that there are",
            "NDArray[np.int64]",
        ),
    ),
    "a list or array of n integer start times, in time units, activity by activity",
    "Sequence[int] | NDArray[np.int64]",
)

ENTRY_NAMES = tuple(argument.name for argument in ENTRY.arguments)

SCARCE = tuple(f"NC={nc} RF={rf} RS={rs}" for nc, rf, rs in product((1.5, 1.8), (0.5, 1.0), (0.1, 0.2, 0.3)))
"""Classes without those whose optimum is the critical path: nothing is to be found there."""

STRATA = tuple(
    f"NC={nc} RF={rf} RS={rs}" for nc, rf, rs in product((1.5, 1.8), (0.25, 0.5, 0.75, 1.0), (0.2, 0.5, 0.7))
)


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws a project of `size` activities and the two ends; see `projects`."""
    complexity, factor, strength = (float(part.split("=")[1]) for part in stratum.split())
    return draw_project(rng, size, complexity, factor, strength)


def read(path: Path) -> list[Instance]:
    """Reads a `.sm` file of PSPLIB. Raises GapsmithError with the line."""
    found = read_project(path)
    return [Instance(path.stem, {name: getattr(found, name) for name in ENTRY_NAMES})]


def cost(instance: Instance, solution: Any) -> int:
    """Returns the makespan of start times.

    Raises Infeasible with the precedence or the resource that is violated.
    """
    duration, precedence, demand, capacity = (
        np.asarray(instance.data[name]).tolist() for name in ENTRY_NAMES
    )
    n = len(duration)
    if not isinstance(solution, list):
        raise Infeasible(f"returned {type(solution).__name__}; expected a list of {n} start times")
    if len(solution) != n:
        raise Infeasible(f"returned {len(solution)} start times; expected {n}, one for each activity")
    for i, value in enumerate(solution):
        if type(value) is not int:  # neither True nor 2.0 is a time
            raise Infeasible(f"the start of activity {i} is {value!r:.40}; expected an integer")
        if value < 0:
            raise Infeasible(f"activity {i} starts at {value}; the project starts at 0")
    ends = [start + length for start, length in zip(solution, duration, strict=True)]
    for i, j in precedence:
        if solution[j] < ends[i]:
            raise Infeasible(f"activity {j} starts at {solution[j]}, before activity {i} ends at {ends[i]}")
    _check_resources(solution, ends, demand, capacity)
    return int(max(ends))


def _check_resources(
    starts: list[int], ends: list[int], demand: list[list[int]], capacity: list[int]
) -> None:
    """Raises Infeasible at the first start at which a resource is overdrawn.

    The use of resources rises at starts only.
    """
    for moment in sorted({start for start, end in zip(starts, ends, strict=True) if start < end}):
        running = [i for i, start in enumerate(starts) if start <= moment < ends[i]]
        for k, units in enumerate(capacity):
            if (used := sum(demand[i][k] for i in running)) > units:
                names = ", ".join(str(i) for i in running if demand[i][k])
                raise Infeasible(
                    f"at time {moment} activities {names} occupy {used} units of resource {k}; there are {units}"
                )


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by CP-SAT with cumulative resources.

    See `exact`.
    """
    duration, precedence, demand, capacity = (np.asarray(instance.data[name]) for name in ENTRY_NAMES)
    return solve_rcpsp(duration, precedence, demand, capacity, seconds)


def tighten(instance: Instance, seconds: float, known: Baseline) -> Baseline:
    """Continues an earlier solve, from its bound and schedule."""
    duration, precedence, demand, capacity = (np.asarray(instance.data[name]) for name in ENTRY_NAMES)
    return solve_rcpsp(duration, precedence, demand, capacity, seconds, known)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: two seconds up to 32 activities.

    From there it grows as the square of the number of activities.
    """
    return 2.0 * max(1.0, (len(np.asarray(instance.data["duration"])) / 32) ** 2)


SCALES = {
    "medium": ProblemScale(
        strata=SCARCE,
        sizes=dict.fromkeys(Split, (60, 90)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 36},
        cpu_seconds=1.0,
        solver_seconds=4.0,
        story=STORY.replace("SIZES", "60 or 90 activities"),
    ),
    "large": ProblemScale(
        strata=SCARCE,
        sizes=dict.fromkeys(Split, (120, 300)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 12, Split.TEST: 24},
        cpu_seconds=10.0,
        solver_seconds=8.0,
        story=STORY.replace("SIZES", "120 or 300 activities"),
    ),
}

problem = Problem(
    name="rcpsp",
    title="PS|prec|Cmax: resource-constrained project, makespan",
    brief=BRIEF,
    story=STORY.replace("SIZES", "15 to 120 activities"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (20,), Split.VALIDATION: (25,), Split.TEST: (30,)},
    counts={Split.TRAIN: 24, Split.VALIDATION: 48, Split.TEST: 72},
    read=read,
    cost=cost,
    baseline=baseline,
    tighten=tighten,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
