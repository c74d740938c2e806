"""Progress of work that takes longer than a moment."""

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


SOLVING = "solving instances exactly"


def ignore_progress(task: str, done: int, whole: int) -> None:
    """Does nothing: no progress is shown."""
