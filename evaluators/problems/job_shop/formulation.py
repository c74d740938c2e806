"""J‖Cmax by intervals: when each operation starts, machines without overlap."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.job_shop import problem as job_shop
from gapsmith.evaluators.problems.job_shop.exact import compute_start_times, makespan, order_by_start
from gapsmith.evaluators.problems.job_shop.patterns import PATTERNS

BRIEF = """\
J||Cmax by intervals; data: machines, p, arrays of shape [n, m]: the machine and the time of the i-th operation of job
j.
Variables: start[j][i], integer from 0, shape [n][m]; operation[j][i], the interval of that operation, of fixed size
p[j, i], shape [n][m]; makespan, integer. The horizon is the sum of all times.
Constraints: an operation starts after the one before it in its job has ended; the intervals of a machine do not
overlap; makespan >= the end of every job's last operation. Minimised: makespan."""


def build(instance: Instance) -> Built:
    """Builds an interval for each operation, a disjunction for each machine."""
    from ortools.sat.python import cp_model

    machines, p = _arrays(instance)
    model, (n, m), horizon = cp_model.CpModel(), p.shape, int(p.sum())
    start = [
        [model.new_int_var(0, horizon - int(p[j, i]), f"start {j} {i}") for i in range(m)] for j in range(n)
    ]
    operation = [
        [model.new_fixed_size_interval_var(start[j][i], int(p[j, i]), f"operation {j} {i}") for i in range(m)]
        for j in range(n)
    ]
    makespan = model.new_int_var(0, horizon, "makespan")
    for j in range(n):
        for i in range(m - 1):
            model.add(start[j][i + 1] >= start[j][i] + int(p[j, i]))
        model.add(makespan >= start[j][-1] + int(p[j, -1]))
    for machine in np.unique(machines):
        model.add_no_overlap([operation[j][i] for j, i in np.argwhere(machines == machine)])
    model.minimize(makespan)
    return Built(model, {"start": start, "operation": operation, "makespan": makespan})


def decode(instance: Instance, values: Values) -> list[int]:
    """Sorts the operations by their starts."""
    return order_by_start(_arrays(instance)[1], np.array(values["start"]))


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a list of operations."""
    machines, p = _arrays(instance)
    sequence = list(solution)
    return {
        "start": compute_start_times(machines, p, sequence),
        "operation": [[None] * p.shape[1] for _ in p],
        "makespan": makespan(machines, p, sequence),
    }


def _arrays(instance: Instance) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to four jobs on one to three machines.

    Some times are 0; a job may be a copy of another.
    """
    n, m = draw_tiny_size(rng, 1, 4), draw_tiny_size(rng, 1, 3)
    machines = np.array([rng.permutation(m) for _ in range(n)])
    p = rng.integers(int(rng.random() < 0.8), rng.choice((2, 5, 99)), (n, m), endpoint=True)
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        machines[one], p[one] = machines[other], p[other]
    return {"machines": machines, "p": p}


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws `size` jobs on as many machines, with any routes."""
    return job_shop.generate(rng, f"m={size} any route", size)


formulation = Formulation(
    name="job_shop_interval",
    problem=job_shop.problem.name,
    title="J‖Cmax: intervals that do not overlap",
    brief=BRIEF,
    citation="Baptiste, Le Pape and Nuijten 2001, Constraint-Based Scheduling",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("start",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (10, 11), Split.VALIDATION: (11,), Split.TEST: (11,)},
    patterns=PATTERNS,
)
