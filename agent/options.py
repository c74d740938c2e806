"""The options that several verbs share, and how words become options."""

from pathlib import Path
from typing import Annotated

import typer

from gapsmith.evaluators.base import Split, UsageTrouble

ProblemName = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="A name from `gapsmith problems`, or a path.py.")
]
Instances = Annotated[
    list[Path] | None,
    typer.Option("--instances", help="Instance files; several may follow one after another."),
]
SplitName = Annotated[
    Split, typer.Option("--split", help="Generated instances to use where no file is given.")
]
ArchiveUrl = Annotated[str, typer.Option("--archive", help="A path, or a database URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Sandboxes at once.")]
Weak = Annotated[
    bool, typer.Option("--allow-weak-isolation", help="Run candidates below level L2 all the same.")
]


def _positive(seconds: float) -> float:
    if not seconds > 0:
        raise UsageTrouble(f"--seconds is {seconds:g}; expected more than 0")
    return seconds


Seconds = Annotated[
    float,
    typer.Option("--seconds", callback=_positive, help="CPU seconds of the exact method, for each instance."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        help="offline, openai:NAME, anthropic:NAME, manual:FOLDER or replay:FILE; repeated, the search learns whom "
        "to ask. Options follow, as in openai:gpt-5,effort=high,weight=2. [default: offline]"
    ),
]
Warm = Annotated[
    str | None, typer.Option("--from", help="An archive whose best programs the run starts from.")
]
Without = Annotated[
    list[str] | None,
    typer.Option(help="For comparisons: arms, racing, gate, tuning, novelty or frontier is switched off."),
]
CpuSeconds = Annotated[float | None, typer.Option(help="At most, of a program for an instance.")]
Parallel = Annotated[int | None, typer.Option(help="Questions open at once; by the budget if not given.")]
Batch = Annotated[
    bool, typer.Option("--batch", help="Ask in batches: at half the price, answered within hours.")
]
Isolated = Annotated[bool, typer.Option("--isolated", help="A process of its own for every instance.")]


def spread(words: list[str]) -> list[str]:
    """`--instances A B C` becomes `--instances A --instances B --instances C`, as people write it."""
    found: list[str] = []
    repeated, given = "", True
    for word in words:
        if word.startswith("-"):
            found += [] if given else [repeated]
            repeated = word if word in ("--instances", "--test") else ""
            found += [] if repeated else [word]
            given = not repeated
        else:
            found += [repeated, word] if repeated else [word]
            given = True
    found += [] if given else [repeated]  # which then lacks its value, and is told so
    return found
