"""The verbs about one program of an archive: `show`, `lineage`, `export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.syntax import Syntax
from rich.text import Text

from gapsmith.agent.archive.findings import finding_of, words
from gapsmith.agent.cli.options import ArchiveUrl, Json, Weak
from gapsmith.agent.cli.terminal.console import OUT
from gapsmith.agent.cli.terminal.output import minimum_level, opened_archive, show_result
from gapsmith.agent.codegen.sanitize import harmless
from gapsmith.agent.evaluation.executor import LocalExecutor
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.export.module import export, write

Number = Annotated[int, typer.Argument(metavar="ID", help="The program's number, as `best` shows it.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    app.command(epilog="Example: gapsmith show 17")(show)
    app.command(epilog="Example: gapsmith lineage 17")(lineage)
    app.command(name="export", epilog="Example: gapsmith export 17 -o my_rule.py")(export_)


def show(number: Number, archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Shows a program's code and where it came from."""
    with opened_archive(archive, reading=True) as store:
        program, births = store.find(number), store.births(number)
        finding = finding_of(store, births)
    data = {
        "id": number,
        "problem": program.problem,
        "source": program.source,
        "births": [view.candidate_json(b) for b in births],
        "verified": finding,
    }
    if not as_json:
        OUT.print(view.candidate_table(births, f"program {number}"))
        if finding:
            OUT.print(words(finding))
    show_result(data, Syntax(harmless(program.source), "python"), as_json)


def lineage(number: Number, archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Lists a program's ancestors, the nearest first."""
    with opened_archive(archive, reading=True) as store:
        rows = store.lineage(number)
    table = view.candidate_table(rows, f"lineage of {number}")
    show_result([view.candidate_json(row) for row in rows], table, as_json)


def export_(
    number: Number,
    output: Annotated[Path, typer.Option("-o", "--output", help="The module to write.")],
    archive: ArchiveUrl = "archive.db",
    sandboxed: Annotated[
        bool, typer.Option("--sandboxed", help="The module calls the program through gapsmith's sandbox.")
    ] = False,
    weak: Weak = False,
    as_json: Json = False,
) -> None:
    """Writes a program as a module of its own: numpy and the standard library, with a self-test."""
    with opened_archive(archive, reading=True) as store, LocalExecutor(1, minimum_level(weak)) as executor:
        made = export(number, store, executor, sandboxed)
    write(output, made.text)
    told = f"{output}: program {number}"
    if made.tests:
        told += f"; its self-test repeats {made.tests} costs of the archive"
    if not sandboxed:
        told += ". A model wrote it, and imported it runs with your rights: read it, or use --sandboxed"
    show_result({"id": number, "file": str(output), "self_tests": made.tests}, Text(told), as_json)
