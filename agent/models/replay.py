"""`replay:FILE`: recorded replies instead of a model, one JSON object a line; and how to write them."""

import json
import math
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapsmith.agent.models.base import ModelTrouble, Reply, Request

_EXPECTED = 'a JSON object such as {"slot": 0, "text": "…"}'
_COUNTS = ("tokens_in", "tokens_cached", "tokens_out")
_WORDS = ("operator", "model", "id")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A reply and where it came from. `slot` is None in recordings that only have an order."""

    reply: Reply
    slot: int | None = None
    operator: str = ""
    model: str = ""


def write_recording(path: Path | str, replies: Iterable[Recorded]) -> None:
    """Writes a recording that `replay:FILE` serves byte for byte. The file is whole or not there."""
    path = Path(path)
    half = path.with_name(path.name + ".part")
    half.write_text("".join(_line(recorded) for recorded in replies), "utf-8", newline="\n")
    os.replace(half, path)


def read_recording(path: Path | str) -> list[Recorded]:
    """All replies of a recording. Raises ModelTrouble with file and line when it is malformed."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelTrouble(f"replay:{path}: {error}; expected a recording, {_EXPECTED} a line") from error
    # Not splitlines: it also breaks at characters that JSON allows inside a string.
    lines = enumerate(text.split("\n"), start=1)
    return [_recorded(line, f"{path}:{number}") for number, line in lines if line.strip()]


class ReplayModel:
    """Serves the replies of a recording: by slot where slots were recorded, else in order.

    Without slots the first request, of whatever slot, gets the line of that number (from 0), so that a
    resumed run goes on where it was; each further request gets the next line.
    """

    deterministic = True

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._next: int | None = None
        self._replies = read_recording(path)
        self._by_slot = self._slots()

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"replay:{self._path}"

    def most_usd(self, length: int) -> float | None:
        """What the dearest reply had cost, however long the prompt; None where the cost of one was not known."""
        costs = [recorded.reply.usd for recorded in self._replies]
        known = [cost for cost in costs if cost is not None]
        return max(known, default=0.0) if len(known) == len(costs) else None

    def reply(self, request: Request) -> Reply:
        """The recorded reply. Raises ModelTrouble when there is none."""
        place = request.slot if self._by_slot else self._advance(request.slot)
        recorded = self._by_slot.get(place) if self._by_slot else self._at(place)
        if recorded is None:
            raise ModelTrouble(
                f"{self.name}: no reply for slot {request.slot}; the recording is exhausted: "
                f"it has {len(self._replies)} replies{self._span()}"
            )
        return recorded.reply

    def close(self) -> None:
        """Nothing to release."""

    def _advance(self, slot: int) -> int:
        with self._lock:
            place = slot if self._next is None else self._next
            self._next = place + 1
            return place

    def _at(self, place: int) -> Recorded | None:
        return self._replies[place] if place < len(self._replies) else None

    def _span(self) -> str:
        return f" for slots {min(self._by_slot)} to {max(self._by_slot)}" if self._by_slot else ""

    def _slots(self) -> dict[int, Recorded]:
        slots = [recorded.slot for recorded in self._replies]
        known = {
            slot: recorded for slot, recorded in zip(slots, self._replies, strict=True) if slot is not None
        }
        if known and len(known) < len(slots):
            twice = sorted({slot for slot in known if slots.count(slot) > 1})
            found = (
                f"slot {twice[0]} is there twice" if twice else "some lines have a slot and some have none"
            )
            raise ModelTrouble(f"{self._path}: {found}; expected each slot once, or no slots at all")
        return known


def _line(recorded: Recorded) -> str:
    reply = recorded.reply
    values = {
        "slot": recorded.slot,
        "operator": recorded.operator,
        "model": recorded.model,
        "text": reply.text,
        "tokens_in": reply.tokens_in,
        "tokens_cached": reply.tokens_cached,
        "tokens_out": reply.tokens_out,
        "usd": reply.usd,
        "seconds": reply.seconds,
        "id": reply.id,
        "detail": dict(reply.detail),
    }
    # ASCII: a reply cut inside a character may hold half of it, which UTF-8 cannot.
    return json.dumps(values, allow_nan=False) + "\n"


def _recorded(line: str, where: str) -> Recorded:
    values = _object(line, where)
    if not isinstance(values.get("text"), str):
        raise ModelTrouble(f"{where}: text is {values.get('text')!r}; expected a string: {_EXPECTED}")
    words = {name: _typed(values, name, str, "", where) for name in _WORDS}
    reply = Reply(
        text=values["text"],
        **{name: _count(values, name, where) or 0 for name in _COUNTS},
        usd=_amount(values, "usd", where) if "usd" in values else 0.0,
        seconds=_amount(values, "seconds", where) or 0.0,
        id=words["id"],
        detail={str(key): str(value) for key, value in _typed(values, "detail", dict, {}, where).items()},
    )
    slot = _count(values, "slot", where)
    return Recorded(reply=reply, slot=slot, operator=words["operator"], model=words["model"])


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise ModelTrouble(f"{where}: {line[:60]!r} is not JSON ({error}); expected {_EXPECTED}") from error
    if not isinstance(values, dict):
        raise ModelTrouble(f"{where}: {line[:60]!r} is not an object; expected {_EXPECTED}")
    return values


def _typed(values: Mapping[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = values.get(name, default)
    if not isinstance(value, kind):
        raise ModelTrouble(f"{where}: {name} is {value!r}; expected {'text' if kind is str else 'an object'}")
    return value


def _count(values: Mapping[str, Any], name: str, where: str) -> int | None:
    value = values.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ModelTrouble(f"{where}: {name} is {value!r}; expected a whole number, 0 or more")


def _amount(values: Mapping[str, Any], name: str, where: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value) and value >= 0:
        return float(value)
    raise ModelTrouble(f"{where}: {name} is {value!r}; expected a number, 0 or more, or null")
