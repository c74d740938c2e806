"""Deals a user's instances to training, validation and test.

By a seeded draw, never by their place in a file.
"""

from collections.abc import Sequence
from random import Random

import numpy as np

from gapsmith.evaluators.base import Instance

FEWEST_TO_SPLIT = 12
"""The fewest instances that are split in three."""
FEWEST_TO_LEARN = 4
"""The fewest instances that a run learns from; below `FEWEST_TO_SPLIT` they serve by cross-validation."""


def deal_instances(instances: Sequence[Instance], seed: int, parts: int = 3) -> list[list[Instance]]:
    """Deals instances to parts that are alike in class, size and magnitude.

    Instances are sorted by class, count of numbers and magnitude of the numbers, with ties in random order, and
    each run of `parts` neighbours gives one instance to each part, in random order: stratified random sampling. Files
    that are periodic, sorted or grouped are dealt as well as shuffled ones.

    Args:
        instances: different ones.
        seed: equal seeds deal equally, whatever the order of the instances.
        parts: how many; the first ones get one more where the count is no multiple.

    Returns:
        The parts, each in the given order.
    """
    rng = Random(seed)
    places = sorted(range(len(instances)), key=lambda place: instances[place].digest)
    rng.shuffle(places)
    places.sort(key=lambda place: _find_kind(instances[place]))
    owners = dict[int, int]()
    for first in range(0, len(places), parts):
        group = places[first : first + parts]
        owners.update(zip(group, rng.sample(range(len(group)), len(group)), strict=True))
    return [[each for place, each in enumerate(instances) if owners[place] == part] for part in range(parts)]


def _find_kind(instance: Instance) -> tuple[str, int, int]:
    """Returns class, size, and the binary order of magnitude of the data."""
    arrays = [np.abs(np.asarray(value, dtype=float)).ravel() for value in instance.data.values()]
    numbers = np.concatenate(arrays) if arrays else np.zeros(0)
    mean = float(numbers.mean()) if numbers.size else 0.0
    return instance.stratum, instance.size, int(np.frexp(mean)[1])
