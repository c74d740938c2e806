"""Reference rules for on-line bin packing.

Each is self-contained: its source runs in the sandbox as a candidate.

Ties: the driver takes the first bin of highest score, that is, the one opened earliest. Only bins with room for
the item are shown. What a rule keeps from item to item, it keeps for one instance: each begins with a new module.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def first_fit(item, bins):
    """The bin that was opened first."""
    return np.zeros(len(bins))


def best_fit(item, bins):
    """The fullest bin."""
    return -bins


def worst_fit(item, bins):
    """The emptiest bin in use; a new one only where no other has room."""
    return np.where(bins < bins[-1], bins, -1.0)


def harmonic_memory():
    """The room left in every bin, in the order of opening, how many they are, and the open bin of each class."""
    memory = harmonic_memory
    if not hasattr(memory, "left"):
        memory.left, memory.count, memory.open = np.zeros(1024), 0, {}
    return memory


def harmonic(item, bins, classes=12):
    """Items of (C/(j+1), C/j] go with their own class alone, j to a bin; those of at most C/12 go by next fit."""
    memory = harmonic_memory()
    kind = min(int(bins[-1] // item), classes)
    shown = np.flatnonzero(memory.left[: memory.count] >= item)
    place = np.flatnonzero(shown == memory.open.get(kind, -1))
    chosen = int(place[0]) if place.size else len(bins) - 2
    if not place.size:
        if memory.count == len(memory.left):
            memory.left = np.tile(memory.left, 2)
        memory.left[memory.count], memory.open[kind] = bins[-1], memory.count
        memory.count += 1
    memory.left[memory.open[kind]] -= item
    return np.arange(len(bins)) == chosen


def levels(bins):
    """How many bins in use have so much room, by the room; kept from item to item."""
    if not hasattr(levels, "count"):
        levels.count = np.zeros(int(bins[-1]) + 1, dtype=np.int64)
    return levels.count


def sum_of_squares(item, bins):
    """The bin after which the sum over all rooms of the squared number of bins with that room is least."""
    count, room = levels(bins), bins.astype(int)
    left, used = room - item, bins < bins[-1]
    growth = np.where(left > 0, 2 * count[left] + 1, 0) - np.where(used, 2 * count[room] - 1, 0)
    chosen = np.argmin(growth)
    count[room[chosen]] -= used[chosen]
    count[left[chosen]] += left[chosen] > 0
    return -growth


def funsearch_or(item, bins):
    """Steps of the room left over: 0 to 2 units first, then 3, 4 to 5, 6 to 7; from there the more the better."""
    steps = np.array([2, 3, 5, 7, 9, 12, 15, 21])
    scores = np.array([4.0, 3.0, 2.0, 1.0, 0.9, 0.95, 0.97, 0.98, 0.99])
    return scores[np.searchsorted(steps, bins - item)]


def funsearch_weibull(item, bins):
    """Exact fits first; else where a score of room and item falls most against the bin opened before."""
    score = (bins - bins.max()) ** 2 / item + (bins / item) ** 2 + bins**2 / item**3
    score = np.where(bins > item, -score, score)
    return np.concatenate((score[:1], np.diff(score)))


_FUNSEARCH = "Romera-Paredes et al. 2024, Nature 625, the function found for"

RULES = (
    Rule("First Fit", first_fit, "Johnson et al. 1974, SIAM J. Comput. 3"),
    Rule("Best Fit", best_fit, "Johnson et al. 1974, SIAM J. Comput. 3"),
    Rule("Worst Fit", worst_fit, "Johnson 1974, J. Comput. Syst. Sci. 8"),
    Rule("Harmonic", harmonic, "Lee and Lee 1985, J. ACM 32, with 12 classes", (harmonic_memory,)),
    Rule("Sum of Squares", sum_of_squares, "Csirik et al. 2006, J. ACM 53", (levels,)),
    Rule("FunSearch OR", funsearch_or, f"{_FUNSEARCH} OR-Library's instances, in other words"),
    Rule("FunSearch Weibull", funsearch_weibull, f"{_FUNSEARCH} Weibull items, in other words"),
)
