"""Recordings: a run's replies in a file, one JSON object a line.

The first line holds the settings that are needed to run it again.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gapsmith.agent.models.base import ModelError, Reply

FORMAT = 1
_EXPECTED = 'a JSON object such as {"slot": 0, "text": "…"}'
MOST = 10**9
"""Of any slot, count or amount in a recording: what is beyond it was never recorded."""

_COUNTS = ("tokens_in", "tokens_cached", "tokens_out")
_WORDS = ("operator", "model", "id", "arm", "source")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A reply and its origin.

    Attributes:
        reply: as it came; empty of what no model was asked for.
        slot: its number in its run; None in recordings that only have an order.
        operator: what was asked for.
        model: the name of the model that answered.
        arm: the trajectory that asked.
        parents: the slots of the programs that it was asked from.
        source: the program that was found in it, or that tuning gave.
    """

    reply: Reply
    slot: int | None = None
    operator: str = ""
    model: str = ""
    arm: str = ""
    parents: tuple[int, ...] = ()
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The settings and results of a run, in its recording's first line.

    Attributes:
        settings: all that it depended on, as its archive has it; no addresses, no keys.
        has_choices: whether the recording has its choices. It has them where they depended on the order of the
            answers, on money or on time, so that the seed alone does not give them again.
        fingerprint: of all that it decided and measured.
        slots: how many it had, with which it ends; None in recordings that do not say so.
        final_seed: of its last instances, see `drawing`; None where the run had not come to its end.
        mark: of the user and machine that recorded it; see `ownership`.
    """

    settings: Mapping[str, Any]
    has_choices: bool = False
    fingerprint: str = ""
    slots: int | None = None
    final_seed: int | None = None
    mark: str = ""


@dataclass(frozen=True)
class Recording:
    """A recording: `header` is None in one that holds nothing but replies."""

    lines: tuple[Recorded, ...]
    header: Header | None = field(default=None)


def write_recording(path: Path | str, lines: Iterable[Recorded], header: Header | None = None) -> None:
    """Writes a recording that `replay:FILE` serves byte for byte.

    The file is written as a whole or not at all.
    """
    path = Path(path)
    half = path.with_name(path.name + ".part")
    first = [_write_header(header)] if header else []
    half.unlink(missing_ok=True)  # a link there would be followed
    with half.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines([*first, *map(_write_line, lines)])
    os.replace(half, path)


def read_recording(path: Path | str) -> Recording:
    """Reads a recording.

    Raises ModelError with file and line when it is malformed.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise ModelError(f"replay:{path}: {reason}; expected a recording, {_EXPECTED} a line") from error
    except UnicodeDecodeError as error:
        raise ModelError(
            f"replay:{path} is not UTF-8 text; expected a recording, {_EXPECTED} a line"
        ) from error
    except MemoryError:
        raise ModelError(f"replay:{path} is too large to be read; expected a recording of a run") from None
    # Not splitlines: it also breaks at characters that JSON allows inside a string.
    numbered = enumerate(text.split("\n"), start=1)
    objects = [(_parse_object(line, f"{path}:{n}"), f"{path}:{n}") for n, line in numbered if line.strip()]
    header = _read_header(*objects.pop(0)) if objects and "recording" in objects[0][0] else None
    found = Recording(tuple(_read_recorded(values, where) for values, where in objects), header)
    _check_slots(found, path)
    return found


def _check_slots(found: Recording, path: Path | str) -> None:
    """Raises ModelError where slots are doubled, or only some lines have one."""
    slots = [line.slot for line in found.lines]
    known = {slot for slot in slots if slot is not None}
    if not known or len(known) == len(slots):
        return
    twice = sorted(slot for slot in known if slots.count(slot) > 1)[:1]
    complaint = f"slot {twice[0]} is there twice" if twice else "some lines have a slot and some have none"
    raise ModelError(f"{path}: {complaint}; expected each slot once, or no slots at all")


