"""Bin packing by assignment.

Which item is in which bin, and which bins are in use.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.online_bin_packing import problem as online_bin_packing
from gapsmith.evaluators.problems.online_bin_packing.patterns import PATTERNS

BRIEF = """\
Bin packing, all items known, by assignment; data: items, array of shape [n] of integer sizes; capacity, integer.
There are m bins: as many as first fit decreasing uses.
Variables: inside[i][b], Boolean, shape [n][m]: item i is in bin b; used[b], Boolean, shape [m].
Constraints: every item is in one bin; the sizes in bin b sum up to at most capacity * used[b]. Minimised: the sum of
used."""


def build(instance: Instance) -> Built:
    """Builds Kantorovich's model with the bins of first fit decreasing."""
    from ortools.sat.python import cp_model

    items, capacity = _sizes(instance)
    model, bins = cp_model.CpModel(), len(first_fit_decreasing(items, capacity))
    inside = [[model.new_bool_var(f"item {i} in {b}") for b in range(bins)] for i in range(len(items))]
    used = [model.new_bool_var(f"bin {b} used") for b in range(bins)]
    for line in inside:
        model.add_exactly_one(line)
    for b in range(bins):
        load = sum(size * inside[i][b] for i, size in enumerate(items))
        model.add(load <= capacity * used[b])
    model.minimize(sum(used))
    return Built(model, {"inside": inside, "used": used})


def first_fit_decreasing(items: Sequence[int], capacity: int) -> list[list[int]]:
    """Returns the items of each bin of first fit decreasing.

    Items come from the largest on; each goes into the first bin with room.
    """
    bins: list[list[int]] = []
    room: list[int] = []
    for i in sorted(range(len(items)), key=lambda i: -items[i]):
        b = next((b for b, left in enumerate(room) if left >= items[i]), len(bins))
        if b == len(bins):
            bins.append([])
            room.append(capacity)
        bins[b].append(i)
        room[b] -= items[i]
    return bins


def decode(_: Instance, values: Values) -> list[int]:
    """Returns the bin of each item."""
    return [line.index(1) for line in values["inside"]]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a packing.

    Bins are numbered by their first items; there must not be more than in the model.
    """
    items, capacity = _sizes(instance)
    bins = len(first_fit_decreasing(items, capacity))
    numbers = {b: k for k, b in enumerate(dict.fromkeys(solution))}
    return {
        "inside": [[int(numbers[b] == k) for k in range(bins)] for b in solution],
        "used": [int(k < len(numbers)) for k in range(bins)],
    }


def _sizes(instance: Instance) -> tuple[list[int], int]:
    return np.asarray(instance.data["items"]).tolist(), int(np.asarray(instance.data["capacity"]))


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to eight items of one of several kinds.

    Some are equal, of any size or not too small, or full bins cut into pieces.
    """
    n, capacity = draw_tiny_size(rng, 1, 8), int(rng.choice((3, 6, 10, 150)))
    if rng.random() < 1 / 3:
        return {"items": _cut_bins(rng, n, capacity), "capacity": capacity}
    least = int(rng.choice((1, -(-capacity // 4))))
    items = rng.integers(least, capacity, n, endpoint=True)
    if rng.random() < 0.5:
        items = rng.choice(items[: max(1, n // 2)], n)
    return {"items": items, "capacity": capacity}


def _cut_bins(rng: np.random.Generator, n: int, capacity: int) -> NDArray[np.int64]:
    """Cuts bins into two to four pieces each.

    Returns the first n of all pieces, in random order.
    """
    pieces: list[int] = []
    while len(pieces) < n:
        cuts = rng.integers(1, capacity, rng.integers(1, 3, endpoint=True))
        pieces += [piece for piece in np.diff([0, *sorted(cuts.tolist()), capacity]).tolist() if piece]
    return rng.permutation(pieces[:n])


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws sizes from 20 to 100 in bins of 150.

    This is OR-Library's class u, restricted to instances where first fit decreasing exceeds the simple bound.
    """
    for _ in range(1000):
        data = online_bin_packing.generate(rng, online_bin_packing.UNIFORM, size)
        items = np.asarray(data["items"]).tolist()
        if len(first_fit_decreasing(items, 150)) > -(-sum(items) // 150):
            break
    return data


formulation = Formulation(
    name="bin_packing_assignment",
    problem=online_bin_packing.problem.name,
    title="bin packing: assignment",
    brief=BRIEF,
    citation="Kantorovich 1960, Management Science 6; Martello and Toth 1990, Knapsack Problems",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("inside",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (24, 27), Split.VALIDATION: (27,), Split.TEST: (30,)},
    patterns=PATTERNS,
    linear=True,
)
