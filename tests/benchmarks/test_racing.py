"""Recorded candidates, and their race."""

import common
import pytest
import racing
from helpers import TINY, Inline


@pytest.fixture
def course(tmp_path):
    """The tiny problem's training instances."""
    return racing.Course.of(str(TINY), 0, tmp_path / "store.db")


def test_a_stopped_recording_goes_on(course, tmp_path):
    """A recording made in two sittings is the same, byte for byte, as one made in one."""
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    racing.record(course, 15, whole, Inline())
    for count in (9, 15):
        racing.record(course, count, parts, Inline())
    assert whole.read_bytes() == parts.read_bytes()
    assert len(common.records(whole)) == 15


def test_a_replay_counts_what_is_lost(course, monkeypatch, tmp_path):
    """With a race that drops everybody after four instances, all who beat the bar are lost, and four are paid."""
    path = tmp_path / "results.jsonl"
    racing.record(course, 25, path, Inline())
    found = common.records(path)
    monkeypatch.setattr(racing, "race", lambda *_: racing.INSTANCES)
    kept = racing.replay(course, found)
    assert (kept.share, kept.dropped, kept.lost) == (1.0, 0, ())
    monkeypatch.setattr(racing, "race", lambda *_: 4)
    dropped = racing.replay(course, found)
    assert dropped.share == pytest.approx(4 / racing.INSTANCES)
    assert dropped.dropped == dropped.raced == kept.raced > 0
    assert len(dropped.lost) == dropped.better > 0
    assert all(each.gap < each.bar for each in dropped.lost)


def test_the_engine_races(course):
    """The engine drops who is far behind on all instances before the end, and keeps who equals the bar."""
    bar = [10 + bound for bound in course.scale.bound]
    assert racing.race(course, bar, bar) == racing.INSTANCES
    assert racing.race(course, [3 * cost for cost in bar], bar) < racing.INSTANCES
