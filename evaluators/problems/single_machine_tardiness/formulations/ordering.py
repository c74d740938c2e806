"""1‖ΣTj by linear ordering: which of two jobs comes first."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.instances import (
    PROBLEM,
    completion_times,
    draw_tiny,
    generate,
    jobs,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.ordering_patterns import PATTERNS

BRIEF = """\
1||sum Tj by linear ordering; data: p, d, arrays of shape [n].
Variables: before[i][j] for i < j, Boolean, None elsewhere, shape [n][n]: job i comes before job j (its negation: j
before i); tardiness[j], integer from 0, shape [n].
Constraints: no three jobs in a circle; tardiness[j] >= (p[j] and the times of the jobs before j) - d[j]. Minimised:
the sum of tardiness."""


def build(instance: Instance) -> Built:
    """Builds a literal for each pair; cycles of three jobs are excluded."""
    from ortools.sat.python import cp_model

    p, d = jobs(instance)
    n, model = len(p), cp_model.CpModel()
    before: list[list[Any]] = [
        [model.new_bool_var(f"{i} before {j}") if i < j else None for j in range(n)] for i in range(n)
    ]
    for i, j, k in combinations(range(n), 3):
        model.add_bool_or(~before[i][j], ~before[j][k], before[i][k])
        model.add_bool_or(before[i][j], before[j][k], ~before[i][k])
    tardiness = [model.new_int_var(0, max(0, sum(p) - due), f"tardiness {j}") for j, due in enumerate(d)]
    for j in range(n):
        earlier = sum(p[i] * before[i][j] for i in range(j))
        later = sum(p[i] * (1 - before[j][i]) for i in range(j + 1, n))
        model.add(tardiness[j] >= earlier + later + p[j] - d[j])
    model.minimize(sum(tardiness))
    return Built(model, {"before": before, "tardiness": tardiness})


def decode(_: Instance, values: Values) -> list[int]:
    """Sorts the jobs by the number of jobs before them."""
    before = values["before"]
    n = len(before)
    ahead = [
        sum(before[i][j] for i in range(j)) + sum(1 - before[j][i] for i in range(j + 1, n)) for j in range(n)
    ]
    return sorted(range(n), key=lambda j: ahead[j])


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a sequence."""
    p, d = jobs(instance)
    n, done = len(p), completion_times(p, solution)
    return {
        "before": [[int(done[i] < done[j]) if i < j else None for j in range(n)] for i in range(n)],
        "tardiness": [max(0, done[j] - d[j]) for j in range(n)],
    }


formulation = Formulation(
    name="tardiness_ordering",
    problem=PROBLEM,
    title="1‖ΣTj: linear ordering",
    brief=BRIEF,
    citation="Potts 1980, Mathematical Programming Study 13; Dyer and Wolsey 1990",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("before",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (10, 11), Split.VALIDATION: (11,), Split.TEST: (11, 12)},
    patterns=PATTERNS,
    linear=True,
)
