"""Functions that commands share: open archives, show results, report progress."""

import gc
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from gapsmith.agent.archive import Archive
from gapsmith.agent.cli.terminal.console import OUT, write_out
from gapsmith.agent.cli.terminal.progress import LOG_SECONDS, ProgressDisplay, say
from gapsmith.agent.evaluation.own.versions import describe_unused_results
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.runs.discover import check_exists
from gapsmith.agent.runs.final.report import Report
from gapsmith.agent.runs.loop.replies import Replies
from gapsmith.agent.runs.run import Run
from gapsmith.evaluators.base import GapsmithError, Problem
from gapsmith.sandbox import Level

DEFAULT_ARCHIVE = "archive.db"

OBJECTS_BETWEEN = 50_000
"""New objects between two garbage collections; a candidate's syntax tree has hundreds, without cycles."""


def report_end(job: Run, replies: Replies) -> None:
    """Reports on stderr how the run ended, where that matters.

    Raises GapsmithError where no reply was usable.
    """
    if job.ledger.ended_by_calls:
        say(
            f"ended by the limit of {job.ledger.most_calls} calls, with {job.ledger.evaluations} evaluations; "
            "change it with --calls"
        )
    if job.left_behind:
        words = f"{job.left_behind} requests had no reply at the time limit; they may be billed"
        if not replies.count:
            raise GapsmithError(f"{words}; the report covers only the reference rules")
        say(words)
    if replies.fruitless:
        raise GapsmithError(f"{replies}; the report covers only the reference rules")
    if replies.without_program:
        say(str(replies))


def suggest_next_step(report: Report, archive: str) -> str:
    """Suggests what to do with the winner.

    Export is suggested only for a program that is better than the best rule.
    """
    where = "" if archive == DEFAULT_ARCHIVE else f" --archive {shlex.quote(hide_login(archive))}"
    rule = report.reference.entrant.name
    if report.best.aggregate is None:
        failed = f"program {report.best_id} failed on the test"
        return f"Keep {rule}: {failed}. Why: gapsmith explain {report.run}{where}"
    if report.best.entrant.name == rule:
        return f"Keep {rule}, or search with a larger budget. Other programs: gapsmith best --run {report.run}{where}"
    if is_better(report):
        return f"Take it with: gapsmith export {report.best_id} -o my_rule.py{where}"
    return (
        f"Keep {rule}, or search with a larger budget or more instances. "
        f"The program: gapsmith show {report.best_id}{where}"
    )


def is_better(report: Report) -> bool:
    """Tells whether the winner is significantly better than its reference.

    The reference is the best rule, or the base model of a formulation.
    """
    if found := report.formulation:
        intervals = [ratio["ci95"] for ratio in (found["ratio"], found["wall_ratio"]) if ratio]
        return all(interval is not None and interval[1] < 1 for interval in intervals)
    claimed = report.claimed if report.claimed and report.claimed.instances else report.gain
    return report.gain.is_shown and claimed.is_shown


def say_if_any(words: str) -> None:
    """Prints a line on stderr, unless it is empty."""
    if words:
        say(words)


@contextmanager
def reduce_collections() -> Iterator[None]:
    """Reduces the work of Python's garbage collector.

    For a process of our own: `gc.unfreeze` would also unfreeze what a caller in Python has frozen.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def find_given_version(given: str | None) -> str | None:
    """Returns the version of a problem file; None for a name.

    A name stands for the latest version.
    """
    return find_problem(given).version if given and given.endswith(".py") else None


def say_edited(store: Archive, problem: Problem, called: str) -> None:
    """Prints a notice where the archive has only other versions."""
    say_if_any(describe_unused_results(store, problem, called))


def choose_minimum_level(weak: bool) -> Level:
    """Returns the weakest isolation level that is accepted."""
    return Level.L0 if weak else Level.L2


def show_result(data: Any, words: RenderableType, as_json: bool) -> None:
    """Prints a result on stdout, as JSON or as text.

    Plain text is printed as it is, so that commands in it can be copied; tables are laid out for the terminal.
    """
    if as_json:
        write_out(json.dumps(data, allow_nan=False) + "\n")
    else:
        OUT.print(words, soft_wrap=isinstance(words, str | Text))


@contextmanager
def open_archive(location: str, made: bool = True, reading: bool = False) -> Iterator[Archive]:
    """Opens an archive and closes it afterwards.

    Args:
        location: a path, or a database URL.
        made: create it if it is absent.
        reading: open for reading only: neither created nor migrated; its folder may be read-only.

    Raises:
        GapsmithError: if it is absent and not created, or cannot be used.
    """
    store = Archive(location if made and not reading else check_exists(location), reading, say)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def show_progress(every: float = LOG_SECONDS) -> Iterator[ProgressDisplay]:
    """Shows progress on stderr.

    On a terminal a bar, elsewhere a line at intervals.
    """
    progress = ProgressDisplay(every=every)
    try:
        yield progress
    finally:
        progress.end()
