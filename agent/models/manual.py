"""`manual:FOLDER`: every prompt is a file, and so is its answer; any chat window can be the model."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gapsmith.agent.models.base import ModelTrouble, Reply, Request, Stopped


@dataclass(frozen=True, kw_only=True)
class ManualModel:
    """Writes `NNNN.prompt.md` and waits for `NNNN.answer.md`, NNNN being the slot. Safe in threads.

    Attributes:
        folder: where prompts and answers live; made when missing.
        interval: seconds between two looks.
        settled: seconds since its last change after which a file counts as completely written.
        stop: set it, or call `close`, and every waiting reply ends with Stopped at once.
        clock: seconds since the epoch, as files have them.
        sleep: waits; `stop.wait` unless replaced.
    """

    folder: Path
    interval: float = 0.5
    settled: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] | None = None

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"manual:{self.folder}"

    @property
    def deterministic(self) -> bool:
        """False: a person answers."""
        return False

    def most_usd(self, length: int) -> float:
        """Nothing that we know of."""
        return 0.0

    def reply(self, request: Request) -> Reply:
        """The answer file's text, as soon as it is there. Raises Stopped when told to stop."""
        started = self.clock()
        prompt, answer = self._path(request, "prompt"), self._path(request, "answer")
        try:
            self._write(prompt, _question(request), answered=answer.exists())
            text = self._wait(answer)
        except OSError as error:
            raise ModelTrouble(
                f"{self.name}: {error}; expected a folder that can be read and written"
            ) from error
        seconds = max(self.clock() - started, 0.0)
        return Reply(text=text, seconds=seconds, id=answer.name, detail={"finish": "complete"})

    def close(self) -> None:
        """Ends all waiting."""
        self.stop.set()

    def _path(self, request: Request, kind: str) -> Path:
        return self.folder / f"{request.slot:04d}.{kind}.md"

    def _write(self, path: Path, text: str, *, answered: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # After a crash a slot may get another prompt: a question that was answered stays as it was asked.
        if path.exists() and (answered or path.read_text("utf-8") == text):
            return
        # Whole or not at all: the reader of the folder may be looking.
        half = path.with_suffix(".part")
        half.write_text(text, "utf-8", newline="\n")
        os.replace(half, path)

    def _wait(self, path: Path) -> str:
        before = None
        while not self.stop.is_set():
            now = _state(path)
            settled = now and (now == before or self.clock() - now[1] >= self.settled)
            if settled and (text := path.read_text("utf-8-sig", errors="replace")).strip():
                return text
            before = now
            (self.sleep or self.stop.wait)(self.interval)
        raise Stopped(f"{self.name}: stopped before {path.name} was there; resume takes it up")


def _question(request: Request) -> str:
    return f"{request.system.rstrip()}\n\n{request.prompt.strip()}\n".lstrip()


def _state(path: Path) -> tuple[int, float] | None:
    """Size and time of a file with something in it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime) if found.st_size else None
