"""Recorded candidates, and their race."""

import pytest
import racing
from helpers import TINY, Inline

from gapsmith.agent import find_problem
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.evaluators.base import Split


@pytest.fixture(scope="module")
def found():
    """The first candidates of a run of the tiny problem."""
    return list(racing.record(str(TINY), 0, 12, Inline()))


def test_a_recording_holds_what_solved_everything(found):
    """Rules come first and belong to no arm; then as many candidates as were asked for, on all instances."""
    arms = [row["arm"] for row in found]
    assert arms == sorted(arms, key=bool)
    assert sum(map(bool, arms)) == 12
    assert {len(row["losses"]) for row in found} == {racing.INSTANCES}


def test_a_replay_counts_what_is_lost(found, monkeypatch):
    """With a race that drops everybody after four instances, all who beat the bar are lost, and four are paid."""
    monkeypatch.setattr(racing, "race", lambda *_: racing.INSTANCES)
    kept = racing.replay(found)
    assert (kept.share, kept.dropped, kept.lost) == (1.0, 0, ())
    monkeypatch.setattr(racing, "race", lambda *_: 4)
    dropped = racing.replay(found)
    assert dropped.share == pytest.approx(4 / racing.INSTANCES)
    assert dropped.dropped == dropped.raced == kept.raced == 12
    assert len(dropped.lost) == dropped.better > 0
    assert all(each.gap < each.bar for each in dropped.lost)


def test_the_engine_races(found):
    """The engine drops who is far behind on all instances before the end, and keeps who equals the bar."""
    bar, *others = (racing.elite_of(row) for row in found)
    worse = racing.elite_of({"slot": 99, "losses": [9 + 9 * loss for loss in bar.losses]})
    classes = found[0]["classes"]
    assert racing.race(bar, bar, [bar, *others], classes) == racing.INSTANCES
    assert racing.race(worse, bar, [bar, *others], classes) < racing.INSTANCES


def test_a_recording_knows_the_class_of_each_loss(found):
    """Losses and classes are in the order of the run, which is not the order of the generator."""
    problem = racing.longer(find_problem(str(TINY)))
    classes = InstanceSupply(problem, (), (), seed=0).splits.train.classes
    assert classes != tuple(instance.stratum for instance in problem.generate_instances(Split.TRAIN, 0))
    assert {row["classes"] for row in found} == {classes}
