"""1‖ΣTj by intervals: when each job starts, without overlap."""

from collections.abc import Sequence

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.instances import (
    PROBLEM,
    completion_times,
    draw_tiny,
    generate,
    jobs,
    sort_by_start,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.interval_patterns import PATTERNS

BRIEF = """\
1||sum Tj by intervals; data: p, d, arrays of shape [n].
Variables: start[j], integer from 0 to sum(p) - p[j], shape [n]; job[j], the interval of job j, of fixed size p[j],
shape [n]; tardiness[j], integer from 0, shape [n].
Constraints: the intervals do not overlap; tardiness[j] >= start[j] + p[j] - d[j]. Minimised: the sum of tardiness."""


def build(instance: Instance) -> Built:
    """Builds an interval for each job; the horizon excludes idle time."""
    from ortools.sat.python import cp_model

    p, d = jobs(instance)
    model, horizon = cp_model.CpModel(), sum(p)
    start = [model.new_int_var(0, horizon - length, f"start {j}") for j, length in enumerate(p)]
    job = [model.new_fixed_size_interval_var(start[j], length, f"job {j}") for j, length in enumerate(p)]
    tardiness = [model.new_int_var(0, max(0, horizon - due), f"tardiness {j}") for j, due in enumerate(d)]
    model.add_no_overlap(job)
    for j, late in enumerate(tardiness):
        model.add(late >= start[j] + p[j] - d[j])
    model.minimize(sum(tardiness))
    return Built(model, {"start": start, "job": job, "tardiness": tardiness})


def decode(_: Instance, values: Values) -> list[int]:
    """Sorts the jobs by their starts."""
    return sort_by_start(values["start"])


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a sequence."""
    p, d = jobs(instance)
    done = completion_times(p, solution)
    return {
        "start": [done[j] - p[j] for j in range(len(p))],
        "job": [None] * len(p),
        "tardiness": [max(0, done[j] - d[j]) for j in range(len(p))],
    }


formulation = Formulation(
    name="tardiness_interval",
    problem=PROBLEM,
    title="1‖ΣTj: intervals that do not overlap",
    brief=BRIEF,
    citation="OR-Tools' general form; Baptiste, Le Pape and Nuijten 2001, Constraint-Based Scheduling",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("start",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (9, 10), Split.VALIDATION: (10,), Split.TEST: (10, 11)},
    patterns=PATTERNS,
)
