"""Outcomes: of candidates in one enumeration, of verifications, and of exact methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class CandidateOutcome(StrEnum):
    """How a candidate ended: the words that archives hold.

    Any other word, such as one of the sandbox's endings or of an author's own `Problem.verify`, is a failure.
    """

    ASKED = "asked"
    TUNED = "tuned"
    OK = "ok"
    RACED = "raced"
    TWIN = "twin"
    DUPLICATE = "duplicate"
    # Replies that hold no program
    NO_CODE = "no_code"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    FAILED = "failed"
    # Programs that may not run
    SYNTAX_ERROR = "syntax_error"
    NO_ENTRY = "no_entry"
    UNPARSABLE = "unparsable"
    TOO_LONG = "too_long"
    FORBIDDEN_IMPORT = "forbidden_import"
    FORBIDDEN_NAME = "forbidden_name"
    MEMORISED_TABLE = "memorised_table"
    # Wrong results
    INFEASIBLE = "infeasible"
    REFUTED = "refuted"
    STATE_DEPENDENT = "state_dependent"
    LABEL_DEPENDENT = "label_dependent"
    FORESIGHT = "foresight"
    UNSTEADY = "unsteady"
    OUT_OF_BOUNDS = "out_of_bounds"
    # Endings of the sandbox that are no fact about the program
    ZYGOTE_DIED = "zygote_died"
    HARNESS_FAILURE = "harness_failure"

    @classmethod
    def _missing_(cls, value: object) -> "CandidateOutcome":
        member = str.__new__(cls, value)
        member._name_, member._value_ = str(value).upper(), str(value)
        return member

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong: with the program, its reply or the sandbox."""
        return self not in ("asked", "tuned", "ok", "raced", "twin", "duplicate")

    @property
    def is_sandbox_failure(self) -> bool:
        """Whether the sandbox itself broke, so that nothing is known of the program."""
        return self in ("zygote_died", "harness_failure")

    @property
    def is_without_program(self) -> bool:
        """Whether the reply held no program."""
        return self in ("no_code", "truncated", "refused", "empty", "failed")

    @property
    def is_incomplete(self) -> bool:
        """Whether a reply that was cut off explains the outcome."""
        return self in ("no_code", "syntax_error", "no_entry")

    @property
    def repairable(self) -> bool:
        """Whether a model can be asked to repair the program."""
        return self.is_failure and not self.is_sandbox_failure and not self.is_without_program


@dataclass(frozen=True)
class IntegrityResult:
    """The result of an integrity check.

    Attributes:
        outcome: "ok", "state_dependent", "label_dependent", "foresight", or what `Problem.verify` says.
        message: the reason, in words, when not ok.
        detail: further results to keep; plain data.
    """

    outcome: str
    message: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The result of an exact method.

    Bounds of the objective and the solution behind them.

    Attributes:
        lower: proven lower bound; for minimisation what gaps are measured against.
        upper: for minimisation the cost of `solution`; the proven upper bound when maximising.
        solution: plain data, as a candidate would return it; None where only a bound is known.
        solver: the method of the proof, for example "branch-and-memorize".
        seconds: CPU seconds spent.
    """

    lower: float
    upper: float
    solution: Any
    solver: str
    seconds: float

    @property
    def proven(self) -> bool:
        """Whether the bounds meet."""
        return self.lower == self.upper

    @property
    def status(self) -> str:
        """The status in `solve --json`: optimal, bound or unknown."""
        if self.proven:
            return "optimal"
        return "bound" if np.isfinite(self.lower) or np.isfinite(self.upper) else "unknown"
