"""The race: who is dropped after which block, what a probe tells of behaviour, and what is not run twice."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import Inline, NoSandbox, tiny
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.evaluation.baselines import find_baselines
from gapsmith.agent.evaluation.staged import MIN_PROBE_INSTANCES, Attempt, Probe, Race, Validation
from gapsmith.agent.search.acceptance.racing import RaceReference, estimate_deficit, split_blocks
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.agent.search.selection.population import Elite

FORWARD = "def schedule(p, d):\n    return list(range(len(p)))\n"
SOURCE = "import numpy as np\n\n\ndef schedule(p, d):\n    return {}\n"
LOSSES = st.lists(st.floats(0, 9), min_size=20, max_size=20)


def elite(program, losses, decisions=()):
    """An elite with these losses on the training instances."""
    losses = tuple(map(float, losses))
    return Elite(program, "", 1, sum(losses), losses, losses=losses, decisions=decisions)


def bar_of(losses, *others):
    """The bar of an elite among these, or else among some that differ from it by 1 everywhere."""
    others = others or ([loss + 1 for loss in losses],)
    elites = [elite(k, each) for k, each in enumerate((losses, *others))]
    return RaceReference.build(elites[0], elites, ["all"] * len(losses))


def met_in_order(bar, losses, count):
    """The first losses in the order of the race."""
    return np.array([losses[place] for place in bar.order[:count]])


@given(st.integers(1, 200))
def test_blocks_are_all_instances_once(count):
    """Whatever the number of instances, the blocks follow each other and end with the last one."""
    met = [place for block in split_blocks(count) for place in block]
    assert met == list(range(count))
    assert all(len(block) for block in split_blocks(count))


@given(LOSSES, LOSSES, LOSSES, st.integers(1, 20), st.integers(0, 9))
def test_nobody_is_behind_an_equal_or_a_worse(own, less, other, met, more):
    """A candidate is dropped neither for its own losses, nor where the bar is higher everywhere."""
    bar = bar_of([loss + more for loss in own], less, other)
    assert estimate_deficit(met_in_order(bar, own, met), bar) == 0.0


@given(LOSSES, LOSSES, st.integers(1, 19))
def test_who_cannot_catch_up_even_with_optima_is_dropped(losses, other, met):
    """What is lost already counts against all that the bar leaves to be gained."""
    bar = bar_of(losses, other)
    left = sum(losses) - sum(met_in_order(bar, losses, met))
    own = met_in_order(bar, losses, met)
    own[0] += left + 0.01
    assert estimate_deficit(own, bar) > left


@given(LOSSES, LOSSES, LOSSES)
def test_the_most_telling_come_first(losses, one, other):
    """The order is one of all instances, by the share they have in what tells elites from the bar."""
    bar = bar_of(losses, one, other)
    assert sorted(bar.order) == list(range(20))
    shares = bar.spread[list(bar.order)]
    assert all(first >= second for first, second in pairwise(shares))


def test_an_instance_on_which_only_far_elites_differ_tells_no_more_than_another():
    """Every elite's differences count alike, whether it is far from the bar or near."""
    near = [1.0 + 0.01 * (place == 7) for place in range(20)]
    far = [1.0 + 5.0 * (place == 3) for place in range(20)]
    bar = bar_of([1.0] * 20, near, near, far)
    assert bar.order[:2] == (7, 3)


@given(LOSSES, LOSSES, st.lists(st.sampled_from("abc"), min_size=20, max_size=20))
def test_classes_come_in_turn(losses, one, classes):
    """Before a class comes again, every class that has instances left has come as often, its most telling first."""
    elites = [elite(0, losses), elite(1, one)]
    bar = RaceReference.build(elites[0], elites, classes)
    came = {name: [place for place in bar.order if classes[place] == name] for name in classes}
    for each in came.values():
        assert all(bar.spread[first] >= bar.spread[second] for first, second in pairwise(each))
    turns = [came[classes[place]].index(place) for place in bar.order]
    assert turns == sorted(turns)


@pytest.mark.parametrize(("met", "deviations"), [(1, 3.75), (4, 1.875), (10, 1.5)])
@pytest.mark.parametrize(("share", "dropped"), [(1.1, True), (0.9, False)])
def test_who_is_expected_far_behind_is_dropped(met, deviations, share, dropped):
    """As far behind on all as on those met, against the root of what the others may bring: the fewer, the farther."""
    bar = bar_of([9.0] * 20)
    expected = share * deviations * np.sqrt(20 - met)
    found = estimate_deficit(np.full(met, 9.0 + expected / 20), bar)
    assert found == (pytest.approx(expected) if dropped else 0.0)


