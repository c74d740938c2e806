"""The commands about formulations: `formulations` lists them, `verify` verifies them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from gapsmith.agent.cli.options import AllowWeak, ExecutorName, Json, Workers
from gapsmith.agent.cli.terminal.output import choose_minimum_level, open_archive, show_progress, show_result
from gapsmith.agent.evaluation.executors.registry import LOCAL, open_executor
from gapsmith.evaluators.base import UsageError
from gapsmith.evaluators.catalogue import list_formulations, load_formulation


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(epilog="Example: gapsmith formulations")(formulations)
    app.command(
        epilog="Example: gapsmith verify tardiness_interval my_augmentation.py; "
        "gapsmith verify tardiness_interval --mutants --count 50"
    )(verify)


def formulations(as_json: Json = False) -> None:
    """Lists the base models of formulation search with their known patterns.

    Suffixes of names: `:build` searches for whole models; `:highs` and `:scip` use these solvers.
    """
    cards = [_describe_formulation(name) for name in list_formulations()]
    table = Table(title="formulations: search for a better one with `gapsmith run NAME`")
    for heading in ("name", "of", "patterns", "endings"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for card in cards:
        endings = ":build " * bool(card["builds"]) + ":highs :scip" * card["linear"]
        table.add_row(card["name"], card["title"], str(len(card["patterns"])), endings)
    show_result(cards, table, as_json)


def _describe_formulation(name: str) -> dict[str, Any]:
    formulation = load_formulation(name)
    patterns = [{"name": p.name, "claim": str(p.claim), "citation": p.citation} for p in formulation.patterns]
    words = {
        "name": name,
        "problem": formulation.problem,
        "title": formulation.title,
        "linear": formulation.linear,
    }
    return {**words, "patterns": patterns, "builds": [rule.name for rule in formulation.builds]}


def verify(
    formulation: Annotated[
        str,
        typer.Argument(
            metavar="FORMULATION", help="A name from `gapsmith formulations`, with or without a suffix."
        ),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Programs to verify; the library's own by default."),
    ] = None,
    mutants: Annotated[
        bool,
        typer.Option(
            "--mutants", help="Test the verifier itself with faulty variants of the known patterns."
        ),
    ] = False,
    count: Annotated[int, typer.Option(min=1, help="Number of mutants.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the choice of mutants.")] = 0,
    archive: Annotated[
        str | None,
        typer.Option(help="Archive of counterexamples: known ones are tried first, new ones are added."),
    ] = None,
    workers: Workers = 2,
    where: ExecutorName = LOCAL,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Runs all verification levels on a formulation; exit code 1 if refuted."""
    if mutants and files:
        raise UsageError("--mutants uses the library's patterns; expected no files with it")
    # Imported here, because they load OR-Tools, which takes long and which other commands do not need.
    from gapsmith.agent.evaluation import verify as verifying
    from gapsmith.agent.reports import verification

    problem = verifying.find_formulation(formulation)
    with ExitStack() as opened:
        minimum = choose_minimum_level(weak)
        executor = opened.enter_context(open_executor(where, workers, minimum, problem.preload))
        store = opened.enter_context(open_archive(archive)) if archive else None
        progress = opened.enter_context(show_progress())
        if mutants:
            answer = verification.report_mutants(problem, count, seed, executor, progress)
        else:
            answer = verification.report_programs(problem, files or (), executor, progress, store)
    show_result(answer.data, answer.table, as_json)
    if answer.failed:
        raise typer.Exit(1)
