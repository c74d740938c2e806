"""A population keeps the best elites, in order."""

from dataclasses import replace

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


def elite(program, losses, size=3):
    """An elite with these losses, which are its costs too."""
    return Elite(program, "", size, float(sum(losses)), tuple(losses), losses=tuple(losses))


def test_the_children_of_who_is_gone_are_forgotten():
    """An elite that others drive out takes its count of children along, also where a shorter twin replaces it."""
    population, _ = filled([elite(99, (900, 900)), elite(98, (1, 1), size=9)])
    population.count_child(population.elites)
    assert population.add(elite(97, (1, 1), size=5))
    for number in range(CAPACITY):
        population.add(elite(number, (number + 2, 3)))
    assert population.rank(97) == 0
    assert population.rank(98) is population.rank(99) is None
    assert population.children == {}