def _write_header(header: Header) -> str:
    values = {
        "recording": FORMAT,
        "told": header.has_choices,
        "fingerprint": header.fingerprint,
        "slots": header.slots,
        "final_seed": header.final_seed,
        "mark": header.mark,
    }
    return json.dumps({**values, "settings": header.settings}, allow_nan=False) + "\n"


def _read_header(values: Mapping[str, Any], where: str) -> Header:
    if type(values["recording"]) is not int or values["recording"] != FORMAT:
        raise ModelError(
            f"{where}: recording is {_show(values['recording'])}; expected {FORMAT}: use a newer Gapsmith"
        )
    return Header(
        settings=_read_typed(values, "settings", dict, {}, where),
        has_choices=_read_typed(values, "told", bool, False, where),
        fingerprint=_read_typed(values, "fingerprint", str, "", where),
        slots=_count(values, "slots", where),
        final_seed=_count(values, "final_seed", where, (1 << 48) - 1),
        mark=_read_typed(values, "mark", str, "", where),
    )


def _write_line(recorded: Recorded) -> str:
    reply = recorded.reply
    values = {
        "slot": recorded.slot,
        "operator": recorded.operator,
        "model": recorded.model,
        **{name: value for name, value in _list_choice(recorded).items() if value},
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


def _list_choice(recorded: Recorded) -> dict[str, Any]:
    return {"arm": recorded.arm, "parents": list(recorded.parents), "source": recorded.source}


def _read_recorded(values: Mapping[str, Any], where: str) -> Recorded:
    if not isinstance(values.get("text"), str):
        raise ModelError(f"{where}: text is {_show(values.get('text'))}; expected a string: {_EXPECTED}")
    words = {name: _read_typed(values, name, str, "", where) for name in _WORDS}
    reply = Reply(
        text=values["text"],
        **{name: _count(values, name, where) or 0 for name in _COUNTS},
        usd=_read_amount(values, "usd", where) if "usd" in values else 0.0,
        seconds=_read_amount(values, "seconds", where) or 0.0,
        id=words.pop("id"),
        detail=_read_detail(values, where),
    )
    parents = _read_typed(values, "parents", list, [], where)
    if not all(type(parent) is int and 0 <= parent <= MOST for parent in parents):
        raise ModelError(f"{where}: parents is {_show(parents)}; expected slots, whole numbers from 0")
    return Recorded(reply=reply, slot=_count(values, "slot", where), parents=tuple(parents), **words)


def _parse_object(line: str, where: str) -> Mapping[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: {line[:60]!r} is not JSON ({error}); expected {_EXPECTED}") from None
    if not isinstance(values, dict):
        raise ModelError(f"{where}: {line[:60]!r} is not an object; expected {_EXPECTED}")
    return values


def _read_detail(values: Mapping[str, Any], where: str) -> dict[str, str]:
    detail: dict[str, str] = _read_typed(values, "detail", dict, {}, where)
    if not all(isinstance(value, str) for value in detail.values()):
        raise ModelError(f"{where}: detail is {_show(detail)}; expected an object of texts")
    return detail


def _show(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) <= MOST else "a number of many digits"
    return text if len(text) <= 60 else text[:59] + "…"


_KINDS: Mapping[type, str] = {str: "text", dict: "an object", list: "a list", bool: "true or false"}


def _read_typed(values: Mapping[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = values.get(name, default)
    if not isinstance(value, kind):
        raise ModelError(f"{where}: {name} is {_show(value)}; expected {_KINDS[kind]}")
    return value


def _count(values: Mapping[str, Any], name: str, where: str, limit: int = MOST) -> int | None:
    value = values.get(name)
    if value is None or (type(value) is int and 0 <= value <= limit):
        return value
    raise ModelError(f"{where}: {name} is {_show(value)}; expected a whole number, 0 to {limit}")


def _read_amount(values: Mapping[str, Any], name: str, where: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value <= MOST:
        return float(value)
    raise ModelError(f"{where}: {name} is {_show(value)}; expected a number, 0 to {MOST}, or null")
