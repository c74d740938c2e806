"""PS|prec|Cmax by intervals: when each activity starts, resources as cumulatives."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.rcpsp import problem as rcpsp
from gapsmith.evaluators.problems.rcpsp.generator import draw_project
from gapsmith.evaluators.problems.rcpsp.patterns import PATTERNS

BRIEF = """\
PS|prec|Cmax by intervals; data: duration, array of shape [n]; precedence, pairs (i, j) with i < j, shape [arcs, 2];
demand, shape [n, r]; capacity, shape [r]. Activity 0 comes before, activity n-1 after all others.
Variables: start[i], integer from 0, shape [n]; activity[i], its interval of fixed size duration[i], shape [n];
makespan, integer. The horizon is the sum of all durations.
Constraints: j starts when i has ended, for each pair; the demands of the activities that run together fit into each
resource; makespan >= the end of every activity. Minimised: makespan."""


def build(instance: Instance) -> Built:
    """Builds an interval for each activity, a cumulative for each resource."""
    from ortools.sat.python import cp_model

    duration, precedence, demand, capacity = _lists(instance)
    model, horizon = cp_model.CpModel(), sum(duration)
    start = [model.new_int_var(0, horizon - length, f"start {i}") for i, length in enumerate(duration)]
    activity = [
        model.new_fixed_size_interval_var(start[i], length, f"activity {i}")
        for i, length in enumerate(duration)
    ]
    makespan = model.new_int_var(0, horizon, "makespan")
    for i, j in precedence:
        model.add(start[j] >= start[i] + duration[i])
    for i, length in enumerate(duration):
        model.add(makespan >= start[i] + length)
    for k, units in enumerate(capacity):
        users = [i for i, asked in enumerate(demand) if asked[k]]
        model.add_cumulative([activity[i] for i in users], [demand[i][k] for i in users], units)
    model.minimize(makespan)
    return Built(model, {"start": start, "activity": activity, "makespan": makespan})


def decode(_: Instance, values: Values) -> list[int]:
    """Returns the starts."""
    return list(values["start"])


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for given starts."""
    duration, *_ = _lists(instance)
    ends = [start + length for start, length in zip(solution, duration, strict=True)]
    return {"start": list(solution), "activity": [None] * len(duration), "makespan": max(ends)}


def _lists(instance: Instance) -> tuple[list[int], list[list[int]], list[list[int]], list[int]]:
    duration, precedence, demand, capacity = (
        np.asarray(instance.data[name]).tolist() for name in ("duration", "precedence", "demand", "capacity")
    )
    return duration, precedence, demand, capacity


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to six activities and one or two resources.

    The two dummy activities come in addition; an activity may be a copy of another.
    """
    n, kinds = draw_tiny_size(rng, 1, 6), int(rng.integers(1, 2, endpoint=True))
    duration = rng.integers(int(rng.random() < 0.8), rng.choice((2, 6, 10)), n, endpoint=True)
    demand = rng.integers(0, rng.choice((3, 10)), (n, kinds), endpoint=True)
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        duration[one], demand[one] = duration[other], demand[other]
    most = np.maximum(demand.max(axis=0), 1)
    return {
        "duration": np.concatenate(([0], duration, [0])),
        "precedence": _draw_arcs(rng, n),
        "demand": np.pad(demand, ((1, 1), (0, 0))),
        "capacity": most + rng.integers(0, most, kinds, endpoint=True),
    }


def _draw_arcs(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Draws a few arcs, and adds those of the dummy activities."""
    inner = [(i, j) for i in range(1, n + 1) for j in range(i + 1, n + 1) if rng.random() < 0.25]
    ends = [(0, i) for i in range(1, n + 1)] + [(i, n + 1) for i in range(1, n + 1)]
    return np.array(sorted({*inner, *ends}), dtype=np.int64)


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws instances of PSPLIB's hardest class.

    Every activity needs every resource, and these are scarce.
    """
    return draw_project(rng, size, 1.5, 1.0, 0.2)


formulation = Formulation(
    name="rcpsp_interval",
    problem=rcpsp.problem.name,
    title="PS|prec|Cmax: intervals and cumulative resources",
    brief=BRIEF,
    citation="Aggoun and Beldiceanu 1993; Baptiste, Le Pape and Nuijten 2001, Constraint-Based Scheduling",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("start",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (20, 25), Split.VALIDATION: (25,), Split.TEST: (30,)},
    patterns=PATTERNS,
)
