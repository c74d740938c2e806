"""Recordings: the replies of a run in a file, one JSON object a line, and what is needed to run it again."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gapsmith.agent.models.base import ModelTrouble, Reply

FORMAT = 1
_EXPECTED = 'a JSON object such as {"slot": 0, "text": "…"}'
_COUNTS = ("tokens_in", "tokens_cached", "tokens_out")
_WORDS = ("operator", "model", "id", "arm", "source")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A reply and where it came from.

    Attributes:
        reply: as it came; empty of what no model was asked for.
        slot: its number in its run; None in recordings that only have an order.
        operator: what was asked for.
        model: who answered.
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
    """What a run was, in the first line of its recording.

    Attributes:
        settings: all that it depended on, as its archive has it; no addresses, no keys.
        told: whether its choices are in the recording: where they depended on when answers came, on money
            or on time, the seed alone does not give them again.
        fingerprint: of all that it decided and measured.
        slots: how many it had, with which it ends; None in recordings that do not say so.
        final_seed: of its last instances, see `drawing`; None where the run had not come to its end.
    """

    settings: Mapping[str, Any]
    told: bool = False
    fingerprint: str = ""
    slots: int | None = None
    final_seed: int | None = None


@dataclass(frozen=True)
class Recording:
    """A recording: `header` is None in one that holds nothing but replies."""

    lines: tuple[Recorded, ...]
    header: Header | None = field(default=None)


def write_recording(path: Path | str, lines: Iterable[Recorded], header: Header | None = None) -> None:
    """Writes a recording that `replay:FILE` serves byte for byte. The file is whole or not there."""
    path = Path(path)
    half = path.with_name(path.name + ".part")
    first = [_first_line(header)] if header else []
    half.write_text("".join([*first, *map(_line, lines)]), "utf-8", newline="\n")
    os.replace(half, path)


def read_recording(path: Path | str) -> Recording:
    """A recording. Raises ModelTrouble with file and line when it is malformed."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelTrouble(f"replay:{path}: {error}; expected a recording, {_EXPECTED} a line") from error
    # Not splitlines: it also breaks at characters that JSON allows inside a string.
    numbered = enumerate(text.split("\n"), start=1)
    objects = [(_object(line, f"{path}:{n}"), f"{path}:{n}") for n, line in numbered if line.strip()]
    header = _header(*objects.pop(0)) if objects and "recording" in objects[0][0] else None
    return Recording(tuple(_recorded(values, where) for values, where in objects), header)


def _first_line(header: Header) -> str:
    values = {
        "recording": FORMAT,
        "told": header.told,
        "fingerprint": header.fingerprint,
        "slots": header.slots,
        "final_seed": header.final_seed,
    }
    return json.dumps({**values, "settings": header.settings}, allow_nan=False) + "\n"


def _header(values: Mapping[str, Any], where: str) -> Header:
    if values["recording"] != FORMAT:
        raise ModelTrouble(
            f"{where}: recording is {values['recording']!r}; expected {FORMAT}: use a newer Gapsmith"
        )
    settings = _typed(values, "settings", dict, {}, where)
    return Header(
        settings=settings,
        told=bool(values.get("told")),
        fingerprint=_typed(values, "fingerprint", str, "", where),
        slots=_count(values, "slots", where),
        final_seed=_count(values, "final_seed", where),
    )


def _line(recorded: Recorded) -> str:
    reply = recorded.reply
    values = {
        "slot": recorded.slot,
        "operator": recorded.operator,
        "model": recorded.model,
        **{name: value for name, value in _choice(recorded).items() if value},
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


def _choice(recorded: Recorded) -> dict[str, Any]:
    return {"arm": recorded.arm, "parents": list(recorded.parents), "source": recorded.source}


def _recorded(values: Mapping[str, Any], where: str) -> Recorded:
    if not isinstance(values.get("text"), str):
        raise ModelTrouble(f"{where}: text is {values.get('text')!r}; expected a string: {_EXPECTED}")
    words = {name: _typed(values, name, str, "", where) for name in _WORDS}
    reply = Reply(
        text=values["text"],
        **{name: _count(values, name, where) or 0 for name in _COUNTS},
        usd=_amount(values, "usd", where) if "usd" in values else 0.0,
        seconds=_amount(values, "seconds", where) or 0.0,
        id=words.pop("id"),
        detail={str(key): str(value) for key, value in _typed(values, "detail", dict, {}, where).items()},
    )
    parents = _typed(values, "parents", list, [], where)
    if not all(type(parent) is int and parent >= 0 for parent in parents):
        raise ModelTrouble(f"{where}: parents is {parents!r}; expected slots, whole numbers from 0")
    return Recorded(reply=reply, slot=_count(values, "slot", where), parents=tuple(parents), **words)


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise ModelTrouble(f"{where}: {line[:60]!r} is not JSON ({error}); expected {_EXPECTED}") from error
    if not isinstance(values, dict):
        raise ModelTrouble(f"{where}: {line[:60]!r} is not an object; expected {_EXPECTED}")
    return values


_KINDS: Mapping[type, str] = {str: "text", dict: "an object", list: "a list"}


def _typed(values: Mapping[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = values.get(name, default)
    if not isinstance(value, kind):
        raise ModelTrouble(f"{where}: {name} is {value!r}; expected {_KINDS[kind]}")
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
