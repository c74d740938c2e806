"""The verbs that start a discovery run and resume one: `run` and `resume`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gapsmith.agent import cli_modelling
from gapsmith.agent.config import read_config, settings
from gapsmith.agent.discovery import Settings
from gapsmith.agent.options import (
    ArchiveUrl,
    Batch,
    CpuSeconds,
    Json,
    Models,
    Parallel,
    Warm,
    Weak,
    Without,
)
from gapsmith.agent.recording import replayed
from gapsmith.agent.terminal import discover_and_show, heuristic_called, opened_archive, warm_seeds
from gapsmith.sandbox import Level


def register(app: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    app.command(
        epilog="Example: gapsmith run single_machine_tardiness --model offline --evaluations 1000 --seed 1"
    )(run)
    app.command(epilog="Example: gapsmith resume 3")(resume)


def run(
    problem: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="A name from `gapsmith problems`, or a path.py.")
    ] = None,
    model: Models = None,
    evaluations: Annotated[int | None, typer.Option(help="Limit: programs scored.")] = None,
    calls: Annotated[int | None, typer.Option(help="Limit: questions to the model.")] = None,
    usd: Annotated[float | None, typer.Option(help="Limit: dollars.")] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--time-limit", "--seconds", help="Limit: wall seconds, after which nothing more is asked."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Sandboxes at once (default: 2).")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Equal seeds give equal archives for offline and replay (default: 0).")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="A path, or a database URL (default: archive.db).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML configuration; command-line options take precedence.")
    ] = None,
    instances: Annotated[
        list[Path] | None, typer.Option(help="Instance files; split into training, validation and test.")
    ] = None,
    test: Annotated[list[Path] | None, typer.Option(help="Instance files for the sealed test.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of a server that speaks the provider's API.")
    ] = None,
    warm: Warm = None,
    heuristic: Annotated[
        str | None,
        typer.Option(
            help="For formulations: a file, or a program's number, that gives hints and an upper bound."
        ),
    ] = None,
    without: Without = None,
    cpu_seconds: CpuSeconds = None,
    parallel: Parallel = None,
    batch: Batch = False,
    weak: Weak = False,
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
        "without": tuple(without or ()),
        "cpu_seconds": cpu_seconds,
        "parallel": parallel,
        "batch": batch or None,
        "minimum_level": int(Level.L0) if weak else None,
    }
    values = read_config(config) if config else {}
    values.update({key: value for key, value in given.items() if value not in (None, ())})
    wanted = replayed(values) or settings(values)
    if warm is not None:
        wanted = replace(wanted, seeds=warm_seeds(wanted.problem, warm))
    if heuristic is not None:
        wanted = replace(wanted, heuristic=heuristic_called(heuristic, values.get("archive", "archive.db")))
    discover_and_show(wanted, values.get("archive", "archive.db"), None, as_json)


def resume(
    number: Annotated[int | None, typer.Argument(metavar="RUN", help="The latest by default.")] = None,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Resumes an interrupted run. Completed model calls and evaluations are reused."""
    with opened_archive(archive, made=False) as store:
        row = store.run(number)
        if cli_modelling.resumed(store, row, as_json):
            return
    discover_and_show(Settings.of(row.config), archive, row.id, as_json)
