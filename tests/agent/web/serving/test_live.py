"""Open pages hear of a change, and only of changes."""

import asyncio

import pytest

from gapsmith.agent.archive import Archive
from gapsmith.agent.web.serving.live import Changes, Watcher


@pytest.fixture
def stores(place):
    """An archive that is written, and the same opened for reading."""
    writing = Archive(place)
    reading = Archive(place, True)
    yield writing, reading
    reading.close()
    writing.close()


def test_a_commit_is_a_change(stores):
    """The mark stays while nothing is written, and differs after a commit."""
    writing, reading = stores
    changes = Changes(reading.engine)
    before = changes.read()
    assert changes.read() == before
    writing.start("tsp", "offline", 0, {}, "1")
    assert changes.read() != before
    changes.close()


def test_listeners_end_with_the_server(stores):
    """A page that stays open does not keep the server alive."""
    watcher = Watcher(stores[1].engine, 0.01)

    async def listen():
        events = watcher.listen()
        await anext(events)
        rest = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        watcher.stop()
        await asyncio.wait([rest])
        return [each async for each in events]

    assert asyncio.run(listen()) == []


def test_listeners_hear_of_a_change(stores):
    """Whoever listens gets an event for a commit, and the watch ends with the last listener."""
    writing, reading = stores
    watcher = Watcher(reading.engine, 0.01)

    async def listen():
        events = watcher.listen()
        first = await anext(events)
        heard = asyncio.ensure_future(anext(events))
        while not watcher.number:
            writing.start("tsp", "offline", 0, {}, "1")
            await asyncio.wait([heard], timeout=0.02)
        found = await heard
        await events.aclose()
        return first, found, watcher._watching  # noqa: SLF001

    first, found, watching = asyncio.run(listen())
    assert first.startswith("retry:")
    assert found.startswith("event: change\n")
    assert watching is None
