"""`manual:FOLDER`: every prompt is a file, and so is its answer.

Any chat window can be the model.
"""

import codecs
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.sanitize import add_fence, limit_untrusted
from gapsmith.agent.models.base import ModelError, Reply, Request, Stopped
from gapsmith.agent.models.finish import Finish
from gapsmith.evaluators.outcomes import CandidateOutcome

PASS = "skip"
"""An answer of this word alone leaves the question unanswered, and the run continues."""

ENDINGS = (".md.txt", ".txt", "")
"""Behind NNNN.answer, in place of `.md`: what editors make of it."""

NAMED = 4
"""At most this many files are named in a message."""

README = """\
# Questions and answers

Every `NNNN.prompt.md` is a question for a language model. Paste it into a chat window as a whole, and save what the
model answers, as a whole, beside it as `NNNN.answer.md`. Any order will do, and several may be open at once.

- An answer is taken up as soon as its file rests for a second; it may hold prose around its code.
- The outcome is written to `NNNN.result.md`, or to `NNNN.reason.md` where something was wrong.
- An answer without any code is not taken: save it again. The word `skip` alone passes a question by.
- Ctrl-C stops the run; `gapsmith resume` goes on, and takes what was answered meanwhile.
"""


@dataclass(frozen=True, kw_only=True)
class ManualModel:
    """Writes `NNNN.prompt.md` and waits for `NNNN.answer.md`, NNNN being the slot.

    Safe in threads.

    Attributes:
        folder: where prompts and answers live; made when missing.
        interval: seconds between two looks.
        settled: seconds since its last change after which a file counts as completely written.
        stop: set it, or call `close`, and every waiting reply ends with Stopped at once.
        clock: seconds since the epoch, as files have them.
        sleep: waits; `stop.wait` unless replaced.
        watchers: called with one line that lists the awaited answers, whenever that changes.
    """

    folder: Path
    interval: float = 0.5
    settled: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] | None = None
    watchers: list[Callable[[str], object]] = field(default_factory=list)
    _waiting: set[int] = field(default_factory=set)
    _said: list[str] = field(default_factory=list)
    _failed: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"manual:{self.folder}"

    @property
    def deterministic(self) -> bool:
        """False: a person answers."""
        return False

    def bound_usd(self, length: int) -> float:
        """Returns zero: no cost is known."""
        return 0.0

    def reply(self, request: Request) -> Reply:
        """Returns the text of the answer file, once it is there.

        Raises Stopped when the model is stopped.
        """
        started = self.clock()
        try:
            self._ask(request, answered=self._answer(request.slot).exists())
            answer, text = self._wait(request)
        except OSError as error:
            raise ModelError(
                f"{self.name}: {error}; expected a folder that can be read and written"
            ) from error
        finally:
            self._waiting.discard(request.slot)
        passed = text.strip().lower() == PASS
        finish = Finish.REFUSED if passed else Finish.COMPLETE
        seconds = max(self.clock() - started, 0.0)
        return Reply(
            text="" if passed else text, seconds=seconds, id=answer.name, detail={"finish": str(finish)}
        )

    def tell(self, slot: int, outcome: str, words: str, source: str) -> None:
        """Writes the outcome of an answer to a file beside it.

        Args:
            slot: of the answer.
            outcome: in the archive's word.
            words: more of it; untrusted.
            source: the program; a later question that asks for its repair is named in the file.
        """
        failed = CandidateOutcome(outcome).is_failure
        if failed:
            self._failed[source] = slot
        kind, other = ("reason", "result") if failed else ("result", "reason")
        self._path(slot, other).unlink(missing_ok=True)
        self._write(self._path(slot, kind), _write_result(outcome, words))

    def close(self) -> None:
        """Ends all waiting."""
        self.stop.set()

    def _path(self, slot: int, kind: str) -> Path:
        return self.folder / f"{slot:04d}.{kind}.md"

    def _answer(self, slot: int) -> Path:
        """Returns the file of an answer, whatever ending an editor gave it.

        The expected file where there is none.
        """
        expected = self._path(slot, "answer")
        names = (expected.name, *(f"{expected.stem}{ending}" for ending in ENDINGS))
        found = (path for name in names for path in (self.folder / name, self.folder / name.upper()))
        return next((path for path in found if path.exists()), expected)

    def _ask(self, request: Request, *, answered: bool) -> None:
        path = self._path(request.slot, "prompt")
        # After a crash a slot may get another prompt: a question that was answered stays as it was asked.
        if not (answered and path.exists()):
            self._write(path, _write_question(request))
        if not (self.folder / "README.md").exists():
            self._write(self.folder / "README.md", README)
        if request.operator == "repair" and (slot := self._failed.get(request.parents[0])) is not None:
            reason = self._path(slot, "reason")
            self._write(reason, f"{reason.read_text('utf-8')}\n{path.name} asks for its repair.\n")

    def _write(self, path: Path, text: str) -> None:
        """Writes a file that is not there yet, atomically.

        Another process may be reading the folder.
        """
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.read_text("utf-8") == text:
                return
            half = path.with_suffix(".part")
            half.write_text(text, "utf-8", newline="\n")
            os.replace(half, path)

    def _wait(self, request: Request) -> tuple[Path, str]:
        before, refused = None, None
        self._waiting.add(request.slot)
        path = self._path(request.slot, "answer")
        while not self.stop.is_set():
            path = self._answer(request.slot)
            now = _state(path)
            settled = now and (now == before or self.clock() - now[1] >= self.settled)
            if settled and now != refused and (text := decode_text(path.read_bytes())).strip():
                if _is_answer(text, request):
                    return path, text
                refused = now
                self._write(self._path(request.slot, "reason"), _WITHOUT_CODE.format(path.name))
            before = now
            (self.sleep or self.stop.wait)(self.interval)
            self._announce()  # after the nap, so that what is asked at once is said at once
        raise Stopped(f"{self.name}: stopped before {path.name} was there; resume takes it up")

    def _announce(self) -> None:
        """Reports which answers are waited for, once for each change."""
        with self._lock:
            names = [self._path(slot, "answer").name for slot in sorted(self._waiting)]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            line = f"{self.folder}: waiting for {', '.join(names[:NAMED])}{more}"
            if self._said == [line] or self.stop.is_set():
                return
            self._said[:] = [line]
        for watcher in self.watchers:
            watcher(line)


