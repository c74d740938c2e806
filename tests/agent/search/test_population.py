"""Elites, parents and operators."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.operators import OPERATORS, REPAIR, REPAIRS_AT_MOST, Arms
from gapsmith.agent.search.population import CAPACITY, Elite, Population
from gapsmith.agent.search.state import Failure, SearchState

elites = st.lists(
    st.builds(
        lambda program, costs, size: Elite(program, "", size, float(sum(costs)), tuple(costs)),
        st.integers(1, 500),
        st.lists(st.integers(0, 6), min_size=3, max_size=3),
        st.integers(1, 9),
    ),
    max_size=80,
    unique_by=lambda elite: elite.program,
)


def filled(found):
    """A population to which these came in turn."""
    population = Population()
    kept = [population.add(elite) for elite in found]
    return population, kept


@given(elites)
def test_a_population_holds_the_best_in_order(found):
    """At most its capacity, the best first, shorter code first on ties, and no cost vector twice."""
    population, _ = filled(found)
    order = [(elite.gap, elite.size) for elite in population.elites]
    assert order == sorted(order)
    assert len({elite.costs for elite in population.elites}) == len(population.elites) <= CAPACITY
    best = sorted({elite.gap for elite in found})[:1]
    assert [population.best.gap] == best if found else population.best is None


@given(elites)
def test_of_equal_costs_the_shortest_is_kept(found):
    """Of programs that do the same, the one of the least size stands for all."""
    population, _ = filled(found)
    for elite in population.elites:
        twins = [other.size for other in found if other.costs == elite.costs]
        assert elite.size == min(twins)


@given(elites)
def test_add_says_whether_it_kept(found):
    """The answer of `add` is what the population then holds."""
    population = Population()
    for elite in found:
        assert population.add(elite) == (elite in population.elites)


@given(elites, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_numbers(found, rng):
    """Programs that were numbered otherwise, as in an archive with earlier runs, stand in the same order."""
    numbers = [elite.program for elite in found]
    rng.shuffle(numbers)
    population, _ = filled(found)
    other, _ = filled(
        [Elite(n, e.source, e.size, e.gap, e.costs) for n, e in zip(numbers, found, strict=True)]
    )
    assert [e.costs for e in population.elites] == [e.costs for e in other.elites]


@given(elites, st.integers(0, 1000), st.integers(1, 3))
def test_parents_are_different_elites_the_best_first(found, seed, count):
    """As many parents as asked for, as far as there are, none twice, in order; the same for the same seed."""
    population, _ = filled(found)
    parents = population.parents(Random(seed), count)
    assert len({parent.program for parent in parents}) == len(parents) == min(count, len(population.elites))
    assert [parent.gap for parent in parents] == sorted(parent.gap for parent in parents)
    again, _ = filled(found)
    assert again.parents(Random(seed), count) == parents


def test_infinite_gaps_have_parents_too():
    """On instances whose optima are all zero a gap may be infinite; parents are chosen all the same."""
    population, _ = filled([Elite(k, "", 3, float("inf") if k else 0.0, (k, k)) for k in range(4)])
    assert len(population.parents(Random(1), 2)) == 2


def test_better_elites_have_more_children():
    """The better an elite, the more often it is chosen; none is never chosen."""
    counts = dict.fromkeys(range(10), 0)
    for seed in range(800):
        population, _ = filled([Elite(k, "", 3, float(k), (k, 9 - k, 4)) for k in range(10)])
        counts[population.parents(Random(seed), 1)[0].program] += 1
    assert counts[0] > 2 * counts[9] > 0
    assert min(counts.values()) > 0


def test_mates_differ():
    """The second parent is one whose costs differ: a twin is the last choice."""
    same = [Elite(k, "", 3, 1.0 + k / 1000, (100, 100 + k)) for k in range(2)]
    other = Elite(9, "", 3, 1.5, (900, 0))
    pairs = []
    for seed in range(50):
        population, _ = filled([*same, other])
        pairs.append({parent.program for parent in population.parents(Random(seed), 2)})
    assert all(9 in pair for pair in pairs)


# Arms


def test_operators_are_chosen_by_weight_before_anything_is_known():
    """The shares of the operators are in the order of their weights."""
    counts = {operator.name: 0 for operator in OPERATORS}
    for seed in range(2000):
        counts[Arms().choose(Random(seed)).name] += 1
    by_weight = sorted(OPERATORS, key=lambda operator: operator.weight)
    shares = [counts[operator.name] for operator in by_weight]
    assert shares[0] < shares[1]
    assert shares[-1] == max(shares)
    assert min(shares) > 0


def test_what_gains_is_chosen_more_often_and_what_does_not_never_dies_out():
    """An operator that gained is preferred; one that gained seldom is still tried now and then."""
    arms = Arms()
    for k in range(40):
        arms = arms.after("explore", k % 2 == 0).after("refine", k % 20 == 0)
    counts = {operator.name: 0 for operator in OPERATORS}
    for seed in range(2000):
        counts[arms.choose(Random(seed)).name] += 1
    assert counts["explore"] > 3 * counts["refine"] > 0


@given(st.lists(st.tuples(st.sampled_from(["explore", "refine"]), st.booleans()), max_size=30))
def test_tallies_count(tries):
    """Tries and gains are counted by operator; the arms themselves never change."""
    start = arms = Arms()
    for name, gained in tries:
        arms = arms.after(name, gained)
    for name in ("explore", "refine"):
        mine = [gained for other, gained in tries if other == name]
        assert arms.counts.get(name, (0, 0)) == (len(mine), sum(mine))
    assert start.counts == {}


# Repair


def test_failures_wait_for_repair_and_are_given_up():
    """A failure is chosen for repair once; one that was tried often enough is not taken note of."""
    state = SearchState(None)
    state.population.add(Elite(1, "x", 3, 1.0, (1,)))
    state.miss("refine", Failure(7, "code", "raises", 0))
    chosen = [state.choose(Random(seed)) for seed in range(30)]
    repairs = [choice for choice in chosen if choice.operator is REPAIR]
    assert [choice.programs for choice in repairs] == [[7]]
    state.miss("repair", Failure(7, "code", "raises", REPAIRS_AT_MOST))
    assert state.failures == []


def test_at_most_ten_failures_wait():
    """The latest failures are kept; a model that only fails does not fill the memory."""
    state = SearchState(None)
    for number in range(50):
        state.miss("refine", Failure(number, "", "", 0))
    assert [failure.program for failure in state.failures] == list(np.arange(40, 50))