def test_where_there_is_nothing_to_compare_nobody_is_behind():
    """Without a bar, before the first instance, and with all instances met nobody is dropped."""
    bar, worse = bar_of([0.0] * 20), np.full(20, 9.0)
    assert estimate_deficit(worse[:4], bar) > 0
    assert (
        estimate_deficit(worse[:4], None)
        == estimate_deficit(worse[:0], bar)
        == estimate_deficit(worse, bar)
        == 0.0
    )


def test_without_other_elites_the_optimum_stands_for_them():
    """The first bar of a run is the only elite: where it loses most comes first, and may be made up for."""
    only = elite(1, [1.0] * 19 + [2.0])
    bar = RaceReference.build(only, [only], ["all"] * 20)
    assert bar.order == (19, *range(19))
    assert estimate_deficit(np.array([2.1]), bar) == 0.0
    assert estimate_deficit(np.array([9.0]), bar) > 0


@pytest.fixture(scope="module")
def splits():
    """Forty tiny instances to race on."""
    problem = tiny(relabel=None)
    train, validation = (
        problem.generate_instances("train", 0, 40),
        problem.generate_instances("validation", 0, 6),
    )
    found = find_baselines(problem, [*train, *validation])
    return Splits(
        problem, InstanceSet.build(train, found, False), InstanceSet.build(validation, found, False)
    )


def priced(splits, own):
    """The splits on which every program has these costs."""
    costs = {instance.digest: cost for instance, cost in zip(splits.train.instances, own, strict=True)}
    return replace(splits, problem=replace(splits.problem, cost=lambda instance, _: costs[instance.digest]))


def run(work):
    """A part of a trial, without a sandbox."""
    return work(NoSandbox(), 0.0)


def raced(splits, own, bar, *others, source=FORWARD):
    """Probe and race of a program with these costs against a bar with those, and other elites."""
    bar = bar_of(*(splits.train.compute_losses(costs) for costs in (bar, *others)))
    splits = priced(splits, own)
    probe = run(Probe(splits, source, bar, {}))
    if probe.outcome != "ok" or probe.costs is not None:
        return probe
    return run(Race(splits, source, bar, probe))


def around(splits, points, rng):
    """Costs about so many percent above the bound, with noise."""
    bound = splits.train.scale.bound
    return list(bound * (1 + np.maximum(0, points + rng.normal(0, 2, bound.size)) / 100))


@pytest.mark.parametrize("seed", range(5))
def test_the_clearly_bad_is_dropped_after_the_first_block(splits, seed):
    """A candidate that is far behind costs the first block, and it is said by how much it is behind."""
    rng = np.random.default_rng(seed)
    found = raced(splits, around(splits, 60, rng), *(around(splits, points, rng) for points in (5, 7, 9)))
    assert found.outcome == "raced"
    assert found.evaluated == found.run == len(found.scores) == 1
    assert found.costs is None
    assert found.deficit > 20


def test_a_candidate_with_large_noise_of_its_own_is_not_dropped():
    """Behind by as much in sum, it is dropped where it is so everywhere, and not where one instance makes it so."""
    bar = bar_of([10.0] * 12, [10.1] * 12)
    steady, noisy = np.full(6, 12.0), np.array([7.0, 7.0, 7.0, 7.0, 7.0, 37.0])
    assert steady.sum() == noisy.sum()
    assert estimate_deficit(steady, bar) > 0
    assert estimate_deficit(noisy, bar) == 0


@given(st.integers(0, 2**32))
def test_few_equals_are_dropped(seed):
    """Of candidates that are as good as the bar, with noise like that of the elites, one look drops one of ten."""
    rng = np.random.default_rng(seed)
    bar = bar_of(np.full(12, 50.0), *(rng.normal(50, 5, (4, 12))))
    own = rng.normal(50, 5, (200, 4))
    assert np.mean([estimate_deficit(each, bar) > 0 for each in own]) < 0.25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("points", [0, 4.5])
def test_the_clearly_better_is_never_dropped(splits, seed, points):
    """A candidate that is ahead of the bar runs to the end."""
    rng = np.random.default_rng(seed)
    found = raced(splits, around(splits, points, rng), *(around(splits, other, rng) for other in (8, 10, 12)))
    assert found.outcome == "ok"
    assert found.evaluated == len(found.costs) == 40


def test_who_falls_behind_later_is_dropped_later(splits):
    """Equal on the six that tell most, far behind then: the race ends with the block after them."""
    bound = splits.train.scale.bound
    bar = bar_of(splits.train.compute_losses(list(bound * 1.2)))
    own = list(bound * 1.2)
    for place in bar.order[6:]:
        own[place] = bound[place] * 9
    found = raced(splits, own, list(bound * 1.2))
    assert (found.outcome, found.evaluated) == ("raced", 8)


