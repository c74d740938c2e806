"""Parents are selected without repetition, by gap, by instances, and with mates that complement them."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.selection import BEST, BEST_BY_GAP, BY_GAP, BY_INSTANCES_AND_GAP
from gapsmith.agent.search.selection.base import choose_parents
from gapsmith.agent.search.selection.best import Best
from gapsmith.agent.search.selection.by_gap import ByGap
from gapsmith.agent.search.selection.by_instances import ByInstances
from gapsmith.agent.search.selection.population import Elite, Population

SELECTORS = (BEST, BEST_BY_GAP, BY_GAP, BY_INSTANCES_AND_GAP, ByGap(), ByInstances(), Best())


def elite(program, losses, size=3):
    """An elite with these losses, which are its costs too."""
    return Elite(program, "", size, float(sum(losses)), tuple(losses), losses=tuple(losses))


def filled(found):
    """A population to which these came in turn."""
    population = Population()
    for each in found:
        population.add(each)
    return population


known_elites = st.lists(
    st.builds(
        lambda program, losses: elite(program, losses),
        st.integers(1, 500),
        st.lists(st.integers(0, 6), min_size=3, max_size=3),
    ),
    max_size=40,
    unique_by=lambda each: each.program,
)


@given(known_elites, st.integers(0, 1000), st.integers(1, 3), st.sampled_from(SELECTORS))
def test_parents_are_different_elites_the_best_first(found, seed, count, selector):
    """As many parents as asked for, as far as there are, none twice, in order; the same for the same seed."""
    population = filled(found)
    parents = choose_parents(selector, population, Random(seed), count)
    assert len({parent.program for parent in parents}) == len(parents) == min(count, len(population.elites))
    assert [parent.gap for parent in parents] == sorted(parent.gap for parent in parents)
    assert choose_parents(selector, filled(found), Random(seed), count) == parents
    assert population.children == {parent.program: 1 for parent in parents}


def test_infinite_gaps_have_parents_too():
    """On instances whose optima are all zero a gap may be infinite; parents are chosen all the same."""
    known = [replace(elite(k, (k, k)), gap=float("inf") if k else 0.0) for k in range(4)]
    for seed in range(20):
        assert len(choose_parents(BY_INSTANCES_AND_GAP, filled(known), Random(seed), 2)) == 2


def first_parents(known, selector=BY_INSTANCES_AND_GAP, tries=600):
    """How often each program is the single parent, over as many seeds."""
    counts = dict.fromkeys((each.program for each in known), 0)
    for seed in range(tries):
        counts[choose_parents(selector, filled(known), Random(seed), 1)[0].program] += 1
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
    assert first_parents(known, BY_GAP)[9] == 0


def test_children_make_a_parent_less_wanted():
    """Of two that are alike but for their children, the one with fewer is chosen more often."""
    counts = {1: 0, 2: 0}
    for seed in range(300):
        population = filled([elite(1, (1, 2)), elite(2, (2, 1))])
        population.count_child([population.elites[0]] * 9)
        counts[choose_parents(BY_GAP, population, Random(seed), 1)[0].program] += 1
    assert counts[2] > 4 * counts[1] > 0


def test_mates_do_better_where_the_first_is_weak():
    """The mate of a specialist is the one that takes most off its losses, not the best one."""
    known = [elite(1, (5.0, 0.0, 0.0)), elite(2, (0.0, 1.0, 1.0)), elite(3, (4.0, 9.0, 9.0))]
    pairs = set()
    for seed in range(60):
        parents = choose_parents(BY_INSTANCES_AND_GAP, filled(known), Random(seed), 2)
        pairs.add(frozenset(parent.program for parent in parents))
    assert pairs == {frozenset((1, 2))}