_WITHOUT_CODE = """\
# Not taken yet

{0} holds no code; expected the model's whole answer with its code block. Save it again, and it is read again; save
the word `skip` alone to pass this question by.
"""


def _is_answer(text: str, request: Request) -> bool:
    """Tells whether a text has a program, or declines to write one."""
    if request.problem is None or text.strip().lower() == PASS:
        return True
    return bool(extract(text, request.problem.entry).source)


def _write_result(outcome: str, words: str) -> str:
    if not CandidateOutcome(outcome).is_failure:
        return f"# {outcome}\n\n{add_fence(limit_untrusted(words))}\n\nNothing more is needed here.\n"
    more = "Nothing more is needed here: if a repair is worthwhile, a later prompt asks for it, and is named below."
    return f"# {outcome}\n\n{add_fence(limit_untrusted(words))}\n\n{more}\n"


def decode_text(data: bytes) -> str:
    """Decodes the text of a file; lines end as on this system.

    UTF-8, UTF-16 or, where it is neither, Latin letters of one byte.
    """
    return data.decode(_guess_encoding(data), "replace").replace("\r\n", "\n").replace("\r", "\n")


def _guess_encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = data[::2].count(0), data[1::2].count(0)
    if max(even, odd) > len(data) / 5:  # half of each Latin letter
        return "utf-16-le" if odd >= even else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _write_question(request: Request) -> str:
    return f"{request.system.rstrip()}\n\n{request.prompt.strip()}\n".lstrip()


def _state(path: Path) -> tuple[int, float] | None:
    """Returns size and time of a file; None where it is empty."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime) if found.st_size else None
