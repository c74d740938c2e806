"""The race: who is dropped after which block, what a probe tells of behaviour, and what is not run twice."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import Inline, NoSandbox, tiny
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.baselines import baselines_of
from gapsmith.agent.search.bench import Bench, Course
from gapsmith.agent.search.racing import BLOCKS, blocks, lag
from gapsmith.agent.search.trial import Attempt, Probe, Race, Validation
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale

FIRST, SECOND = BLOCKS[:2]
EVEN = Scale([Instance(str(k), {}) for k in range(20)], [Baseline(100, 100, None, "hand", 0.0)] * 20)
FORWARD = "def schedule(p, d):\n    return list(range(len(p)))\n"
SOURCE = "import numpy as np\n\n\ndef schedule(p, d):\n    return {}\n"


@given(st.integers(1, 200))
def test_blocks_are_all_instances_once(count):
    """Whatever the number of instances, the blocks follow each other and end with the last one."""
    met = [place for block in blocks(count) for place in block]
    assert met == list(range(count))
    assert all(len(block) for block in blocks(count))


@given(st.lists(st.integers(100, 200), min_size=2, max_size=20), st.integers(0, 100))
def test_nobody_is_behind_an_equal_or_a_worse(own, more):
    """A candidate is dropped neither for its own costs, nor where the bar is higher everywhere."""
    bar = [cost + more for cost in own] + [100] * (20 - len(own))
    assert lag(EVEN, own, bar) == 0.0


@pytest.mark.parametrize(
    ("met", "spread", "dropped"), [(4, 1.7, True), (4, 1.8, False), (12, 3.2, True), (12, 3.4, False)]
)
def test_more_than_one_standard_error_behind_is_dropped(met, spread, dropped):
    """A candidate a little more than one standard error behind goes, one a little less than that stays."""
    own = [111 + spread * (-1) ** k for k in range(met)]
    found = lag(EVEN, own, [110.0] * 20)
    assert found == (pytest.approx(1.0) if dropped else 0.0)


@given(st.integers(2, 19), st.integers(0, 18), st.floats(0.01, 90))
def test_a_single_instance_says_nothing(met, place, more):
    """Who is as good as the bar but on one instance stays, whichever it is and however much is lost there."""
    own = [110.0 + more * (k == min(place, met - 1)) for k in range(met)]
    assert lag(EVEN, own, [110.0] * 20) == 0.0


def test_where_there_is_nothing_to_compare_nobody_is_behind():
    """Without a bar, after one instance, and with all instances met there is no race."""
    assert lag(EVEN, [200] * 4, ()) == 0.0
    assert lag(EVEN, [200], [100] * 20) == 0.0
    assert lag(EVEN, [200] * 20, [100] * 20) == 0.0


@pytest.fixture(scope="module")
def course():
    """Forty tiny instances to race on."""
    problem = tiny(relabel=None)
    train, validation = problem.instances("train", 0, 40), problem.instances("validation", 0, 6)
    found = baselines_of(problem, [*train, *validation])
    return Course(problem, Bench.of(train, found, False), Bench.of(validation, found, False))


def priced(course, own):
    """The course on which every program has these costs, in their order."""
    costs = iter(own)
    return replace(course, problem=replace(course.problem, cost=lambda instance, solution: next(costs)))


def run(work):
    """A part of a trial, without a sandbox."""
    return work(NoSandbox(), 0.0)


def raced(course, own, bar, source=FORWARD):
    """Probe and race of a program with these costs against a bar with those."""
    course = priced(course, own)
    probe = run(Probe(course, source, tuple(bar), {}))
    if probe.outcome != "ok" or probe.costs is not None:
        return probe
    return run(Race(course, source, tuple(bar), probe))


def around(course, points, rng):
    """Costs about so many percent above the bound, with noise."""
    bound = course.train.scale.bound
    return list(bound * (1 + (points + rng.normal(0, 2, bound.size)) / 100))


@pytest.mark.parametrize("seed", range(5))
def test_the_clearly_bad_is_dropped_after_the_first_block(course, seed):
    """A candidate that is far behind costs the first block, and it is said by how much it is behind."""
    rng = np.random.default_rng(seed)
    found = raced(course, around(course, 60, rng), around(course, 5, rng))
    assert found.outcome == "raced"
    assert found.met == found.run == len(found.scores) == FIRST
    assert found.costs is None
    assert found.lag > 20


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("points", [0, 4.5])
def test_the_clearly_better_is_never_dropped(course, seed, points):
    """A candidate that is ahead of the bar runs to the end."""
    rng = np.random.default_rng(seed)
    found = raced(course, around(course, points, rng), around(course, 8, rng))
    assert found.outcome == "ok"
    assert found.met == len(found.costs) == 40


def test_who_falls_behind_later_is_dropped_after_the_second_block(course):
    """Equal at first, far behind then: the race ends with the second block."""
    bound = course.train.scale.bound
    bar, own = list(bound * 1.2), list(bound * 1.2)
    own[FIRST:] = list(bound[FIRST:] * 1.8)
    found = raced(course, own, bar)
    assert (found.outcome, found.met) == ("raced", SECOND)


def test_a_little_behind_is_within_the_noise(course):
    """A candidate that is behind by less than its differences scatter runs to the end."""
    bound = course.train.scale.bound
    swing = np.where(np.arange(bound.size) % 2, 0.11, -0.09)
    assert raced(course, list(bound * 1.2 + swing * bound), list(bound * 1.2)).outcome == "ok"


def test_a_failure_ends_a_trial_where_it_happens(course):
    """A program that gives no sequence has met one instance, and has no costs."""
    found = run(Probe(course, SOURCE.format("[0] * len(p)"), (), {}))
    assert (found.outcome, found.met, found.costs, found.behaviour) == ("infeasible", 1, None, "")


def test_behaviour_is_what_a_program_does(course):
    """Other words have the same behaviour, another order another one."""
    bodies = ("np.argsort(d + 0.3 * p)", "(0.3 * p + d).argsort()", "np.argsort(-d)")
    first, second, other = (run(Probe(course, SOURCE.format(body), (), {})) for body in bodies)
    assert first.behaviour == second.behaviour != other.behaviour
    assert first.met == FIRST
    assert first.costs is None


def test_the_optimal_are_told_apart_by_more_instances(course):
    """Where a program misses too few optima, that another one does the same says little: its probe goes on."""
    bound = course.train.scale.bound
    late = [*bound[:FIRST], *(bound[FIRST:] + 9)]
    assert run(Probe(priced(course, late), FORWARD, (), {})).met == SECOND
    always = run(Probe(priced(course, bound), FORWARD, (), {}))
    assert (always.met, len(always.costs)) == (40, 40)
    assert always.behaviour


def test_what_is_known_is_not_run_again(course):
    """Scores that the archive has are taken from it: with the behaviour known as well, nothing is run."""
    rule = course.problem.rule("MDD").source("schedule")
    first = run(Race(course, rule, (), run(Probe(course, rule, (), {}))))
    executor = Inline()
    probe = executor.submit(Probe(course, rule, (), first.scores, first.behaviour)).result()
    second = executor.submit(Race(course, rule, (), probe)).result()
    assert (second.costs, second.behaviour) == (first.costs, first.behaviour)
    assert (second.run, executor.runner.jobs) == (0, [])


def test_a_program_with_a_memory_is_no_elite(course):
    """A program whose result depends on earlier calls is found out at the gate, and has a word of its own."""
    source = (
        "import numpy as np\nseen = []\n\n\ndef schedule(p, d):\n    seen.append(1)\n"
        "    return np.argsort(np.maximum(p, d) if len(seen) % 2 else p)\n"
    )
    found = run(Validation(course, course.validation, source, {}))
    assert (found.outcome, found.costs, found.met) == ("state_dependent", None, 6)


def test_an_honest_program_has_its_costs_at_the_gate(course):
    """All instances of the gate are met, and no training instance."""
    found = run(Validation(course, course.validation, FORWARD, {}))
    assert (found.outcome, len(found.costs)) == ("ok", 6)
    assert set(found.scores) == {instance.digest for instance in course.validation.instances}


def test_a_trial_of_constants_is_the_gap_on_its_instances(course):
    """The loss is what these instances add to the gap; a program that fails has none, and is paid for."""
    rule = course.problem.rule("MDD").source("schedule")
    losses = course.train.losses(run(Race(course, rule, (), run(Probe(course, rule, (), {})))).costs)
    found = run(Attempt(course, rule, (1, 5, 7)))
    assert (found.loss, found.run) == (pytest.approx(losses[1] + losses[5] + losses[7]), 3)
    assert run(Attempt(course, SOURCE.format("None"), (1, 5, 7))).loss == float("inf")
