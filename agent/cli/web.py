"""The command `web`: a view of an archive in the browser."""

import ipaddress
from typing import Annotated

import typer
from rich.text import Text

from gapsmith.agent.cli.options import ArchiveUrl, Json
from gapsmith.agent.cli.terminal.output import open_archive, show_result
from gapsmith.agent.cli.terminal.progress import say
from gapsmith.agent.web.serving.server import check_installed, serve


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command(name="web", epilog="Example: gapsmith web --archive archive.db")(show_web)


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
