"""Strategies: whom each of them may descend from."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest

from gapsmith.agent.search.operators import OPERATORS, REPAIR, RULE, SEED, TACTIC, TUNE
from gapsmith.agent.search.selection import BY_GAP
from gapsmith.agent.search.selection.bandit import Bandit
from gapsmith.agent.search.selection.population import Elite, Population
from gapsmith.agent.search.strategies import View, make_portfolio
from gapsmith.agent.search.strategies.genetic import Genetic
from gapsmith.agent.search.strategies.independent import Independent
from gapsmith.agent.search.strategies.merging import Merging
from gapsmith.agent.search.strategies.sequential import DEEP, Sequential

OWN, OTHERS, START = range(11, 15), range(1, 6), 99


def elite(program):
    """An elite whose gap is its number."""
    losses = (float(program), float(20 - program))
    return Elite(program, f"source {program}", 3, float(program), losses, losses=losses)


def population(numbers):
    """Elites of these numbers."""
    found = Population()
    for number in numbers:
        found.add(elite(number))
    return found


def view(own=OWN, stagnant=False):
    """Four elites of its own, five better ones of others, and a rule to start from that is worse than all."""
    return View(population(own), population([*own, *OTHERS]), elite(START), Bandit(), stagnant)


def choices(strategy, tries=300, **changes):
    """What a strategy wants, over as many seeds."""
    return [strategy.choose(view(**changes), Random(seed)) for seed in range(tries)]


def parents(found):
    """All programs that were parents."""
    return {program for choice in found for program in choice.programs}


def test_the_independent_one_always_begins_anew():
    """The control starts from the best rule alone, whatever was found, and either explores or refines."""
    found = choices(Independent())
    assert {tuple(choice.programs) for choice in found} == {(START,)}
    assert {choice.operator.name for choice in found} == {"explore", "refine"}


def test_a_population_breeds_among_its_own():
    """The genetic one uses all operators on its own elites, two where the operator merges."""
    found = choices(Genetic())
    assert parents(found) <= set(OWN)
    assert len(parents(found)) > 1
    assert {choice.operator for choice in found} == set(OPERATORS)
    assert all(len(choice.parents) == choice.operator.parents for choice in found)


def test_a_line_descends_from_its_best():
    """The sequential one starts from the best of its own, seldom from another; where it merges, with a mate."""
    found = choices(Sequential(), 600)
    counts = Counter(11 in choice.programs for choice in found)
    assert DEEP - 0.05 < counts[True] / 600 < 1
    assert all(len(choice.parents) == choice.operator.parents for choice in found)
    assert {len(choice.parents) for choice in found} == {1, 2}
    assert parents(found) <= set(OWN)


def test_a_best_that_has_children_is_counted():
    """The sequential one takes note of its parents' children, as the others do."""
    seen = view()
    found = [Sequential().choose(seen, Random(seed)) for seed in range(20)]
    assert sum(seen.own.children.values()) == sum(len(choice.parents) for choice in found)


def test_merging_crosses_trajectories():
    """Two of three children have parents from everywhere, the others one of its own."""
    found = choices(Merging(), 600)
    merged = [choice for choice in found if choice.operator.name == "merge"]
    assert 0.58 < len(merged) / 600 < 0.76
    assert all(len(choice.parents) == 2 for choice in merged)
    assert parents(merged) & set(OTHERS)
    alone = [choice for choice in found if choice.operator.name != "merge"]
    assert {len(choice.parents) for choice in alone} == {1}
    assert parents(alone) <= set(OWN)


@pytest.mark.parametrize("strategy", make_portfolio(900), ids=lambda each: each.name)
def test_every_strategy_can_begin(strategy):
    """With no elite, or a single one, each of them wants something; equal chance, equal choice."""
    for own in ((), (1,)):
        for seed in range(40):
            choice = strategy.choose(view(own), Random(seed))
            assert choice == strategy.choose(view(own), Random(seed))
            assert choice.operator not in (REPAIR, RULE, SEED, TUNE)
    bare = View(Population(), Population(), None, Bandit())
    assert strategy.choose(bare, Random(1)).parents == ()


@pytest.mark.parametrize("strategy", [Genetic(), Sequential(), Merging()], ids=lambda each: each.name)
def test_a_tactic_is_for_a_search_that_stands_still(strategy):
    """Only where nothing has gained for long is a tactic asked for."""
    assert TACTIC not in {choice.operator for choice in choices(strategy)}
    assert TACTIC in {choice.operator for choice in choices(strategy, stagnant=True)}


@dataclass(frozen=True)
class Worst:
    """A user's own selector."""

    def select(self, population, rng, count):
        """The last ones."""
        return population.elites[-count:]


@pytest.mark.parametrize("strategy", [Genetic(selector=Worst()), Sequential(selector=Worst(), best=Worst())])
def test_a_strategy_takes_a_selector_of_the_users_own(strategy):
    """Parents are then whatever it selects, among the trajectory's own."""
    found = choices(strategy)
    assert {choice.programs[-1] for choice in found} == {max(OWN)}


def test_without_single_instances_parents_are_chosen_by_gap():
    """The portfolio for comparisons has other selectors, and the same trajectories."""
    usual, other = make_portfolio(900), make_portfolio(900, by_instances=False)
    assert [each.name for each in usual] == [each.name for each in other]
    selectors = [each.selector for each in other if not isinstance(each, Independent)]
    assert set(selectors) == {BY_GAP}
    assert len(make_portfolio(300)) == 2
