"""1‖ΣTj by time indices.

A literal for each job and each moment at which it may start.
"""

from collections.abc import Sequence

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.instances import (
    PROBLEM,
    completion_times,
    draw_tiny_short,
    generate_short,
    jobs,
    sort_by_start,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.time_indexed_patterns import PATTERNS

BRIEF = """\
1||sum Tj by time indices; data: p, d, arrays of shape [n].
Variables: starts[j][t], Boolean, for t from 0 to sum(p) - p[j]: job j starts at time t.
Constraints: every job starts once; at every time unit from 0 to sum(p) - 1 at most one job runs. Minimised: the sum of
max(0, t + p[j] - d[j]) * starts[j][t]."""


def build(instance: Instance) -> Built:
    """Builds the model of Sousa and Wolsey."""
    from ortools.sat.python import cp_model

    p, d = jobs(instance)
    model, horizon = cp_model.CpModel(), sum(p)
    starts = [
        [model.new_bool_var(f"job {j} from {t}") for t in range(horizon - length + 1)]
        for j, length in enumerate(p)
    ]
    for line in starts:
        model.add_exactly_one(line)
    for moment in range(horizon):
        model.add_at_most_one(
            literal
            for line, length in zip(starts, p, strict=True)
            for literal in line[max(0, moment - length + 1) : moment + 1]
        )
    model.minimize(
        sum(max(0, t + p[j] - d[j]) * at for j, line in enumerate(starts) for t, at in enumerate(line))
    )
    return Built(model, {"starts": starts})


def decode(_: Instance, values: Values) -> list[int]:
    """Sorts the jobs by their starts."""
    return sort_by_start([line.index(1) for line in values["starts"]])


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a sequence."""
    p, _ = jobs(instance)
    done = completion_times(p, solution)
    return {"starts": [[int(t == done[j] - p[j]) for t in range(sum(p) - p[j] + 1)] for j in range(len(p))]}


formulation = Formulation(
    name="tardiness_time_indexed",
    problem=PROBLEM,
    title="1‖ΣTj: time indices",
    brief=BRIEF,
    citation="Sousa and Wolsey 1992, Mathematical Programming 54",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("starts",),
    micro=draw_tiny_short,
    generate=generate_short,
    sizes={Split.TRAIN: (6, 7), Split.VALIDATION: (7,), Split.TEST: (7, 8)},
    patterns=PATTERNS,
    linear=True,
)
