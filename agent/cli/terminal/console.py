"""The standard streams; text shown there is sanitized."""

import errno
import os
import resource
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import IO, Any, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.evaluators.base import GapsmithError

LEAST_OF_FILES = 3
"""Lower descriptors belong to the standard streams."""


class PlainConsole(Console):
    """A console that interprets no text.

    Neither markup, nor escape sequences, nor right-to-left marks.

    Text of models, candidates, errors, instance files and archives of others is shown on it; its own colours come
    from styles, never from text.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of what is shown, with sanitized text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(sanitize(segment.text), segment.style)


class Stream:
    """The current standard stream of that name.

    Failures are handled in one place.

    Args:
        name: "stdout" or "stderr".
        failed: called with the error if it cannot be written.
    """

    def __init__(self, name: str, failed: Callable[[OSError], None]) -> None:
        self._name, self._failed = name, failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        return getattr(stream, "rich_proxied_file", stream)  # rich puts it there while a bar is shown

    def write(self, text: str) -> int:
        """Writes text to the stream."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        self._try(lambda: self._stream.flush())

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            discard_output(self._stream)
            self._failed(error)


def prepare_streams() -> bool:
    """Prepares the standard streams; returns whether there is a stdout.

    Characters that the encoding lacks become question marks. A closed descriptor is occupied, so that no file that
    is opened later gets its number and the output of the stream.
    """
    there = sys.stdout is not None
    while (number := os.open(os.devnull, os.O_RDWR)) < LEAST_OF_FILES:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    return there


def discard_output(stream: Any) -> None:
    """Redirects a stream to nowhere, so that it fails only once."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _raise_write_error(error: OSError) -> None:
    """Raises BrokenPipeError where the reader is gone, else GapsmithError."""
    if isinstance(error, BrokenPipeError):
        raise error
    raise GapsmithError(
        f"stdout cannot be written: {error.strerror}; expected room for the result "
        "(the result of a run is saved: gapsmith resume prints it again)"
    )


STDOUT = Stream("stdout", _raise_write_error)

OUT = PlainConsole(file=cast("IO[str]", STDOUT))
ERRORS = PlainConsole(file=cast("IO[str]", Stream("stderr", lambda _: None)), stderr=True)
"""If stderr cannot be written, progress is lost, not the work."""


def write_out(text: str) -> None:
    """Writes a result to stdout at once.

    Raises GapsmithError, or BrokenPipeError where the reader is gone.
    """
    STDOUT.write(text)
    STDOUT.flush()


def describe_error(error: OSError) -> str:
    """Describes an error of the operating system in one line."""
    discard_output(sys.stdout)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return (
            f"too many files are open, and the limit is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}; "
            "raise it, as with: ulimit -n 1024"
        )
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
