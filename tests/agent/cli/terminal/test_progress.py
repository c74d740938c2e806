"""Progress where there is no terminal: a line now and then, of what is going on."""

import io
import queue
import re
from logging.handlers import RotatingFileHandler

import pytest

from gapsmith.agent.cli.terminal import progress as display
from gapsmith.agent.cli.terminal.console import PlainConsole
from gapsmith.evaluators.base import UsageError


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


def test_a_log_has_every_line_with_its_time(tmp_path, capsys):
    """Lines go to stderr and to the file; after its end, to stderr alone."""
    path = tmp_path / "run.log"
    end = display.open_journal(path)
    display.say("one line")
    end()
    display.say("another line")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d one line\n", path.read_text())
    assert not any(isinstance(each, RotatingFileHandler) for each in display.JOURNAL.handlers)


def test_a_log_is_rotated(tmp_path, monkeypatch):
    """A file that is full is renamed, and no more than the set number is kept."""
    monkeypatch.setattr(display, "LOG_BYTES", 60)
    end = display.open_journal(tmp_path / "run.log")
    for k in range(20):
        display.say(f"line {k} of a long run")
    end()
    assert len(list(tmp_path.iterdir())) == display.LOG_FILES + 1


def test_a_log_that_cannot_be_written_is_a_mistake_that_is_named(tmp_path):
    """A folder that does not exist is told before anything runs."""
    with pytest.raises(UsageError, match="expected a file that can be written"):
        display.open_journal(tmp_path / "no" / "run.log")
