"""1‖ΣTj by positional assignment.

Which job is at which place of the sequence.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.instances import (
    PROBLEM,
    completion_times,
    draw_tiny_or_larger,
    generate,
    jobs,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.positional_patterns import PATTERNS
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.whole_model_patterns import (
    ORDERING,
    POSITIONAL,
)

BRIEF = """\
1||sum Tj by positional assignment; data: p, d, arrays of shape [n].
Variables: at[j][k], Boolean, shape [n][n]: job j is the k-th of the sequence. tardiness[k], integer from 0, shape [n]:
that of the job at place k.
Constraints: every job has one place, every place one job; tardiness[k] >= (sum of the times of the jobs at places
0..k) - (due date of the job at place k). Minimised: the sum of tardiness."""


def build(instance: Instance) -> Built:
    """Builds the model of Lasserre and Queyranne with explicit completion times."""
    from ortools.sat.python import cp_model

    p, d = jobs(instance)
    n, model = len(p), cp_model.CpModel()
    at = [[model.new_bool_var(f"job {j} at {k}") for k in range(n)] for j in range(n)]
    for one in range(n):
        model.add_exactly_one(at[one])
        model.add_exactly_one(at[j][one] for j in range(n))
    most = max(0, sum(p) - min(d))
    tardiness = [model.new_int_var(0, most, f"tardiness at {k}") for k in range(n)]
    done: Any = 0
    for k in range(n):
        done += sum(p[j] * at[j][k] for j in range(n))
        model.add(tardiness[k] >= done - sum(d[j] * at[j][k] for j in range(n)))
    model.minimize(sum(tardiness))
    return Built(model, {"at": at, "tardiness": tardiness})


def decode(_: Instance, values: Values) -> list[int]:
    """Lists the jobs by their places."""
    return [int(job) for job in np.argmax(np.array(values["at"]), axis=0)]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a sequence."""
    p, d = jobs(instance)
    done = completion_times(p, solution)
    return {
        "at": [[int(job == other) for other in solution] for job in range(len(p))],
        "tardiness": [max(0, done[job] - d[job]) for job in solution],
    }


formulation = Formulation(
    name="tardiness_positional",
    problem=PROBLEM,
    title="1‖ΣTj: positional assignment",
    brief=BRIEF,
    citation="Lasserre and Queyranne 1992; Keha, Khowala and Fowler 2009, Computers & Industrial Engineering 56",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("at",),
    micro=draw_tiny_or_larger,
    generate=generate,
    sizes={Split.TRAIN: (12, 13), Split.VALIDATION: (13,), Split.TEST: (13, 14)},
    patterns=PATTERNS,
    linear=True,
    builds=(POSITIONAL, ORDERING),
)
