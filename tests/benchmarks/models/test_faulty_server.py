"""Runs against the server that fails a quarter of all requests: each answer is kept once, at the server's own count."""

from pathlib import Path

import pytest
from faulty_server import TINY, FaultyServer, Mix
from helpers import Inline, finish
from ledger import KEYS, WAYS, compare, word

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.models.hosted.transport import rate_limit as pacing

CALLS = 60


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Keys that are none, and waits that do not take time."""
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    passed = [0.0]

    def pause(condition, seconds):
        passed[0] += seconds
        condition.wait(0)

    monkeypatch.setattr(pacing, "now", lambda: passed[0])
    monkeypatch.setattr(pacing, "pause", pause)


def run_on(server, way, place, number=None):
    """A run of so many calls with sixteen questions open at once."""
    settings = Settings(
        problem=str(TINY), models=(word(server, way),), budget=Budget(calls=CALLS), parallel=16
    )
    return Run(settings, Archive(place), number, executor=Inline())


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_day_loses_nothing(place, way):
    """Refused, broken, dropped and cut requests end in as many calls as were to be made, at the server's own count."""
    with FaultyServer(Mix(latency=0.0), seed=3) as server:
        finish(run_on(server, way, place))
        found = compare(server, way, Path(place))
    assert min(server.faults[name] for name in ("refused", "broken", "dropped", "truncated")) > 0
    assert found.recorded == found.answered == found.delivered == CALLS
    assert found.exact
    assert found.usd > 0
    assert found.outcomes["truncated"] > 0


def test_a_ledger_sees_what_is_wrong(place):
    """What the server delivered and the archive lacks is lost; what it never delivered is strange."""
    with FaultyServer(Mix(latency=0.0), seed=3) as server:
        finish(run_on(server, "chat", place))
        last = server.delivered.pop()
        assert compare(server, "chat", Path(place)).strange == 1
        server.delivered += [last, type(last)("id-none", 0.0, 0.0, 1, 0, 1)]
        assert compare(server, "chat", Path(place)).lost == ("id-none",)
        server.delivered[0] = type(last)(server.delivered[0].id, 0.0, 0.0, 1, 0, 1)
        assert not compare(server, "chat", Path(place)).exact
