"""The command line. stdout holds the result, stderr the progress; every command has `--json`.

Exit codes: 0 ok, 1 the work failed, 2 usage, 130 interrupted (Ctrl-C, SIGHUP), 143 terminated (SIGTERM).
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from rich.text import Text
from typer.exceptions import TyperException

from gapsmith.agent.cli import archive, doctor, evaluate, formulations, modelling, recording, run
from gapsmith.agent.cli.options import spread, swallowed
from gapsmith.agent.cli.terminal.console import ERRORS, STDOUT, failure, ready
from gapsmith.agent.cli.terminal.interrupts import KEPT, Interrupted, Left, leaving
from gapsmith.agent.cli.terminal.output import show_result
from gapsmith.agent.codegen.sanitize import untrusted
from gapsmith.evaluators.base import Trouble, UsageTrouble
from gapsmith.sandbox import SandboxTrouble

app = typer.Typer(
    name="gapsmith",
    no_args_is_help=True,
    epilog="Exit codes: 0 ok, 1 the work failed, 2 usage, 130 interrupted, 143 terminated.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        show_result({"gapsmith": version("gapsmith")}, Text(f"gapsmith {version('gapsmith')}"), False)
        raise typer.Exit


@app.callback()
def _gapsmith(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Discovers heuristics and formulations for combinatorial optimisation.

    Gaps are measured to proven optima or bounds.
    """


for module in (evaluate, run, modelling, formulations, archive, recording, doctor):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; errors of the user are one line on stderr."""
    if not ready():
        sys.exit(_say("stdout is closed; expected a file or a pipe for the result, as with: > result.txt", 1))
    try:
        with leaving():
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except Left as left:
        code = left.code
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        code = int(app(spread(words), standalone_mode=False, prog_name="gapsmith") or 0)
        STDOUT.flush()
        return code
    except TyperException as error:
        if not (message := " ".join(error.format_message().split())):
            return 0  # the help was printed
        hint = swallowed(words) if "Missing argument" in message else ""
        return _say(f"{message}{hint}; see: gapsmith --help", error.exit_code)
    except UsageTrouble as error:
        return _say(str(error), 2)
    except (Trouble, SandboxTrouble) as error:
        return _say(str(error), 1)
    except Interrupted as stop:
        return _say(str(stop), stop.code)
    except (
        typer.Abort,
        KeyboardInterrupt,
    ):  # outside the main thread, where our signal handlers are not installed
        return _say(KEPT, 130)
    except BrokenPipeError:  # as in `gapsmith runs | head -1`
        return 1
    except OSError as error:
        return _say(failure(error), 1)


def _say(message: str, code: int) -> int:
    ERRORS.print(Text(f"gapsmith: {' '.join(untrusted(message, 2000).split())}"), soft_wrap=True)
    return code
