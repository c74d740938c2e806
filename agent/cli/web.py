"""The commands `web` and `report`: views of an archive in the browser."""

import ipaddress
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gapsmith.agent.cli.options import ArchiveUrl, Json
from gapsmith.agent.cli.terminal.output import open_archive, show_result
from gapsmith.agent.cli.terminal.progress import say
from gapsmith.agent.reports.export.module import write_module
from gapsmith.agent.web.serving.server import check_installed, serve


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command(name="web", epilog="Example: gapsmith web --archive archive.db")(show_web)
    app.command(
        epilog="Example: gapsmith report 3 -o report.html. Seeds as one curve: gapsmith report 3 4 5"
    )(report)


def show_web(
    archive: ArchiveUrl = "archive.db",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for any free one.")
    ] = 8642,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than 127.0.0.1 open it to the network.")
    ] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Shows an archive in the browser, live and read-only.

    The printed address holds a token that is new for each start. Ctrl-C ends it.
    """
    check_installed()
    if not _is_loopback(host):
        say(
            f"{host} can be reached from other machines, unencrypted; whoever has the address can read the archive"
        )
    with open_archive(archive, reading=True) as store:
        serve(store, host, port, lambda url: show_result({"url": url}, Text(url), as_json))


def report(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="RUN", help="Numbers of runs (default: the latest).")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("report.html"),
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Writes what runs found as one page for people without Gapsmith.

    The page holds figures, plots, code, decisions and how to use the winner; it has no scripts and loads nothing.
    """
    from gapsmith.agent.web.documents.facts import collect_results
    from gapsmith.agent.web.documents.report import write_report

    with open_archive(archive, reading=True) as store:
        results = collect_results(store, numbers or ())
    write_module(output, write_report(results))
    runs = [each.row.id for each in results.runs]
    named = f"{'run' if len(runs) == 1 else 'runs'} {', '.join(map(str, runs))}"
    show_result({"runs": runs, "file": str(output)}, Text(f"{output}: {named}"), as_json)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