def test_a_little_behind_is_within_the_noise(splits):
    """A candidate that is behind by less than the elites scatter runs to the end."""
    bound, rng = splits.train.scale.bound, np.random.default_rng(3)
    bar, *others = (around(splits, 20, rng) for _ in range(4))
    assert raced(splits, list(np.array(bar) + 0.0001 * bound), bar, *others).outcome == "ok"


def test_costs_are_in_the_order_of_the_bench(splits):
    """In whatever order the instances were met."""
    rng = np.random.default_rng(0)
    own = around(splits, 1, rng)
    found = raced(splits, own, around(splits, 8, rng), around(splits, 9, rng), around(splits, 9, rng))
    assert list(found.costs) == own
    assert found.places != tuple(range(40))
    assert sorted(found.places) == list(range(40))


def test_a_failure_ends_a_trial_where_it_happens(splits):
    """A program that gives no sequence has met one instance, and has no costs."""
    found = run(Probe(splits, SOURCE.format("[0] * len(p)"), None, {}))
    assert (found.outcome, found.evaluated, found.costs, found.decisions) == ("infeasible", 1, None, {})


def test_behaviour_is_what_a_program_does(splits):
    """Other words have the same behaviour, another order another one."""
    bodies = ("np.argsort(d + 0.3 * p)", "(0.3 * p + d).argsort()", "np.argsort(-d)")
    first, second, other = (run(Probe(splits, SOURCE.format(body), None, {})) for body in bodies)
    assert first.decisions == second.decisions != other.decisions
    assert len(first.decisions) == MIN_PROBE_INSTANCES
    assert first.evaluated == MIN_PROBE_INSTANCES
    assert first.costs is None


def test_the_optimal_are_told_apart_by_more_instances(splits):
    """Where a program misses too few optima, that another one does the same says little: its probe goes on."""
    bound = splits.train.scale.bound
    late = [*bound[:MIN_PROBE_INSTANCES], *(bound[MIN_PROBE_INSTANCES:] + 9)]
    assert run(Probe(priced(splits, late), FORWARD, None, {})).evaluated == MIN_PROBE_INSTANCES + 2
    always = run(Probe(priced(splits, bound), FORWARD, None, {}))
    assert (always.evaluated, len(always.costs), len(always.decisions)) == (40, 40, 40)


def test_what_is_known_is_not_run_again(splits):
    """Scores that the archive has are taken from it: with the decisions known as well, nothing is run."""
    rule = splits.problem.find_rule("MDD").source("schedule")
    first = run(Race(splits, rule, None, run(Probe(splits, rule, None, {}))))
    executor = Inline()
    probe = executor.submit(Probe(splits, rule, None, first.scores, first.decisions)).result()
    second = executor.submit(Race(splits, rule, None, probe, first.decisions)).result()
    assert (second.costs, second.decisions) == (first.costs, first.decisions)
    assert (second.run, executor.runner.jobs) == (0, [])


def test_a_program_with_a_memory_is_no_elite(splits):
    """A program whose result depends on earlier calls is found out at the gate, and has a word of its own."""
    source = (
        "import numpy as np\nseen = []\n\n\ndef schedule(p, d):\n    seen.append(1)\n"
        "    return np.argsort(np.maximum(p, d) if len(seen) % 2 else p)\n"
    )
    found = run(Validation(splits, splits.validation, source, {}))
    assert (found.outcome, found.costs, found.evaluated) == ("state_dependent", None, 6)


def test_an_honest_program_has_its_costs_at_the_gate(splits):
    """All instances of the gate are met, and no training instance."""
    found = run(Validation(splits, splits.validation, FORWARD, {}))
    assert (found.outcome, len(found.costs)) == ("ok", 6)
    assert set(found.scores) == {instance.digest for instance in splits.validation.instances}


def test_a_trial_of_constants_is_the_gap_on_its_instances(splits):
    """The loss is what these instances add to the gap; a program that fails has none, and is paid for."""
    rule = splits.problem.find_rule("MDD").source("schedule")
    losses = splits.train.compute_losses(
        run(Race(splits, rule, None, run(Probe(splits, rule, None, {})))).costs
    )
    found = run(Attempt(splits, rule, (1, 5, 7)))
    assert (found.loss, found.run) == (pytest.approx(losses[1] + losses[5] + losses[7]), 3)
    assert run(Attempt(splits, SOURCE.format("None"), (1, 5, 7))).loss == float("inf")
