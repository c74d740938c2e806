"""F|prmu|Cmax by positional assignment.

Which job is at which place, and when each place starts on each machine.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.permutation_flow_shop import problem as permutation_flow_shop
from gapsmith.evaluators.problems.permutation_flow_shop.patterns import PATTERNS

BRIEF = """\
F|prmu|Cmax by positional assignment; data: p, array of shape [n, m]: the time of job j on machine k.
Variables: at[j][i], Boolean, shape [n][n]: job j is the i-th of the sequence; start[i][k], integer from 0, shape
[n][m]: when the job at place i starts on machine k; makespan, integer. The horizon is the sum of all times.
Constraints: every job has one place, every place one job; a place starts on a machine when the place before has left
it, and when its job has left the machine before; makespan >= the end of the last place on the last machine. Minimised:
makespan."""


def build(instance: Instance) -> Built:
    """Builds Wagner's model with start times in place of idle times."""
    from ortools.sat.python import cp_model

    p = _times(instance)
    model, (n, m), horizon = cp_model.CpModel(), p.shape, int(p.sum())
    at = [[model.new_bool_var(f"job {j} at {i}") for i in range(n)] for j in range(n)]
    for one in range(n):
        model.add_exactly_one(at[one])
        model.add_exactly_one(at[j][one] for j in range(n))
    start = [[model.new_int_var(0, horizon, f"start {i} {k}") for k in range(m)] for i in range(n)]
    makespan = model.new_int_var(0, horizon, "makespan")
    for i in range(n):
        for k in range(m):
            end = start[i][k] + sum(int(p[j, k]) * at[j][i] for j in range(n))
            if i + 1 < n:
                model.add(start[i + 1][k] >= end)
            if k + 1 < m:
                model.add(start[i][k + 1] >= end)
    model.add(makespan >= start[-1][-1] + sum(int(p[j, -1]) * at[j][-1] for j in range(n)))
    model.minimize(makespan)
    return Built(model, {"at": at, "start": start, "makespan": makespan})


def decode(_: Instance, values: Values) -> list[int]:
    """Lists the jobs by their places."""
    return [int(job) for job in np.argmax(np.array(values["at"]), axis=0)]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a semi-active schedule."""
    p = _times(instance)
    n, m = p.shape
    end = np.zeros((n + 1, m + 1), dtype=np.int64)
    for i, job in enumerate(solution):
        for k in range(m):
            end[i + 1, k + 1] = max(end[i, k + 1], end[i + 1, k]) + p[job, k]
    return {
        "at": [[int(job == other) for other in solution] for job in range(n)],
        "start": (end[1:, 1:] - p[list(solution)]).tolist(),
        "makespan": int(end[-1, -1]),
    }


def _times(instance: Instance) -> NDArray[np.int64]:
    return np.asarray(instance.data["p"])


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to six jobs on one to four machines.

    Some times are 0; a job may be a copy of another, or nowhere longer.
    """
    n, m = draw_tiny_size(rng, 1, 6), draw_tiny_size(rng, 1, 4)
    p = rng.integers(int(rng.random() < 0.8), rng.choice((2, 5, 99)), (n, m), endpoint=True)
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        p[one] = np.minimum(p[other], rng.choice((p[one], p[other])))
    return {"p": p}


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws Taillard's processing times on five machines."""
    return permutation_flow_shop.generate(rng, "m=5", size)


formulation = Formulation(
    name="flow_shop_positional",
    problem=permutation_flow_shop.problem.name,
    title="F|prmu|Cmax: positional assignment",
    brief=BRIEF,
    citation="Wagner 1959, Naval Research Logistics Quarterly 6; Stafford 1988",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("at",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (9, 10), Split.VALIDATION: (10,), Split.TEST: (10,)},
    patterns=PATTERNS,
    linear=True,
)
