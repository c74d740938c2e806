"""Answers of programs, and verdicts on their runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gapsmith.sandbox import Ending, Outcome

TOLERANCE = 1e-4
"""Relative tolerance for equal numbers, as in the public benchmarks."""

SMALLEST = 1e-6
"""Absolute tolerance near 0, for rounding in solvers."""

STATUSES = ("optimal", "infeasible", "unbounded", "unknown")
MOST_VALUES = 2000


class Kind(StrEnum):
    """The outcome of a program.

    All but the first are kinds of failure.
    """

    ANSWERED = "answered"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"
    CRASH = "crash"
    ENDLESS = "endless"
    MEMORY = "memory"
    MALFORMED = "malformed"
    FORBIDDEN = "forbidden"
    NO_CODE = "no code"


@dataclass(frozen=True)
class Answer:
    """The result of `solve`.

    Attributes:
        status: one of STATUSES.
        objective: finite where the status is "optimal", else None.
        values: decisions and other quantities by name; the names are untrusted.
    """

    status: str
    objective: float | None
    values: Mapping[str, float] = field(default_factory=dict)

    def find_value(self, target: str) -> float | None:
        """Returns the quantity of that name, else the objective."""
        return self.values.get(target, self.objective)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a program.

    Its answer if `kind` is ANSWERED, else the reason without one.

    Attributes:
        kind: the outcome.
        message: explanation for people and for the next prompt; untrusted.
        answer: the answer as far as it could be read.
    """

    kind: Kind
    message: str = ""
    answer: Answer | None = None


class MalformedAnswer(ValueError):
    """A malformed result of `solve`.

    Its message is the reason for the next prompt.
    """


def is_close(left: float, right: float) -> bool:
    """Tells whether two numbers are equal within the tolerance."""
    return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=SMALLEST)


def judge_outcome(outcome: Outcome) -> Verdict:
    """Returns the verdict on a run of `solve`."""
    if outcome.ending is not Ending.OK:
        return Verdict(_KINDS.get(outcome.ending, Kind.CRASH), outcome.message)
    try:
        answer = read_answer(outcome.answers[0].value)
    except MalformedAnswer as reason:
        return Verdict(Kind.MALFORMED, str(reason))
    if answer.status == "optimal":
        return Verdict(Kind.ANSWERED, "", answer)
    return Verdict(Kind(answer.status), _WORDS[answer.status], answer)


def read_answer(value: Any) -> Answer:
    """Reads the answer in a result. Raises Malformed."""
    if not isinstance(value, dict):
        raise MalformedAnswer(
            f"solve returned {_shorten(value)}; expected a dict with status, objective and values"
        )
    status = value.get("status")
    if status not in STATUSES:
        raise MalformedAnswer(f"status is {_shorten(status)}; expected one of {', '.join(STATUSES)}")
    objective = _read_objective(value.get("objective")) if status == "optimal" else None
    return Answer(status, objective, _read_values(value.get("values")))


def _read_objective(given: Any) -> float:
    if not is_number(given):
        raise MalformedAnswer(f"status is optimal and objective is {_shorten(given)}; expected a number")
    return float(given)


def _read_values(given: Any) -> dict[str, float]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise MalformedAnswer(f"values is {_shorten(given)}; expected a dict of numbers by name")
    if len(given) > MOST_VALUES:
        raise MalformedAnswer(f"values has {len(given)} entries; expected at most {MOST_VALUES}")
    for name, number in given.items():
        if not isinstance(number, bool) and not is_number(number):
            raise MalformedAnswer(f"values holds {_shorten(number)} for {_shorten(name)}; expected a number")
    return {name: float(number) for name, number in given.items()}


def is_number(value: Any) -> bool:
    """Tells whether a value is a finite number.

    JSON may hold whole numbers of any length.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _shorten(value: object) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # Python writes no decimal number of more than 4300 digits
        return "a number of thousands of digits"


_KINDS = {
    Ending.TIMEOUT_CPU: Kind.ENDLESS,
    Ending.TIMEOUT_WALL: Kind.ENDLESS,
    Ending.MEMORY_LIMIT: Kind.MEMORY,
    Ending.FORBIDDEN_SYSCALL: Kind.FORBIDDEN,
    Ending.MALFORMED_RESULT: Kind.MALFORMED,
    Ending.RESULT_TOO_LARGE: Kind.MALFORMED,
    Ending.NO_ENTRY: Kind.NO_CODE,
}
_WORDS = {
    "infeasible": "the program reports that nothing satisfies all constraints",
    "unbounded": "the program reports that the objective is unbounded",
    "unknown": "the program reports that it found no proven optimum",
}
