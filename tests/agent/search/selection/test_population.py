"""Elites and who among them becomes a parent."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.selection.population import CAPACITY, Elite, Population

elites = st.lists(
    st.builds(
        lambda program, costs, size: Elite(
            program, "", size, float(sum(costs)), tuple(costs), losses=tuple(map(float, costs))
        ),
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
    other, _ = filled([replace(e, program=n) for n, e in zip(numbers, found, strict=True)])
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


def elite(program, losses, size=3):
    """An elite with these losses, which are its costs too."""
    return Elite(program, "", size, float(sum(losses)), tuple(losses), losses=tuple(losses))


def test_infinite_gaps_have_parents_too():
    """On instances whose optima are all zero a gap may be infinite; parents are chosen all the same."""
    known = [replace(elite(k, (k, k)), gap=float("inf") if k else 0.0) for k in range(4)]
    for seed in range(20):
        assert len(filled(known)[0].parents(Random(seed), 2)) == 2


def first_parents(known, frontier=True, tries=600):
    """How often each program is the single parent, over as many seeds."""
    counts = dict.fromkeys((each.program for each in known), 0)
    for seed in range(tries):
        counts[filled(known)[0].parents(Random(seed), 1, frontier)[0].program] += 1
    return counts


def test_better_elites_have_more_children():
    """The better an elite, the more often it is chosen; about the best none is out of question."""
    counts = first_parents([elite(k, (k, 9 - k / 2, 4)) for k in range(10)])
    assert counts[0] > 2 * counts[9]
    assert min(counts[k] for k in range(5)) > 0


def test_who_is_best_somewhere_is_a_parent():
    """The worst of all that is best on one instance is chosen; without the vectors of the instances it is not."""
    known = [*(elite(k, (1.0 + k / 10, 1, 1)) for k in range(1, 9)), elite(9, (0, 50, 50))]
    assert first_parents(known)[9] > 5
    assert first_parents(known, frontier=False)[9] == 0


def test_children_make_a_parent_less_wanted():
    """Of two that are alike but for their children, the one with fewer is chosen more often."""
    counts = {1: 0, 2: 0}
    for seed in range(300):
        population, _ = filled([elite(1, (1, 2)), elite(2, (2, 1))])
        population.chose([population.elites[0]] * 9)
        counts[population.parents(Random(seed), 1, frontier=False)[0].program] += 1
    assert counts[2] > 4 * counts[1] > 0


def test_mates_do_better_where_the_first_is_weak():
    """The mate of a specialist is the one that takes most off its losses, not the best one."""
    known = [elite(1, (5.0, 0.0, 0.0)), elite(2, (0.0, 1.0, 1.0)), elite(3, (4.0, 9.0, 9.0))]
    pairs = set()
    for seed in range(60):
        parents = filled(known)[0].parents(Random(seed), 2)
        pairs.add(frozenset(parent.program for parent in parents))
    assert pairs == {frozenset((1, 2))}


def test_the_children_of_who_is_gone_are_forgotten():
    """An elite that others drive out takes its count of children along, also where a shorter twin replaces it."""
    population, _ = filled([elite(99, (900, 900)), elite(98, (1, 1), size=9)])
    population.chose(population.elites)
    assert population.add(elite(97, (1, 1), size=5))
    for number in range(CAPACITY):
        population.add(elite(number, (number + 2, 3)))
    assert population.rank(97) == 0
    assert population.rank(98) is population.rank(99) is None
    assert population.children == {}
