"""What the verbs share: opens archives, shows results, reports progress. No options, no exit codes of its own."""

import gc
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import RenderableType
from rich.text import Text

from gapsmith.agent.archive import Archive, CandidateRow, RunRow
from gapsmith.agent.archive import findings as truths
from gapsmith.agent.archive.costs import spending_table
from gapsmith.agent.cli.terminal.console import OUT, write_out
from gapsmith.agent.cli.terminal.progress import LOG_SECONDS, Doing, say, work
from gapsmith.agent.evaluation.compare import Comparison, file_entrants
from gapsmith.agent.evaluation.own.versions import left_aside
from gapsmith.agent.evaluation.problems import (
    find_problem,
    new_problem,
    problem_names,
    read_instances,
    unknown,
)
from gapsmith.agent.models.spec import without_login
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.export.module import write
from gapsmith.agent.runs.final.leaderboards import leading, winner_of
from gapsmith.agent.runs.final.report import Report
from gapsmith.agent.runs.loop.replies import Replies
from gapsmith.agent.runs.run import Run, Settings, existing
from gapsmith.evaluators.base import Instance, Problem, Split, Trouble, UsageTrouble
from gapsmith.evaluators.integrity.conformance import broken_promises
from gapsmith.sandbox import Level, open_sandbox

DEFAULT_ARCHIVE = "archive.db"
SEEDS = 20
"""Programs that a run takes over from an older archive."""

OBJECTS_BETWEEN = 50_000
"""Objects made between two visits of Python's collector: a candidate's tree has hundreds, and leaves no cycles."""


def discover_and_show(
    wanted: Settings, archive: str, number: int | None, as_json: bool, log_every: float = LOG_SECONDS
) -> None:
    """Runs a job to its end and shows its report. Raises Interrupted when a signal stopped it."""
    with (
        opened_archive(archive) as store,
        progress_bar(log_every) as doing,
        seldom_collected(),
        Run(wanted, store, number, doing=doing) as job,
    ):
        say_if_any(job.edited)
        report = work(job, doing)
        replies = Replies.of(store, job.number)
    ended = {"replies": replies.plain(), "calls_at_most": job.ledger.most_calls}
    show_result({**view.report_json(report), **ended}, view.report_table(report), as_json)
    if not as_json:
        if report.spending and report.spending.whole.tokens_in:
            OUT.print(spending_table(report.spending))
        OUT.print(view.verdict(report))
        OUT.print(next_step(report, archive))
    _tell_end(job, replies)


def _tell_end(job: Run, replies: Replies) -> None:
    """Says on stderr what a reader of the report should know. Raises Trouble where no reply was of any use."""
    if job.ledger.ended_by_calls:
        say(
            f"ended by the limit of {job.ledger.most_calls} calls, with {job.ledger.evaluations} evaluations; "
            "--calls sets another limit"
        )
    if job.left_behind:
        words = f"{job.left_behind} questions had no answer when the seconds were used up; they may be billed"
        if not replies.count:
            raise Trouble(f"{words}; the report is of the reference rules alone")
        say(words)
    if replies.useless:
        raise Trouble(f"{replies}; the report is of the reference rules alone")
    if replies.without_program:
        say(str(replies))


def next_step(report: Report, archive: str) -> str:
    """What to do with a winner: to export it only where it is better than the best rule."""
    where = "" if archive == DEFAULT_ARCHIVE else f" --archive {shlex.quote(without_login(archive))}"
    rule = report.reference.entrant.name
    if report.best.aggregate is None:
        failed = f"program {report.best_id} failed where it was tested"
        return f"Keep {rule}: {failed}. Why: gapsmith explain {report.run}{where}"
    if report.best.entrant.name == rule:
        return f"Keep {rule}, or search with a larger budget. What was found: gapsmith best --run {report.run}{where}"
    if is_better(report):
        return f"Take it with: gapsmith export {report.best_id} -o my_rule.py{where}"
    return (
        f"Keep {rule}, or search with a larger budget or more instances. "
        f"The program: gapsmith show {report.best_id}{where}"
    )


def is_better(report: Report) -> bool:
    """Whether all that was measured of the winner says that it is better than the best rule, or than its base."""
    if found := report.formulation:
        intervals = [ratio["ci95"] for ratio in (found["ratio"], found["wall_ratio"]) if ratio]
        return all(interval is not None and interval[1] < 1 for interval in intervals)
    claimed = report.claimed if report.claimed and report.claimed.instances else report.gain
    return report.gain.is_shown and claimed.is_shown


def say_if_any(words: str) -> None:
    """A line on stderr, unless it is empty."""
    if words:
        say(words)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Keeps the collector from looking at all modules again and again, and at every candidate's tree.

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


def write_new_problem(name: str) -> str:
    """Writes the skeleton of a problem of one's own; returns what to say."""
    path = Path(f"{name}.py")
    if path.exists():
        raise UsageTrouble(f"{path} is there already; expected a new name, or remove it first")
    write(path, new_problem(name))
    return f"{path}: change it, then try it with: gapsmith problems {path} --check"


def show_broken_promises(problem: Problem, minimum: Level, as_json: bool) -> None:
    """Tries what a problem promises; exits with 1 if it breaks any."""
    with open_sandbox(minimum=minimum) as sandbox:
        broken = broken_promises(problem, sandbox)
    words = "\n".join(broken) or f"{problem.name} keeps all that a problem promises"
    show_result({"problem": problem.name, "broken": broken}, Text(words), as_json)
    if broken:
        raise typer.Exit(1)


