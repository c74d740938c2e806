"""Building blocks for on-line bin packing rules.

A score for each bin, and what is made of the scores.

The entry point counts the bins in use by the room they have left, which the rules of Csirik et al. (2006, J. ACM
53: sum of squares) and of Gupta and Radovanović (2020, Oper. Res. 68) go by: a kind of bin that is plentiful is
filled, one that is plentiful is not made. Every block is a handful of vector operations on the bins that are shown.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import Grammar, Terminal


def choose(item, bins):
    """Scores each bin, adjusts the scores, and keeps count of the bins in use by the room they have left."""
    capacity, rooms = int(bins[-1]), bins.astype(np.int64)
    if not hasattr(score, "count"):
        score.count = np.zeros(capacity + 1)
    count = score.count
    scores = adjust(item, bins, score(item, bins, count))
    room = rooms[int(np.argmax(scores))]
    if room < capacity:
        count[room] -= 1
    if room > item:
        count[room - item] += 1
    return scores


def greatest(item, bins, count):
    """The bin of greatest priority."""
    capacity, places = bins[-1], np.arange(len(bins)) + 1.0
    used, rest = capacity - bins, bins - item
    fullness = 1.0 - rest / capacity
    share, ajar = item / capacity, count.sum() + 1.0
    alike, after = count[bins.astype(np.int64)], count[rest.astype(np.int64)]
    priority = -rest
    return priority + 0.0 * bins


def least(item, bins, count):
    """The bin of least priority."""
    capacity, places = bins[-1], np.arange(len(bins)) + 1.0
    used, rest = capacity - bins, bins - item
    fullness = 1.0 - rest / capacity
    share, ajar = item / capacity, count.sum() + 1.0
    alike, after = count[bins.astype(np.int64)], count[rest.astype(np.int64)]
    priority = rest
    return -(priority + 0.0 * bins)


def stepped(item, bins, count):
    """The bin of greatest priority, rounded to steps between the least and the greatest; within a step the oldest."""
    capacity, places = bins[-1], np.arange(len(bins)) + 1.0
    used, rest = capacity - bins, bins - item
    fullness = 1.0 - rest / capacity
    share, ajar = item / capacity, count.sum() + 1.0
    alike, after = count[bins.astype(np.int64)], count[rest.astype(np.int64)]
    priority = -rest
    value = priority + 0.0 * bins
    width = value.max() - value.min()
    return np.floor(12 * (value - value.min()) / max(width, 1e-9))


def as_it_is(item, bins, scores):
    """No adjustment."""
    return scores


def exact_first(item, bins, scores):
    """A bin that the item fills to the brim goes first."""
    return np.where(bins == item, scores.max() + 1.0, scores)


def nearly_full_first(item, bins, scores):
    """Bins that would be almost full go first, in the order of their scores."""
    return np.where(bins - item <= 3, scores + (scores.max() - scores.min()) + 1.0, scores)


def falls(item, bins, scores):
    """A score counts by its rise over that of the bin opened before."""
    return np.concatenate((scores[:1], np.diff(scores)))


def spare_middle(item, bins, scores):
    """Bins that would be neither almost full nor keep a good share of the capacity come last."""
    rest = bins - item
    poor = (rest > 3) & (rest < 0.2 * bins[-1])
    return np.where(poor, scores - (scores.max() - scores.min()) - 1.0, scores)


def new_last(item, bins, scores):
    """A new bin is opened only where no other has room."""
    return np.where(bins == bins[-1], scores.min() - 1.0, scores)


GRAMMAR = Grammar(
    main=choose,
    blocks={
        "score": (greatest, least, stepped),
        "adjust": (as_it_is, exact_first, nearly_full_first, falls, spare_middle, new_last),
    },
    terminals=(
        Terminal("bins", "size", "remaining capacities of the bins with room for the item, an array"),
        Terminal("rest", "size", "bins - item, what would remain, an array"),
        Terminal("used", "size", "capacity - bins, what is in them, an array"),
        Terminal("fullness", "ratio", "how full a bin would be, 0 to 1, an array"),
        Terminal("places", "count", "1 for the bin opened first, 2 for the next shown, an array"),
        Terminal("alike", "count", "how many bins in use have the same room, 0 for an empty bin, an array"),
        Terminal("after", "count", "how many have the room that would remain, 0 where none would, an array"),
        Terminal("ajar", "count", "bins in use that are not full, and one more"),
        Terminal("item", "size", "the item's size"),
        Terminal("capacity", "size", "a bin's capacity"),
        Terminal("share", "ratio", "item / capacity"),
    ),
    priorities=(
        "-rest",
        "rest",
        "-places",
        "alike - after",
        "alike * used - after * (used + item)",
        "alike / (after + 1)",
        "fullness ** 2",
        "np.exp(-rest / item)",
        "-((bins - capacity) ** 2 / item + (bins / item) ** 2 + bins ** 2 / item ** 2)",
        "np.where(rest < 0.02 * capacity, 4, fullness)",
        "np.where(used < 0.5 * item, share, fullness)",
    ),
)
