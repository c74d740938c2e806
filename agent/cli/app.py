"""The command line. stdout holds the result, stderr the progress.

Every command has `--json`.

Exit codes: 0 ok, 1 the work failed, 2 usage, 130 interrupted (Ctrl-C, SIGHUP), 143 terminated (SIGTERM).
"""

import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from rich.text import Text
from typer.exceptions import TyperException

from gapsmith.agent.cli import archive, doctor, evaluate, formulations, modelling, recording, run, watch, web
from gapsmith.agent.cli.options import expand_file_lists, hint_at_file_list
from gapsmith.agent.cli.terminal.console import ERRORS, STDOUT, describe_error, prepare_streams
from gapsmith.agent.cli.terminal.interrupts import SAVED_MESSAGE, ImmediateExit, Interrupted, exit_on_signal
from gapsmith.agent.cli.terminal.output import show_result
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.sandbox import SandboxError

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
def _run_without_command(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Discovers heuristics and formulations for combinatorial optimisation.

    Gaps are measured to proven optima or bounds.
    """


for module in (evaluate, run, modelling, formulations, archive, recording, watch, web, doctor):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; errors of the user are one line on stderr."""
    if not prepare_streams():
        sys.exit(
            _print_error(
                "stdout is closed; expected a file or a pipe for the result, as with: > result.txt", 1
            )
        )
    try:
        with exit_on_signal():
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except ImmediateExit as left:
        code = left.code
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        code = int(app(expand_file_lists(words), standalone_mode=False, prog_name="gapsmith") or 0)
        STDOUT.flush()
        return code
    except TyperException as error:
        if not (message := " ".join(error.format_message().split())):
            return 0  # the help was printed
        return _print_error(_describe_misuse(error, message, words), error.exit_code)
    except UsageError as error:
        return _print_error(str(error), 2)
    except (GapsmithError, SandboxError) as error:
        return _print_error(str(error), 1)
    except Interrupted as stop:
        return _print_error(str(stop), stop.code)
    except (
        typer.Abort,
        KeyboardInterrupt,
    ):  # outside the main thread, where our signal handlers are not installed
        return _print_error(SAVED_MESSAGE, 130)
    except BrokenPipeError:  # as in `gapsmith runs | head -1`
        return 1
    except OSError as error:
        return _print_error(describe_error(error), 1)


def _describe_misuse(error: TyperException, message: str, words: list[str]) -> str:
    """Describes misused options of a command, and names its help."""
    hint = hint_at_file_list(words) if "Missing argument" in message else ""
    plain = re.sub(r"Input should be (a valid \w+), unable to .*", r"expected \1", message).rstrip(".")
    command = getattr(getattr(error, "ctx", None), "command_path", "gapsmith")
    return f"{plain}{hint}; see: {command} --help"


def _print_error(message: str, code: int) -> int:
    ERRORS.print(Text(f"gapsmith: {' '.join(limit_untrusted(message, 2000).split())}"), soft_wrap=True)
    return code
