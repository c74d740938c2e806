"""Quadratic assignment by sums.

What each facility costs where it stands, as Kaufman and Broeckx linearised it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.quadratic_assignment import problem as quadratic_assignment
from gapsmith.evaluators.problems.quadratic_assignment.patterns import PATTERNS

BRIEF = """\
Quadratic assignment by sums; data: flow, distance, arrays of shape [n, n].
Variables: at[i][j], Boolean, shape [n][n]: facility i is at location j; cost[i], integer from 0, shape [n]: what
facility i costs, the sum over k of flow[i, k] times the distance from its location to that of k.
Constraints: every facility has one location, every location one facility; if at[i][j], then cost[i] >= the sum over k
and l of flow[i, k] * distance[j, l] * at[k][l]. Minimised: the sum of cost."""


def build(instance: Instance) -> Built:
    """Builds one enforced inequality for each facility and location."""
    from ortools.sat.python import cp_model

    flow, distance = (np.asarray(instance.data[name]) for name in ("flow", "distance"))
    model, n = cp_model.CpModel(), len(flow)
    at = [[model.new_bool_var(f"facility {i} at {j}") for j in range(n)] for i in range(n)]
    for one in range(n):
        model.add_exactly_one(at[one])
        model.add_exactly_one(at[i][one] for i in range(n))
    most = [int(flow[i].sum() * distance.max()) for i in range(n)]
    cost = [model.new_int_var(0, most[i], f"cost {i}") for i in range(n)]
    for i, j in np.ndindex(n, n):
        product = np.outer(flow[i], distance[j])
        paid = sum(int(product[k, h]) * at[k][h] for k, h in np.argwhere(product))
        model.add(cost[i] >= paid).only_enforce_if(at[i][j])
    model.minimize(sum(cost))
    return Built(model, {"at": at, "cost": cost})


def decode(_: Instance, values: Values) -> list[int]:
    """Returns the location of each facility."""
    return [line.index(1) for line in values["at"]]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for an assignment."""
    flow, distance = (np.asarray(instance.data[name]) for name in ("flow", "distance"))
    place = np.array(solution)
    return {
        "at": [[int(j == location) for j in range(len(flow))] for location in solution],
        "cost": (flow * distance[np.ix_(place, place)]).sum(axis=1).tolist(),
    }


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to five facilities.

    Flows are symmetric or not; distances are random, on a line or in a grid.
    """
    n, most = draw_tiny_size(rng, 1, 5), int(rng.choice((1, 2, 9, 99)))
    flow, distance = rng.integers(0, most, (2, n, n), endpoint=True)
    if rng.random() < 0.5:
        flow = np.triu(flow, 1) + np.triu(flow, 1).T
    if rng.random() < 0.6:
        rows, columns = np.divmod(np.arange(n), int(rng.choice((2, n + 1))))
        distance = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    if n > 1 and rng.random() < 0.5:
        _copy_facility(rng, flow)
    return {"flow": flow, "distance": distance.astype(np.int64)}


def _copy_facility(rng: np.random.Generator, flow: NDArray[np.int64]) -> None:
    """Makes two facilities exchangeable."""
    one, other = rng.choice(len(flow), 2, replace=False)
    flow[one], flow[:, one] = flow[other], flow[:, other]
    flow[one, one] = flow[other, other]
    flow[one, other] = flow[other, one]


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws sparse flows on a grid, as Nugent, Vollmann and Ruml."""
    return quadratic_assignment.generate(rng, "grid", size)


formulation = Formulation(
    name="quadratic_assignment_sums",
    problem=quadratic_assignment.problem.name,
    title="quadratic assignment: sums of each facility",
    brief=BRIEF,
    citation="Kaufman and Broeckx 1978, EJOR 2",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("at",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (8, 9), Split.VALIDATION: (9,), Split.TEST: (9,)},
    patterns=PATTERNS,
    linear=True,
)
