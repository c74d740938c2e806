"""Checks replies of the child that solves models.

A candidate's text may have taken control of it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

STATUSES = ("OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN")
VERDICTS = ("proved", "refuted", "unknown", "no negation")
LONGEST_WORDS = 1000
LONGEST_NAME = 200

Reply = dict[str, Any]


class ForgedReply(Exception):
    """Raised for a reply that the child's own code would not give.

    The message is the reason.
    """


def check_reply(request: Mapping[str, Any], reply: Any) -> Reply:
    """Returns only the expected parts of a reply. Raises Forged.

    Args:
        request: the request.
        reply: plain data, as parsed from strict JSON.
    """
    if not isinstance(reply, dict):
        raise ForgedReply("it is no object")
    if "refused" in reply:
        return {"refused": _check_text(reply["refused"], LONGEST_WORDS)}
    return _CHECKS[request["do"]](request, reply)


def _check_solve(request: Mapping[str, Any], reply: Reply) -> Reply:
    runs = _check_all(_get_part(reply, "runs"), _check_run)
    if len(runs) != len(request["permutations"]):
        raise ForgedReply(f"it has {len(runs)} runs for {len(request['permutations'])} orders")
    values = _get_part(reply, "values")
    return {"runs": runs, "values": None if values is None else _check_all(values, _check_integer)}


def _check_run(run: Any) -> Reply:
    status = _check_word(_get_part(run, "status"), STATUSES)
    found: Reply = {name: _check_amount(_get_part(run, name)) for name in ("time", "seconds", "wall")}
    if "nodes" in run:
        found["nodes"] = _check_amount(run["nodes"])
    ended = status in ("OPTIMAL", "FEASIBLE")
    return {
        "status": status,
        "objective": _check_number(_get_part(run, "objective")) if ended else None,
        **found,
    }


def _check_enumerate(_: Mapping[str, Any], reply: Reply) -> Reply:
    solutions = _check_all(
        _get_part(reply, "solutions"), lambda solution: _check_all(solution, _check_integer)
    )
    return {"solutions": solutions, "complete": _get_part(reply, "complete") is True}


def _check_refute(_: Mapping[str, Any], reply: Reply) -> Reply:
    return {"constraints": _check_all(_get_part(reply, "constraints"), _check_constraint)}


def _check_constraint(verdict: Any) -> Reply:
    found = {word: _check_word(_get_part(verdict, word), VERDICTS) for word in ("implied", "optimal")}
    return {"name": _check_text(_get_part(verdict, "name"), LONGEST_NAME), **found}


def _check_freedom(_: Mapping[str, Any], reply: Reply) -> Reply:
    choices = _get_part(reply, "choices")
    return {
        "left": _check_amount(_get_part(reply, "left")),
        "choices": None if choices is None else _check_amount(choices),
        **{word: _get_part(reply, word) is True for word in ("closed", "hinted")},
    }


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Reply], Reply]] = {
    "solve": _check_solve,
    "enumerate": _check_enumerate,
    "refute": _check_refute,
    "freedom": _check_freedom,
}


def _get_part(reply: Any, name: str) -> Any:
    if not isinstance(reply, dict) or name not in reply:
        raise ForgedReply(f"it has no {name!r}")
    return reply[name]


def _check_all(parts: Any, check: Callable[[Any], Any]) -> list[Any]:
    if not isinstance(parts, list):
        raise ForgedReply("it has something else where a list is expected")
    return [check(part) for part in parts]


def _check_word(word: Any, known: tuple[str, ...]) -> str:
    if word not in known:
        raise ForgedReply(f"it has {str(word)[:40]!r} where one of {', '.join(known)} is expected")
    return str(word)


def _check_text(text: Any, most: int) -> str:
    if not isinstance(text, str):
        raise ForgedReply("it has something else where a text is expected")
    return text[:most]


def _check_integer(value: Any) -> int:
    if type(value) is not int:
        raise ForgedReply("it has something else where a whole number is expected")
    return value


def _check_number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ForgedReply("it has something else where a finite number is expected")
    return float(value)


def _check_amount(value: Any) -> float:
    number = _check_number(value)
    if number < 0:
        raise ForgedReply("it has a number below zero where none can be")
    return number
