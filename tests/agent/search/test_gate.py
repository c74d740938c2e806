"""The gate and the race: who becomes champion, and who is dropped on the way."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import Inline, NoSandbox, tiny
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.baselines import baselines_of
from gapsmith.agent.search import trial
from gapsmith.agent.search.gate import judge
from gapsmith.agent.search.population import Elite
from gapsmith.agent.search.state import SearchState
from gapsmith.agent.search.trial import Bar, Bench, Course, Trial, Trialled
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale

BOUNDS = [100, 120, 80, 200, 150, 90, 110, 130, 70, 160]
SCALE = Scale([Instance(str(k), {}) for k in range(10)], [Baseline(b, b, None, "hand", 0.0) for b in BOUNDS])
costs = st.lists(st.integers(0, 50), min_size=10, max_size=10).map(
    lambda more: [b + m for b, m in zip(BOUNDS, more, strict=True)]
)


@given(costs, costs)
def test_the_champion_is_replaced_only_above_the_lower_limit(challenger, champion):
    """A challenger passes if, and only if, the lower limit of its gain is above zero."""
    verdict = judge(SCALE, challenger, champion)
    assert verdict.passed == (verdict.low > 0)
    assert verdict.low <= verdict.gain + 1e-9
    assert verdict.gain <= verdict.high + 1e-9
    if verdict.passed:
        assert sum(challenger) < sum(champion)


@given(costs)
def test_nobody_replaces_an_equal(champion):
    """Equal costs are no gain: the champion stays."""
    assert not judge(SCALE, champion, champion).passed


def test_the_surely_better_passes_and_the_lucky_does_not():
    """Better everywhere passes; better on one instance by a lot, and worse on the others, does not."""
    champion = [b + 20 for b in BOUNDS]
    assert judge(SCALE, [b + 10 for b in BOUNDS], champion).passed
    assert not judge(SCALE, [BOUNDS[0] - 100 + 20, *(b + 22 for b in BOUNDS[1:])], champion).passed
    assert judge(SCALE, champion, None).passed


def elite(program, gap, costs=(1, 2)):
    """An elite."""
    return Elite(program, f"source {program}", 10, gap, costs)


def test_only_the_gate_makes_a_champion():
    """A better gap in training makes an elite, not a champion; the gate's verdict on validation does."""
    state = SearchState(type("B", (), {"scale": SCALE})())
    slack = [b + 20 for b in BOUNDS]
    state.take("rule", elite(1, 9.0), Trialled("ok", "", (), (1, 2), tuple(slack)), 99.0)
    assert state.champion.program == 1
    state.take("refine", elite(2, 1.0, (1, 1)), Trialled("ok", "", (), (1, 1)), 9.0)
    assert state.population.best.program == 2
    assert state.champion.program == 1
    state.take("refine", elite(3, 0.5, (0, 1)), Trialled("ok", "", (), (0, 1), tuple(slack)), 9.0)
    assert state.champion.program == 1
    better = tuple(b + 5 for b in BOUNDS)
    state.take("refine", elite(4, 0.4, (0, 0)), Trialled("ok", "", (), (0, 0), better), 9.0)
    assert state.champion.program == 4


# The race


@pytest.fixture(scope="module")
def course():
    """Forty tiny instances to race on."""
    problem = tiny(relabel=None)
    train, validation = problem.instances("train", 0, 40), problem.instances("validation", 0, 6)
    found = baselines_of(problem, [*train, *validation])
    return Course(problem, Bench.of(train, found, False), Bench.of(validation, found, False))


def raced(course, own, bar):
    """The trial of a program with these costs against a bar with those."""
    priced = iter(own)
    problem = replace(course.problem, cost=lambda instance, solution: next(priced))
    source = "def schedule(p, d):\n    return []\n"
    return Trial(replace(course, problem=problem), source, Bar(tuple(bar), -1.0), {})(NoSandbox(), 0.0)


def around(course, points, rng):
    """Costs about so many percent above the bound, with noise."""
    bound = course.train.scale.bound
    return list(bound * (1 + (points + rng.normal(0, 2, bound.size)) / 100))


@pytest.mark.parametrize("seed", range(10))
def test_the_clearly_bad_is_dropped_after_the_first_block(course, seed):
    """A candidate that is far behind the median elite costs twelve instances, and the archive is told by how much."""
    rng = np.random.default_rng(seed)
    found = raced(course, around(course, 60, rng), around(course, 5, rng))
    assert found.outcome == "raced"
    assert len(found.scores) == trial.FIRST_BLOCK
    assert found.train is None
    assert found.lag > 20


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("points", [0, 3, 4.5])
def test_the_clearly_better_is_never_dropped(course, seed, points):
    """A candidate that is ahead of the bar runs to the end."""
    rng = np.random.default_rng(seed)
    found = raced(course, around(course, points, rng), around(course, 8, rng))
    assert found.outcome == "ok"
    assert len(found.scores) == 40


def test_an_equal_is_not_dropped(course):
    """With the same costs as the bar a candidate runs to the end."""
    bar = around(course, 5, np.random.default_rng(1))
    assert raced(course, bar, bar).outcome == "ok"


def test_a_little_behind_is_within_the_noise(course):
    """A candidate that is behind by less than its differences scatter runs to the end."""
    bound = course.train.scale.bound
    swing = np.where(np.arange(bound.size) % 2, 0.11, -0.09)
    found = raced(course, list(bound * 1.2 + swing * bound), list(bound * 1.2))
    assert found.outcome == "ok"


def test_without_a_bar_nobody_is_dropped(course):
    """The first programs of a run are not raced."""
    rng = np.random.default_rng(1)
    assert raced(course, around(course, 90, rng), ()).outcome == "ok"


def test_what_is_known_is_not_run_again(course):
    """Scores that the archive has are taken from it: a second trial runs nothing of the training."""
    rule = course.problem.rule("MDD").source("schedule")
    executor = Inline()
    first = executor.submit(Trial(course, rule, Bar(), {})).result()
    known = {instance.digest: score for instance, score in first.scores}
    calls = len(executor.runner.jobs)
    second = executor.submit(Trial(course, rule, Bar(record=-1.0), known)).result()
    assert second.train == first.train
    assert len(executor.runner.jobs) == calls


def test_a_program_with_a_memory_is_no_elite(course):
    """A program whose result depends on earlier calls is found out before the gate, and has a word of its own."""
    source = (
        "import numpy as np\nseen = []\n\n\ndef schedule(p, d):\n    seen.append(1)\n"
        "    return np.argsort(np.maximum(p, d) if len(seen) % 2 else p)\n"
    )
    found = Inline().submit(Trial(course, source, Bar(), {})).result()
    assert found.outcome == "state_dependent"
    assert found.train is None
    assert found.validation is None
