"""Paid replies that could not be written.

They are kept in a file beside the archive, which reads it later.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine

from gapsmith.agent.archive.safety.guarding import LineWriter
from gapsmith.agent.archive.tables import Call, Candidate

SUFFIX = ".replies.jsonl"
Pair = tuple[Candidate, Call]
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
"""A link beside an archive of others could lead to any file of the user."""


def ignore_line(_line: str) -> None:
    """Ignores a line for the user."""


class UnwrittenReplies:
    """The file of replies that an archive could not write.

    Only SQLite has one.

    Args:
        engine: the archive.
        tell: takes a line when replies are put there.
    """

    def __init__(self, engine: Engine, tell: LineWriter) -> None:
        self._tell, path = tell, engine.url.database
        self._path = Path(f"{path}{SUFFIX}") if engine.dialect.name == "sqlite" and path else None

    def keep(self, pairs: Sequence[Pair]) -> None:
        """Appends replies to the file, or to another folder with space."""
        if not pairs:
            return
        lines = "".join(json.dumps([each.model_dump() for each in pair]) + "\n" for pair in pairs)
        name = self._path.name if self._path else f"archive.db{SUFFIX}"
        folders = [*([self._path.parent] if self._path else []), Path.cwd(), Path.home()]
        for path in (folder / name for folder in folders):
            with suppress(OSError):
                with os.fdopen(os.open(path, _APPENDING, 0o600), "a", encoding="utf-8") as file:
                    file.write(lines)
                where = "" if path == self._path else "; move it beside the archive,"
                self._tell(f"{len(pairs)} paid replies are in {path}{where} and resume reads them")
                return
        self._tell(f"{len(pairs)} paid replies could not be written anywhere and are lost")

    def list_waiting(self) -> Iterator[Pair]:
        """Yields the replies in the file; incomplete lines are skipped."""
        if self._path is None or not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, TypeError):
                candidate, call = json.loads(line)
                yield Candidate.model_validate(candidate), Call.model_validate(call)

    def remove_file(self) -> None:
        """Removes the file: the archive has what was in it."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
