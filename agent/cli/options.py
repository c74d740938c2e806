"""Options that several commands share.

Also how a list of files becomes repeated options.
"""

from pathlib import Path
from typing import Annotated

import typer

from gapsmith.agent.cli.terminal.progress import open_journal
from gapsmith.agent.evaluation.executors.registry import EXECUTORS, check_executor
from gapsmith.evaluators.base import Split, UsageError

ProblemName = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="A name from `gapsmith problems`, or a path.py.")
]
Instances = Annotated[
    list[Path] | None,
    typer.Option("--instances", help="Instance files; several may follow, as in --instances A B C."),
]
Layout = Annotated[
    str,
    typer.Option(
        "--layout", help="Layout of the instance files, if the reader knows several; its message names them."
    ),
]
ScaleName = Annotated[
    str,
    typer.Option(
        "--scale",
        metavar="SCALE",
        help="Generated instances and limits: small, medium or large (default: medium where the problem has it).",
    ),
]
AllowedPackages = Annotated[
    str,
    typer.Option(
        "--allow",
        metavar="PACKAGES",
        help="What programs may import beside numpy: numba, scipy, or both as in numba,scipy (default: numba at medium "
        "and large scale); numpy allows nothing else.",
    ),
]
SplitName = Annotated[Split, typer.Option("--split", help="Generated instances to use if no file is given.")]
InstanceSeed = Annotated[
    int, typer.Option("--seed", min=0, max=(1 << 63) - 1, help="Seed of the generated instances.")
]
ArchiveUrl = Annotated[str, typer.Option("--archive", help="Archive: a path, or a database URL.")]
RunNumber = Annotated[
    int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Number of sandboxes, and of processes of the exact solver.")
]


def _check_executor(name: str | None) -> str | None:
    return name if name is None else check_executor(name)


_EXECUTOR = typer.Option(
    "--executor",
    metavar="NAME",
    callback=_check_executor,
    help="Where evaluations run: " + "; ".join(f"{name} ({text})" for name, text in EXECUTORS.items()) + ".",
)
ExecutorName = Annotated[str, _EXECUTOR]
GivenExecutor = Annotated[str | None, _EXECUTOR]
AllowWeak = Annotated[
    bool,
    typer.Option("--allow-weak-isolation", help="Run candidates even where isolation is below level L2."),
]


Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Use files and addresses named by a recording or a run of another user; their code has your rights.",
    ),
]


def _check_seconds(seconds: float | None) -> float | None:
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--seconds is {seconds:g}; expected more than 0")
    return seconds


Seconds = Annotated[
    float | None,
    typer.Option(
        "--solver-seconds",
        "--seconds",
        callback=_check_seconds,
        help="CPU limit in seconds of the exact solver for each instance (default: that of the scale).",
    ),
]


def _check_pause(seconds: float) -> float:
    if not seconds > 0:
        raise UsageError(f"--log-every is {seconds:g}; expected more than 0 seconds")
    return seconds


LogEvery = Annotated[
    float,
    typer.Option(
        "--log-every",
        metavar="SECONDS",
        callback=_check_pause,
        help="Without a terminal: seconds between two lines of progress on stderr.",
    ),
]


def _start_log(context: typer.Context, path: Path | None) -> Path | None:
    """Starts the log, which ends with the command."""
    if path is not None and not context.resilient_parsing:
        context.call_on_close(open_journal(path))
    return path


LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        callback=_start_log,
        help="Write progress to this file, too, with times; at a megabyte it is renamed, and three are kept.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        help="offline, openai:NAME, anthropic:NAME, manual:FOLDER or replay:FILE (default: offline). Repeat it "
        "to use several; the search learns which to prefer. Options follow a comma: openai:gpt-5,effort=high"
    ),
]
WarmStart = Annotated[
    str | None, typer.Option("--from", help="Start from the best programs of this archive.")
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        help="Switch off a part, for comparisons: arms, racing, gate, tuning, novelty, frontier or plateaus."
    ),
]
KnownFile = Annotated[
    Path | None,
    typer.Option(
        "--known",
        metavar="FILE.csv",
        help="Published bounds: columns instance, lower, upper, with a header; instances as their files name them.",
    ),
]
CpuSeconds = Annotated[
    float | None, typer.Option(help="CPU limit in seconds for one program on one instance.")
]
Parallel = Annotated[
    int | None, typer.Option(help="Maximum concurrent model requests (default: derived from the budget).")
]
Batch = Annotated[
    bool, typer.Option("--batch", help="Send requests in batches: half the price, replies within hours.")
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Run each instance in a process of its own.")]


REPEATED = ("--instances", "--test", "--start")
"""Options that take several files."""


def expand_file_lists(words: list[str]) -> list[str]:
    """Rewrites `--instances A B` as `--instances A --instances B`.

    Raises UsageError where no file follows such an option.
    """
    found: list[str] = []
    repeated, given = "", True
    for word in words:
        if word.startswith("-"):
            _check_given(repeated, given)
            option, equals, _ = word.partition("=")
            repeated = option if option in REPEATED else ""
            given = not repeated or bool(equals)
            found += [word] if given else []
        else:
            found += [repeated, word] if repeated else [word]
            given = True
    _check_given(repeated, given)
    return found


def _check_given(option: str, given: bool) -> None:
    if not given:
        raise UsageError(f"{option} has no file; expected one or more, as in: {option} a.txt b.txt")


def hint_at_file_list(words: list[str]) -> str:
    """Returns a hint for a missing argument.

    Everything after such an option is taken for files.
    """
    option = next((word for word in words if word in REPEATED), "")
    return f" (everything after {option} is taken for files; write the arguments before it)" if option else ""
