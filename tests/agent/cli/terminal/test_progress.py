"""Progress where there is no terminal: a line now and then, of what is going on."""

import io
import queue

import pytest

from gapsmith.agent.cli.terminal import progress as display
from gapsmith.agent.cli.terminal.console import PlainConsole


def test_progress_without_a_terminal_is_lines(monkeypatch):
    """What is counted is told while it lasts, then how the run stands; after the end nothing more."""
    said = queue.SimpleQueue()
    monkeypatch.setattr(display, "say", said.put)
    progress = display.ProgressDisplay(PlainConsole(file=io.StringIO()), every=0.001)
    progress("solving", 3, 9)
    assert said.get(timeout=60) == "solving: 3 of 9"
    progress.close()
    progress.standing = "run 1: best gap 2 %"
    while (line := said.get(timeout=60)) == "solving: 3 of 9":
        pass
    assert line == "run 1: best gap 2 %"
    progress.end()
    while not said.empty():
        assert said.get() == "run 1: best gap 2 %"


def test_a_terminal_has_a_bar_and_no_lines():
    """On a terminal nothing is written beside the bar."""
    progress = display.ProgressDisplay(PlainConsole(file=io.StringIO(), force_terminal=True), every=0.001)
    assert not progress._log.is_alive()  # noqa: SLF001 - a thread that writes nothing
    progress.end()


@pytest.mark.parametrize(
    ("seconds", "share", "words"),
    [
        (0.0, 0.0, "starting"),
        (9.0, 0.0, "measuring the reference rules"),
        (30.0, 0.25, "search ends in 1:30, then final selection and test"),
        (30.0, 1.0, "budget used; final selection and test follow"),
    ],
)
def test_the_time_left_is_that_of_the_search(seconds, share, words):
    """Nothing is promised before anything is known, and the end of the search is not the end."""
    assert display._describe_time_left(seconds, share) == words  # noqa: SLF001 - the whole line needs a run
