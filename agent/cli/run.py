"""The commands `run` and `resume`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from gapsmith.agent.archive import DISCOVERY, RunRow
from gapsmith.agent.cli import modelling
from gapsmith.agent.cli.options import (
    AllowedPackages,
    AllowWeak,
    ArchiveUrl,
    Batch,
    CpuSeconds,
    GivenExecutor,
    Json,
    KnownFile,
    Layout,
    LogEvery,
    LogFile,
    Models,
    Parallel,
    ScaleName,
    Trust,
    WarmStart,
    Without,
)
from gapsmith.agent.cli.terminal.console import OUT
from gapsmith.agent.cli.terminal.output import (
    open_archive,
    reduce_collections,
    report_end,
    say_if_any,
    show_progress,
    show_result,
    suggest_next_step,
)
from gapsmith.agent.cli.terminal.progress import LOG_SECONDS, run_job
from gapsmith.agent.evaluation.compare import read_entrants
from gapsmith.agent.evaluation.leading import rank_programs
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import ModelUnknown
from gapsmith.agent.models.spec import read_spec
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.costs import build_cost_table
from gapsmith.agent.reports.story import describe_result
from gapsmith.agent.runs.config import make_settings, read_config
from gapsmith.agent.runs.final import encoding
from gapsmith.agent.runs.loop.replies import Replies
from gapsmith.agent.runs.ownership import add_mark, check_named, is_ours
from gapsmith.agent.runs.recording import read_settings
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.evaluators.reading import read_text
from gapsmith.sandbox import Level

MAX_SEEDS = 20
"""Number of programs that a run takes from an older archive."""


def discover_and_show(
    wanted: Settings, archive: str, number: int | None, as_json: bool, log_every: float = LOG_SECONDS
) -> None:
    """Runs a discovery job to its end and prints its report.

    Raises Interrupted where a signal stopped it.
    """
    with (
        open_archive(archive) as store,
        show_progress(log_every) as progress,
        reduce_collections(),
        Run(wanted, store, number, progress=progress) as job,
    ):
        say_if_any(job.edited)
        report = run_job(job, progress)
        replies = Replies.gather(store, job.number)
    ended = {"replies": replies.encode(), "calls_at_most": job.ledger.most_calls}
    show_result({**encoding.encode_report(report), **ended}, view.build_report_table(report), as_json)
    if not as_json:
        if report.spending and report.spending.whole.tokens_in:
            OUT.print(build_cost_table(report.spending))
        OUT.print(view.summarise_report(report))
        OUT.print(suggest_next_step(report, archive), soft_wrap=True)
    report_end(job, replies)


def read_heuristic(name: str, archive: str, problem: str) -> str:
    """Returns the source of a file or of an archived program.

    Raises UsageError or GapsmithError, also where the program was written for another problem.
    """
    if not name.isdecimal():
        return read_entrants([Path(name)])[0].source
    original = find_problem(problem).original
    with open_archive(archive, reading=True) as store:
        program = store.find(int(name))
    if original is not None and program.problem != original.name:
        raise GapsmithError(
            f"program {name} was written for {program.problem}; expected one for {original.name}"
        )
    return program.source


def read_seeds(problem: str, archive: str) -> tuple[str, ...]:
    """Returns the sources of the best archived programs for a problem.

    Raises UsageError where the archive has none.
    """
    name = find_problem(problem).name
    with open_archive(archive, reading=True) as store:
        found = [store.find(row.program or 0) for row in rank_programs(store, name, None, MAX_SEEDS)]
    if not found:
        raise UsageError(f"archive {archive} holds no program that solved {name}; expected one to start from")
    return tuple(program.source for program in found)


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(
        epilog="Example: gapsmith run single_machine_tardiness --model offline --evaluations 1000 --seed 1"
    )(run)
    app.command(epilog="Example: gapsmith resume 3")(resume)


def run(
    problem: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="A name from `gapsmith problems`, or a path.py.")
    ] = None,
    model: Models = None,
    scale: ScaleName = "",
    allow: AllowedPackages = "",
    evaluations: Annotated[int | None, typer.Option(help="Limit: scored programs.")] = None,
    calls: Annotated[int | None, typer.Option(help="Limit: model requests.")] = None,
    usd: Annotated[float | None, typer.Option(help="Limit: dollars.")] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--time-limit", "--seconds", help="Limit: wall-clock seconds; no request is sent later."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Number of sandboxes (default: 2).")] = None,
    executor: GivenExecutor = None,
    seed: Annotated[
        int | None, typer.Option(help="Equal seeds give equal archives for offline and replay (default: 0).")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="Archive: a path, or a database URL (default: archive.db).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML configuration; command-line options take precedence.")
    ] = None,
    instances: Annotated[
        list[Path] | None, typer.Option(help="Instance files; split into training, validation and test.")
    ] = None,
    test: Annotated[list[Path] | None, typer.Option(help="Instance files for the sealed test.")] = None,
    layout: Layout = "",
    published: KnownFile = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of a server that speaks the provider's API.")
    ] = None,
    warm: WarmStart = None,
    start: Annotated[
        list[Path] | None,
        typer.Option(help="Python files with your own heuristics, which the winner must beat."),
    ] = None,
    notes: Annotated[
        Path | None, typer.Option(help="Text file with what you know about the problem; prompts tell it.")
    ] = None,
    heuristic: Annotated[
        str | None,
        typer.Option(
            help="For formulations: a heuristic, as file or program number, for hints and an upper bound."
        ),
    ] = None,
    without: Without = None,
    cpu_seconds: CpuSeconds = None,
    parallel: Parallel = None,
    batch: Batch = False,
    whole_budget: Annotated[
        bool,
        typer.Option(
            "--whole-budget", help="Search on when the best program is optimal on all training instances."
        ),
    ] = False,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Slots without a better program after which a fresh trajectory starts from the best one.",
        ),
    ] = None,
    weak: AllowWeak = False,
    trust: Trust = False,
    log_every: LogEvery = LOG_SECONDS,
    log: LogFile = None,
    as_json: Json = False,
) -> None:
    """Starts a discovery run and prints the report of its winner."""
    given = {
        "problem": problem,
        "model": tuple(model or ()),
        "scale": scale or None,
        "allow": allow or None,
        "evaluations": evaluations,
        "calls": calls,
        "usd": usd,
        "seconds": seconds,
        "workers": workers,
        "executor": executor,
        "seed": seed,
        "archive": archive,
        "base_url": base_url,
        "learn": tuple(map(str, instances or ())),
        "test": tuple(map(str, test or ())),
        "layout": layout or None,
        "known": str(published) if published else None,
        "without": tuple(without or ()),
        "cpu_seconds": cpu_seconds,
        "parallel": parallel,
        "batch": batch or None,
        "whole_budget": whole_budget or None,
        "patience": patience,
        "minimum_level": int(Level.L0) if weak else None,
    }
    values = read_config(config) if config else {}
    values.update({key: value for key, value in given.items() if value not in (None, ())})
    wanted = read_settings(values, trust) or make_settings(values)
    if warm is not None:
        wanted = replace(wanted, seeds=read_seeds(wanted.problem, warm))
    if start:
        wanted = replace(
            wanted, start=tuple((Path(each.name).stem, each.source) for each in read_entrants(start))
        )
    if notes is not None:
        wanted = replace(wanted, notes=read_text(notes, "a text for prompts"))
    if heuristic is not None:
        place = values.get("archive", "archive.db")
        wanted = replace(wanted, heuristic=read_heuristic(heuristic, place, wanted.problem))
    discover_and_show(wanted, values.get("archive", "archive.db"), None, as_json, log_every)


def resume(
    number: Annotated[
        int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
    ] = None,
    model: Models = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of a server that speaks the provider's API.")
    ] = None,
    executor: GivenExecutor = None,
    trust: Trust = False,
    weak: AllowWeak = False,
    archive: ArchiveUrl = "archive.db",
    log_every: LogEvery = LOG_SECONDS,
    log: LogFile = None,
    as_json: Json = False,
) -> None:
    """Resumes an interrupted run. Completed model calls and evaluations are reused.

    The report of a finished run is printed as it was.

    Models and addresses are those of the run by default. For a run of another user or machine, give them again.
    """
    with open_archive(archive, made=False) as store:
        row = store.run(number)
        named = tuple(model or ())
        check_named(row.id or 0, row.config, named=named, url_given=base_url is not None, trusted=trust)
        config = _update_settings(row, named, base_url, weak, executor)
        if config != row.config:
            store.reconfigure(row.id or 0, config)
            row = store.run(row.id)
        if modelling.resume_job(store, row, as_json):
            return
        if row.status == "done" and row.report:
            _show_finished(row, Replies.gather(store, row.id or 0), as_json)
            return
        _check_openable(row, archive)
    discover_and_show(Settings.decode(row.config), archive, row.id, as_json, log_every)


def _show_finished(row: RunRow, replies: Replies, as_json: bool) -> None:
    """Prints the report of a finished run as it was."""
    lines = [f"Run {row.id} is finished; its report stays as it is.", *describe_result(row)]
    show_result({**(row.report or {}), "replies": replies.encode()}, Text("\n".join(lines)), as_json)


def _check_openable(row: RunRow, archive: str) -> None:
    """Checks that the models of a run can be opened by name.

    Raises UsageError where a model is an object of the caller's own.
    """
    for word in Settings.decode(row.config).models:
        try:
            read_spec(word)
        except ModelUnknown:
            raise UsageError(
                f"run {row.id} uses {word!r}, a model object of your own that no name opens; continue in Python: "
                f"gapsmith.agent.resume({row.id}, archive={archive!r}, model=MODEL).report(), where MODEL is that "
                f"object; or use another model: gapsmith resume {row.id} --model …"
            ) from None


def _update_settings(
    row: RunRow, named: tuple[str, ...], base_url: str | None, weak: bool, executor: str | None
) -> dict[str, Any]:
    """Returns the settings of a run, changed by the given options.

    Changed settings are marked as those of the current user.
    """
    config = dict(row.config)
    if named and row.kind != DISCOVERY:
        config["model"] = named[0]
    elif named:
        config["models"] = list(named)
        config.pop("model", None)
    if base_url is not None or (named and not is_ours(row.config)):
        config["base_url"] = base_url
    if executor is not None:
        config["executor"] = executor
    if weak:
        config["minimum_level"] = int(Level.L0)
    elif not is_ours(row.config):  # only the user may lower the isolation
        config["minimum_level"] = max(int(config.get("minimum_level", Level.L2)), int(Level.L2))
    return config if config == row.config else add_mark(config)
