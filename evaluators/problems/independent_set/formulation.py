"""Maximum independent set.

A literal for each vertex, a constraint for each edge.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.independent_set import problem as independent_set
from gapsmith.evaluators.problems.independent_set.patterns import PATTERNS

BRIEF = """\
Maximum independent set; data: adjacent, Boolean array of shape [n, n], symmetric, False on the diagonal.
Variables: chosen[v], Boolean, shape [n].
Constraints: of the two ends of an edge at most one is chosen. Maximised: the number of chosen vertices."""


def build(instance: Instance) -> Built:
    """Builds one linear inequality for each edge."""
    from ortools.sat.python import cp_model

    adjacent = np.asarray(instance.data["adjacent"])
    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"vertex {v}") for v in range(len(adjacent))]
    for u, v in np.argwhere(np.triu(adjacent)):
        model.add(chosen[u] + chosen[v] <= 1)
    model.maximize(sum(chosen))
    return Built(model, {"chosen": chosen})


def decode(_: Instance, values: Values) -> list[int]:
    """Lists the chosen vertices."""
    return [v for v, value in enumerate(values["chosen"]) if value]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a set of vertices."""
    return {"chosen": [int(v in set(solution)) for v in range(len(np.asarray(instance.data["adjacent"])))]}


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to ten vertices with few or many edges.

    A vertex may be a copy of another, adjacent to it or not.
    """
    n = draw_tiny_size(rng, 1, 10)
    upper = np.triu(rng.random((n, n)) < rng.choice((0.2, 0.5, 0.8)), 1)
    adjacent = upper | upper.T
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        adjacent[one] = adjacent[:, one] = adjacent[other]
        adjacent[one, one] = False
        adjacent[one, other] = adjacent[other, one] = rng.random() < 0.5
    return {"adjacent": adjacent}


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws uniform graphs of edge probability 0.2."""
    return independent_set.generate(rng, "p=0.2", size)


formulation = Formulation(
    name="independent_set_edges",
    problem=independent_set.problem.name,
    title="maximum independent set: edges",
    brief=BRIEF,
    citation="Nemhauser and Trotter 1975, Mathematical Programming 8",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("chosen",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (70, 75), Split.VALIDATION: (75,), Split.TEST: (80,)},
    patterns=PATTERNS,
    linear=True,
)
