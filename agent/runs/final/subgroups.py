"""Subgroups of instances, and programs that are worse in one.

A subgroup is a class, or the small or the large instances of a class.

A program may gain on small instances and lose on large ones, or in another class: a mean over all hides that.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Instance

FEWEST = 6
"""Minimum number of instances of a subgroup."""

WORSE = 0.20
"""Familywise error of one look: the probability that equal programs differ in some subgroup."""

Places = tuple[int, ...]


def find_subgroups(instances: Sequence[Instance]) -> Mapping[str, Places]:
    """Finds subgroups that are large enough, with their instances' places.

    A class is cut in two where its sizes, counted in numbers of the data, differ by a factor of two at least, and
    both parts are large enough.
    """
    classes: dict[str, list[int]] = {}
    for place, instance in enumerate(instances):
        classes.setdefault(instance.stratum, []).append(place)
    parts = [part for name, places in classes.items() for part in _split_class(name, places, instances)]
    return {name: places for name, places in parts if len(places) >= FEWEST}


def _split_class(
    name: str, places: Sequence[int], instances: Sequence[Instance]
) -> Iterator[tuple[str, Places]]:
    """Splits a class at the geometric middle of its sizes, if possible."""
    sizes = {place: instances[place].size for place in places}
    least, most = min(sizes.values()), max(sizes.values())
    small = tuple(place for place in places if sizes[place] ** 2 < least * most)
    large = tuple(place for place in places if place not in small)
    if most < 2 * least or min(len(small), len(large)) < FEWEST:
        yield name, tuple(places)
    else:
        yield f"{name}, small", small
        yield f"{name}, large", large


def find_worse(found: Mapping[str, Places], gains: NDArray[np.float64]) -> str:
    """Finds the first subgroup with a significantly negative mean gain.

    Args:
        found: the subgroups.
        gains: of the program over the other one; shape [instances].
    """
    from scipy.special import stdtrit  # here, since few commands need it

    for name, places in found.items():
        inside = gains[list(places)]
        limit = float(stdtrit(inside.size - 1, 1 - WORSE / len(found)))
        if inside.mean() < -limit * inside.std(ddof=1) / np.sqrt(inside.size):
            return name
    return ""
