"""The commands `run` and `resume`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gapsmith.agent.archive import DISCOVERY, RunRow
from gapsmith.agent.cli import modelling
from gapsmith.agent.cli.options import (
    ArchiveUrl,
    Batch,
    CpuSeconds,
    Json,
    Layout,
    LogEvery,
    Models,
    Parallel,
    Trust,
    Warm,
    Weak,
    Without,
)
from gapsmith.agent.cli.terminal.console import OUT
from gapsmith.agent.cli.terminal.output import (
    _tell_end,
    next_step,
    opened_archive,
    progress_bar,
    say_if_any,
    seldom_collected,
    show_result,
)
from gapsmith.agent.cli.terminal.progress import LOG_SECONDS, work
from gapsmith.agent.evaluation.compare import file_entrants
from gapsmith.agent.evaluation.leading import leading
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import ModelUnknown
from gapsmith.agent.models.spec import read_word
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.costs import spending_table
from gapsmith.agent.runs.config import read_config, settings
from gapsmith.agent.runs.final import encoding
from gapsmith.agent.runs.loop.replies import Replies
from gapsmith.agent.runs.ownership import check_named, is_ours, marked
from gapsmith.agent.runs.recording import replayed
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import UsageTrouble
from gapsmith.sandbox import Level

SEEDS = 20
"""Number of programs that a run takes from an older archive."""


def discover_and_show(
    wanted: Settings, archive: str, number: int | None, as_json: bool, log_every: float = LOG_SECONDS
) -> None:
    """Runs a discovery job to its end and prints its report.

    Raises Interrupted where a signal stopped it.
    """
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
    show_result({**encoding.report_json(report), **ended}, view.report_table(report), as_json)
    if not as_json:
        if report.spending and report.spending.whole.tokens_in:
            OUT.print(spending_table(report.spending))
        OUT.print(view.verdict(report))
        OUT.print(next_step(report, archive))
    _tell_end(job, replies)


def heuristic_called(name: str, archive: str) -> str:
    """Returns the source of a file or of an archived program.

    Raises UsageTrouble or Trouble.
    """
    if not name.isdecimal():
        return file_entrants([Path(name)])[0].source
    with opened_archive(archive, reading=True) as store:
        return store.find(int(name)).source


def warm_seeds(problem: str, archive: str) -> tuple[str, ...]:
    """Returns the sources of the best archived programs for a problem.

    Raises UsageTrouble where the archive has none.
    """
    name = find_problem(problem).name
    with opened_archive(archive, reading=True) as store:
        found = [store.find(row.program or 0) for row in leading(store, name, None, SEEDS)]
    if not found:
        raise UsageTrouble(
            f"archive {archive} holds no program that solved {name}; expected one to start from"
        )
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
    base_url: Annotated[
        str | None, typer.Option(help="Address of a server that speaks the provider's API.")
    ] = None,
    warm: Warm = None,
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
    weak: Weak = False,
    trust: Trust = False,
    log_every: LogEvery = LOG_SECONDS,
    as_json: Json = False,
) -> None:
    """Starts a discovery run and prints the report of its winner."""
    given = {
        "problem": problem,
        "model": tuple(model or ()),
        "evaluations": evaluations,
        "calls": calls,
        "usd": usd,
        "seconds": seconds,
        "workers": workers,
        "seed": seed,
        "archive": archive,
        "base_url": base_url,
        "learn": tuple(map(str, instances or ())),
        "test": tuple(map(str, test or ())),
        "layout": layout or None,
        "without": tuple(without or ()),
        "cpu_seconds": cpu_seconds,
        "parallel": parallel,
        "batch": batch or None,
        "minimum_level": int(Level.L0) if weak else None,
    }
    values = read_config(config) if config else {}
    values.update({key: value for key, value in given.items() if value not in (None, ())})
    wanted = replayed(values, trust) or settings(values)
    if warm is not None:
        wanted = replace(wanted, seeds=warm_seeds(wanted.problem, warm))
    if heuristic is not None:
        wanted = replace(wanted, heuristic=heuristic_called(heuristic, values.get("archive", "archive.db")))
    discover_and_show(wanted, values.get("archive", "archive.db"), None, as_json, log_every)


def resume(
    number: Annotated[
        int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
    ] = None,
    model: Models = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of a server that speaks the provider's API.")
    ] = None,
    trust: Trust = False,
    weak: Weak = False,
    archive: ArchiveUrl = "archive.db",
    log_every: LogEvery = LOG_SECONDS,
    as_json: Json = False,
) -> None:
    """Resumes an interrupted run. Completed model calls and evaluations are reused.

    Models and addresses are those of the run by default. For a run of another user or machine, give them again.
    """
    with opened_archive(archive, made=False) as store:
        row = store.run(number)
        named = tuple(model or ())
        check_named(row.id or 0, row.config, named=named, url_given=base_url is not None, trusted=trust)
        config = _given_anew(row, named, base_url, weak)
        if config != row.config:
            store.reconfigure(row.id or 0, config)
            row = store.run(row.id)
        if modelling.resumed(store, row, as_json):
            return
        _check_openable(row, archive)
    discover_and_show(Settings.of(row.config), archive, row.id, as_json, log_every)


def _check_openable(row: RunRow, archive: str) -> None:
    """Checks that the models of a run can be opened by name.

    Raises UsageTrouble where a model is an object of the caller's own.
    """
    for word in Settings.of(row.config).models:
        try:
            read_word(word)
        except ModelUnknown:
            raise UsageTrouble(
                f"run {row.id} uses {word!r}, a model object of your own that no name opens; continue in Python: "
                f"gapsmith.agent.resume({row.id}, archive={archive!r}, model=MODEL).report(), where MODEL is that "
                f"object; or use another model: gapsmith resume {row.id} --model …"
            ) from None


def _given_anew(row: RunRow, named: tuple[str, ...], base_url: str | None, weak: bool) -> dict[str, Any]:
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
    if weak:
        config["minimum_level"] = int(Level.L0)
    elif not is_ours(row.config):  # only the user may lower the isolation
        config["minimum_level"] = max(int(config.get("minimum_level", Level.L2)), int(Level.L2))
    return config if config == row.config else marked(config)