def check_known(store: Archive, problem: str | None, number: int | None) -> None:
    """Raises UsageTrouble or Trouble for a problem or a run that the archive cannot know."""
    if number is not None:
        store.run(number)
    known = sorted({*problem_names(), *(row.problem for row in store.runs())})
    if problem is not None and problem not in known:
        raise UsageTrouble(unknown("problem", problem, known))


def problem_called(given: str | None) -> str | None:
    """The problem's name in the archive, of a name or a path.py."""
    return find_problem(given).name if given and given.endswith(".py") else given


def wanted_problem(given: str | None) -> str:
    """The problem that must be named. Raises UsageTrouble."""
    if given is None:
        raise UsageTrouble("--instances needs a problem; expected: gapsmith best PROBLEM --instances PATH…")
    return given


def version_called(given: str | None) -> str | None:
    """The version of the problem of a path.py; None of a name, which stands for the latest."""
    return find_problem(given).version if given and given.endswith(".py") else None


def say_edited(store: Archive, problem: Problem, called: str) -> None:
    """Says that the archive knows the problem in other versions only, where it does."""
    say_if_any(left_aside(store, problem, called))


def reported(store: Archive, problem: str | None, number: int | None) -> RunRow:
    """The run of that number, else the latest that is finished. Raises Trouble where it has no leaderboards."""
    found = next(iter(_finished(store, problem, number)), None)
    if found is None and number is None:
        raise Trouble(f"archive {store.location} holds no finished run{f' of {problem}' if problem else ''}")
    run = number if found is None else found.id
    if found is None or not (found.report or {}).get("front"):
        raise Trouble(f"run {run} has no leaderboards yet; they come with: gapsmith resume {run}")
    return found


def _finished(
    store: Archive, problem: str | None, number: int | None, version: str | None = None
) -> list[RunRow]:
    """Finished runs, the latest first; without a number those whose gaps can be compared."""
    wanted = store.comparable(problem, version) if number is None else [number]
    return [row for row in store.runs() if row.report and row.id in wanted and problem in (None, row.problem)]


def show_leaders(store: Archive, rows: list[CandidateRow], as_json: bool) -> None:
    """Prints candidates, the best first; of formulations, how right they were found to be."""
    findings = {row.program or 0: truths.finding_of(store, [row]) for row in rows}
    known = {program: found for program, found in findings.items() if found}
    winners = [winner_of(store, run) for run in store.runs() if run.report]
    best = {row.program for row in winners if row}
    table = view.candidate_table(rows, "best programs", best)
    table.caption = "\n".join(f"{program}: {truths.words(found)}" for program, found in known.items()) or None
    shown = [view.candidate_json(row) for row in rows]
    for line, row in zip(shown, rows, strict=True):
        line["winner"] = row.program in best
        line |= {"verified": known[row.program]} if row.program in known else {}
    show_result(shown, table, as_json)


def show_board(row: RunRow, board: str, as_json: bool) -> None:
    """Prints a leaderboard of a finished run: "front" or "together"."""
    table = view.front_table(row) if board == "front" else view.set_table(row)
    data = {"run": row.id, "problem": row.problem, board: (row.report or {})[board]}
    show_result(data, table, as_json)


def chosen_instances(problem: Problem, files: list[Path] | None, split: Split) -> list[Instance]:
    """The instances of the files, else the generated ones of the split."""
    return read_instances(problem, files) if files else problem.instances(split)


def minimum_level(weak: bool) -> Level:
    """The weakest isolation that is accepted."""
    return Level.L0 if weak else Level.L2


def show_result(data: Any, words: RenderableType, as_json: bool) -> None:
    """Prints a result on stdout, as JSON or as words."""
    if as_json:
        write_out(json.dumps(data, allow_nan=False) + "\n")
    else:
        OUT.print(words)


def fail_if_any(comparison: Comparison) -> None:
    """Exits with 1 if any program failed."""
    if any(row.outcome != "ok" for row in comparison.rows):
        raise typer.Exit(1)


@contextmanager
def opened_archive(location: str, made: bool = True, reading: bool = False) -> Iterator[Archive]:
    """An archive, closed afterwards.

    Args:
        location: a path, or a database URL.
        made: whether it is made if it is absent.
        reading: whether nothing is written: not made, and not lifted either; a read-only folder will do.

    Raises:
        Trouble: where it is absent and would not be made, or cannot be used.
    """
    store = Archive(location if made and not reading else existing(location), reading, say)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def progress_bar(every: float = LOG_SECONDS) -> Iterator[Doing]:
    """Progress on stderr: a bar that is taken away afterwards, or a line every so many seconds."""
    doing = Doing(every=every)
    try:
        yield doing
    finally:
        doing.end()


def heuristic_called(name: str, archive: str) -> str:
    """The source of a file, or of a program in the archive. Raises UsageTrouble or Trouble."""
    if not name.isdecimal():
        return file_entrants([Path(name)])[0].source
    with opened_archive(archive, reading=True) as store:
        return store.find(int(name)).source


def warm_seeds(problem: str, archive: str) -> tuple[str, ...]:
    """The sources of the best programs that an archive holds for a problem. Raises UsageTrouble where it has none."""
    name = find_problem(problem).name
    with opened_archive(archive, reading=True) as store:
        found = [store.find(row.program or 0) for row in leading(store, name, None, SEEDS)]
    if not found:
        raise UsageTrouble(
            f"archive {archive} holds no program that solved {name}; expected one to start from"
        )
    return tuple(program.source for program in found)
