"""Checks replies of the child that solves models: a candidate's text may have taken control of it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

STATUSES = ("OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN")
VERDICTS = ("proved", "refuted", "unknown", "no negation")
LONGEST_WORDS = 1000
LONGEST_NAME = 200

Reply = dict[str, Any]


class Forged(Exception):
    """Raised for a reply that the child's own code would not give; the message is the reason."""


def checked(request: Mapping[str, Any], reply: Any) -> Reply:
    """Returns only the expected parts of a reply. Raises Forged.

    Args:
        request: the request.
        reply: plain data, as parsed from strict JSON.
    """
    if not isinstance(reply, dict):
        raise Forged("it is no object")
    if "refused" in reply:
        return {"refused": _text(reply["refused"], LONGEST_WORDS)}
    return _CHECKS[request["do"]](request, reply)


def _solved(request: Mapping[str, Any], reply: Reply) -> Reply:
    runs = _all(_part(reply, "runs"), _run)
    if len(runs) != len(request["permutations"]):
        raise Forged(f"it has {len(runs)} runs for {len(request['permutations'])} orders")
    values = _part(reply, "values")
    return {"runs": runs, "values": None if values is None else _all(values, _integer)}


def _run(run: Any) -> Reply:
    status = _word(_part(run, "status"), STATUSES)
    found: Reply = {name: _amount(_part(run, name)) for name in ("time", "seconds", "wall")}
    if "nodes" in run:
        found["nodes"] = _amount(run["nodes"])
    ended = status in ("OPTIMAL", "FEASIBLE")
    return {"status": status, "objective": _number(_part(run, "objective")) if ended else None, **found}


def _enumerated(_: Mapping[str, Any], reply: Reply) -> Reply:
    solutions = _all(_part(reply, "solutions"), lambda solution: _all(solution, _integer))
    return {"solutions": solutions, "complete": _part(reply, "complete") is True}


def _refuted(_: Mapping[str, Any], reply: Reply) -> Reply:
    return {"constraints": _all(_part(reply, "constraints"), _constraint)}


def _constraint(verdict: Any) -> Reply:
    found = {word: _word(_part(verdict, word), VERDICTS) for word in ("implied", "optimal")}
    return {"name": _text(_part(verdict, "name"), LONGEST_NAME), **found}


def _left(_: Mapping[str, Any], reply: Reply) -> Reply:
    return {"left": _amount(_part(reply, "left")), "closed": _part(reply, "closed") is True}


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Reply], Reply]] = {
    "solve": _solved,
    "enumerate": _enumerated,
    "refute": _refuted,
    "freedom": _left,
}


def _part(reply: Any, name: str) -> Any:
    if not isinstance(reply, dict) or name not in reply:
        raise Forged(f"it has no {name!r}")
    return reply[name]


def _all(parts: Any, check: Callable[[Any], Any]) -> list[Any]:
    if not isinstance(parts, list):
        raise Forged("it has something else where a list is expected")
    return [check(part) for part in parts]


def _word(word: Any, known: tuple[str, ...]) -> str:
    if word not in known:
        raise Forged(f"it has {str(word)[:40]!r} where one of {', '.join(known)} is expected")
    return str(word)


def _text(text: Any, most: int) -> str:
    if not isinstance(text, str):
        raise Forged("it has something else where a text is expected")
    return text[:most]


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise Forged("it has something else where a whole number is expected")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise Forged("it has something else where a finite number is expected")
    return float(value)


def _amount(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise Forged("it has a number below zero where none can be")
    return number
