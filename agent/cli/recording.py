"""The command `record`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gapsmith.agent.cli.options import ArchiveUrl, Json
from gapsmith.agent.cli.terminal.output import open_archive, show_result
from gapsmith.agent.models import write_recording
from gapsmith.agent.runs.recording import record_run


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command(
        epilog="Example: gapsmith record 3 -o run3.jsonl, then gapsmith run --model replay:run3.jsonl"
    )(record)


def record(
    output: Annotated[Path, typer.Option("-o", "--output", help="The recording to write.")],
    number: Annotated[
        int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
    ] = None,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Writes a recording that repeats a run without an API key.

    It holds the prompts and replies of the run.
    """
    with open_archive(archive, reading=True) as store:
        row = store.run(number)
        found = record_run(store, row, output.parent)
    write_recording(output, found.lines, found.header)
    has_choices = found.header is not None and found.header.has_choices
    data = {
        "run": row.id,
        "file": str(output),
        "slots": len(found.lines),
        "fingerprint": found.header.fingerprint if found.header else None,
        "exact": found.header is not None and not has_choices,
    }
    show_result(
        data,
        Text(_describe_recording(row.id or 0, output, len(found.lines), found.header is not None)),
        as_json,
    )


def _describe_recording(run: int, output: Path, slots: int, whole: bool) -> str:
    again = (
        f"gapsmith run --model replay:{output}" if whole else f"the same command and --model replay:{output}"
    )
    return f"{output}: {slots} slots of run {run}; replay them with: {again}"
