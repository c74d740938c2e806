"""Rules of on-line bin packing against their textbook descriptions, and the guarantees that they have."""

from functools import partial

import numpy as np
import pytest
from helpers import filled_block
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import Infeasible, Instance
from gapsmith.evaluators.problems.online_bin_packing.problem import problem
from gapsmith.evaluators.problems.online_bin_packing.rules import levels
from gapsmith.evaluators.solvers.bin_packing.solve import compute_bin_packing_baseline

GRAMMAR = problem.grammar
CAPACITY = 20
ITEMS = st.lists(st.integers(1, CAPACITY), min_size=1, max_size=40)


def pack(score, items, capacity=CAPACITY):
    """Plays the driver: the bin of each item, by a scoring function, the first bin of highest score."""
    left, opened, bins = [float(capacity)] * (len(items) + 2), 0, []
    for item in items:
        roomy = [k for k in range(opened + 2) if left[k] >= item]
        chosen = roomy[int(np.argmax(score(item, np.array([left[k] for k in roomy]))))]
        left[chosen] -= item
        opened = max(opened, chosen + 1)
        bins.append(chosen)
    return bins


def textbook(items, key, capacity=CAPACITY):
    """The bin of each item: of the bins in use with room the least by (room, number), a new one where none has."""
    rooms, bins = [], []
    for item in items:
        open_bins = [(key(room, k), k) for k, room in enumerate(rooms) if room >= item]
        chosen = min(open_bins)[1] if open_bins else len(rooms)
        if chosen == len(rooms):
            rooms.append(capacity)
        rooms[chosen] -= item
        bins.append(chosen)
    return bins


TEXTBOOK = {
    "First Fit": lambda room, number: number,
    "Best Fit": lambda room, number: room,
    "Worst Fit": lambda room, number: -room,
}


@pytest.mark.parametrize("name", TEXTBOOK)
@settings(max_examples=60)
@given(ITEMS)
def test_rules_choose_the_bins_of_the_textbook(name, items):
    """First, Best and Worst Fit put every item where their definitions say, bin for bin."""
    assert pack(problem.find_rule(name).function, items) == textbook(items, TEXTBOOK[name])


@pytest.mark.parametrize("name", ["First Fit", "Best Fit"])
@settings(max_examples=40)
@given(ITEMS)
def test_any_fit_rules_keep_their_ratio(name, items):
    """At most 1.7 times the optimum (Dósa and Sgall 2013 and 2014), and never below it."""
    instance = Instance("drawn", {"items": np.array(items), "capacity": CAPACITY})
    used = problem.cost(instance, pack(problem.find_rule(name).function, items))
    found = compute_bin_packing_baseline(np.array(items), CAPACITY, 5.0)
    assert found.lower <= used <= 1.7 * found.upper


@settings(max_examples=40)
@given(ITEMS)
def test_sum_of_squares_keeps_the_sum_least(items):
    """Each item goes where the sum of the squared counts of partly filled bins is least afterwards."""
    function = problem.find_rule("Sum of Squares").function
    vars(levels).pop(
        "count", None
    )  # in a process of its own; what is left of another instance may mislead it
    left = [CAPACITY] * (len(items) + 2)
    opened = 0

    def squares(rooms):
        counts = np.bincount([room for room in rooms if 0 < room < CAPACITY], minlength=CAPACITY)
        return int((counts**2).sum())

    for item in items:
        roomy = [k for k in range(opened + 2) if left[k] >= item]
        scores = function(item, np.array([float(left[k]) for k in roomy]))
        after = [squares([room - item * (k == chosen) for k, room in enumerate(left)]) for chosen in roomy]
        chosen = roomy[int(np.argmax(scores))]
        assert after[roomy.index(chosen)] == min(after)
        left[chosen] -= item
        opened = max(opened, chosen + 1)


@settings(max_examples=40)
@given(ITEMS)
def test_blocks_with_classical_priorities_are_the_rules(items):
    """`-rest` and least `rest` are Best Fit, `-places` is First Fit, bin for bin."""
    best, first = textbook(items, TEXTBOOK["Best Fit"]), textbook(items, TEXTBOOK["First Fit"])
    for name, priority, bins in (
        ("greatest", "-rest", best),
        ("least", "rest", best),
        ("greatest", "-places", first),
    ):
        block = filled_block(GRAMMAR, "score", name, priority)
        assert pack(partial(block, count=np.zeros(CAPACITY + 1)), items) == bins


@settings(max_examples=60)
@given(ITEMS, st.integers(0, 999))
def test_a_packing_has_a_price_exactly_when_every_bin_holds(items, seed):
    """Any numbers of bins are either within the capacity and cost their count, or refused."""
    bins = np.random.default_rng(seed).integers(0, len(items), len(items)).tolist()
    instance = Instance("drawn", {"items": np.array(items), "capacity": CAPACITY})
    loads = np.bincount(bins, weights=items)
    if loads.max() <= CAPACITY:
        assert problem.cost(instance, bins) == len(set(bins))
    else:
        with pytest.raises(Infeasible, match=f"hold more than {CAPACITY}"):
            problem.cost(instance, bins)


@given(ITEMS, st.data())
def test_mutants_of_a_packing_are_refused(items, data):
    """A packing with an item less, more, in no bin or in one of another type has no price."""
    instance = Instance("drawn", {"items": np.array(items), "capacity": CAPACITY})
    bins = textbook(items, TEXTBOOK["First Fit"])
    place = data.draw(st.integers(0, len(items) - 1))
    wrong = [-1, float(bins[place]), str(bins[place]), None, [bins[place]], False]
    mutants = [[*bins[:place], each, *bins[place + 1 :]] for each in wrong]
    for mutant in [*mutants, bins[:-1], [*bins, 0], tuple(bins), dict(enumerate(bins))]:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)
