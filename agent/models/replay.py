"""`replay:FILE`: recorded replies instead of a model."""

import threading
from collections.abc import Mapping
from pathlib import Path

from gapsmith.agent.models.base import ModelError, Reply, Request, Stopped
from gapsmith.agent.models.recordings import Recorded, Recording, read_recording

NOT_ANSWERED = Reply(text="", detail={"finish": "failed", "error": "not answered in the recorded run either"})


class ReplayModel:
    """Serves the replies of a recording.

    By slot where recorded, else in order.

    Without slots the first request, of whatever slot, gets the line of that number (from 0), so that a
    resumed run goes on where it was; each further request gets the next line. Behind the last reply of a whole
    run, one that has a header, the run is at its end; any other recording that ends too early is trouble.
    """

    deterministic = True

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._next: int | None = None
        self.recording: Recording = read_recording(path)
        self._replies = [line for line in self.recording.lines if line.operator != "tune"]
        self._by_slot = self._slots()

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"replay:{self._path}"

    @property
    def has_choices(self) -> bool:
        """Whether the choices of the run are in the recording, and are not made again."""
        return self.recording.header is not None and self.recording.header.has_choices

    def has_ended(self, slot: int) -> bool:
        """Tells whether the recorded run had ended before that slot."""
        header = self.recording.header
        return header is not None and header.slots is not None and slot >= header.slots

    def bound_usd(self, length: int) -> float | None:
        """Returns the price of the most expensive reply, for any prompt.

        None where the price of one was not known.
        """
        costs = [recorded.reply.usd for recorded in self._replies]
        known = [cost for cost in costs if cost is not None]
        return max(known, default=0.0) if len(known) == len(costs) else None

    def reply(self, request: Request) -> Reply:
        """Returns the recorded reply.

        Raises Stopped at the end of a recorded run, ModelError where one is missing.
        """
        place = request.slot if self._by_slot else self._advance(request.slot)
        recorded = self._by_slot.get(place) if self._by_slot else self._get_reply(place)
        return recorded.reply if recorded else self._replace_missing(request.slot)

    def close(self) -> None:
        """Does nothing: there is nothing to release."""

    def _replace_missing(self, slot: int) -> Reply:
        count = f"it has {len(self._replies)} replies{self._describe_span()}"
        words = f"{self.name}: no reply for slot {slot}; the recording is exhausted: {count}"
        if self.recording.header is None:
            raise ModelError(words)
        if slot > max(self._by_slot, default=0):
            raise Stopped(words)
        return NOT_ANSWERED

    def _advance(self, slot: int) -> int:
        with self._lock:
            place = slot if self._next is None else self._next
            self._next = place + 1
            return place

    def _get_reply(self, place: int) -> Recorded | None:
        return self._replies[place] if place < len(self._replies) else None

    def _describe_span(self) -> str:
        return f" for slots {min(self._by_slot)} to {max(self._by_slot)}" if self._by_slot else ""

    def _slots(self) -> Mapping[int, Recorded]:
        return {line.slot: line for line in self._replies if line.slot is not None}
