"""The budget of a run: hard limits.

The most that an action can cost is reserved before it, and replaced by the facts afterwards.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from gapsmith.evaluators.base import UsageError


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The limits of a run; None is no limit.

    Attributes:
        evaluations: programs scored.
        calls: questions to models, `offline` included.
        usd: dollars.
        seconds: wall time.
    """

    evaluations: int | None = None
    calls: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise UsageError(f"budget {name} is {value}; expected more than 0")
        if not any(vars(self).values()):
            raise UsageError("the run has no budget; give at least one of evaluations, calls, usd, seconds")

    @property
    def of_calls(self) -> bool:
        """Whether questions alone are counted: then all of them cost the same, whatever comes of them."""
        return self.calls is not None and self.evaluations is None and self.usd is None


CALLS_OF_AN_EVALUATION, CALLS_OF_A_SECOND, CALLS_OF_THE_DEAREST = 3, 10, 10
FEWEST_CALLS, USUAL_CALLS = 20, 1800
"""Limits of calls that other limits imply: a model that repeats itself, or answers nothing of use, would be asked for
ever. USUAL_CALLS is that of dollars where calls cost nothing."""


def derive_calls(budget: Budget, dearest: float) -> int | None:
    """Computes the limit of calls that other limits imply.

    None where the budget has one of its own.

    Args:
        budget: of the run.
        dearest: dollars that the dearest call costs whose prompt is empty.
    """
    if budget.calls is not None:
        return None
    limits = []
    if budget.evaluations is not None:
        limits.append(CALLS_OF_AN_EVALUATION * budget.evaluations)
    if budget.usd is not None:
        limits.append(int(CALLS_OF_THE_DEAREST * budget.usd / dearest) if dearest > 0 else USUAL_CALLS)
    if budget.seconds is not None:
        limits.append(int(CALLS_OF_A_SECOND * budget.seconds))
    return max(FEWEST_CALLS, min(limits))


@dataclass
class Ledger:
    """The spent and the reserved budget of a run.

    Attributes:
        budget: the wall.
        before: seconds spent by earlier sessions of the same run.
        most_calls: that the budget implies, see `implied_calls`; None for models that cost nothing.
        unpriced: whether a call was made whose price is not known, nor what it can cost at most.
    """

    budget: Budget
    before: float = 0.0
    most_calls: int | None = None
    unpriced: bool = False
    clock: Callable[[], float] = time.monotonic
    evaluations: int = 0
    calls: int = 0
    usd: float = 0.0
    _evaluations_open: int = 0
    _usd_open: float = 0.0
    _started: float = field(default=0.0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def seconds(self) -> float:
        """Wall seconds of the run so far, all sittings."""
        return self.before + self.clock() - self._started

    @property
    def left(self) -> float | None:
        """Seconds that may still be waited, 0 or more; None where there is no limit."""
        return None if self.budget.seconds is None else max(0.0, self.budget.seconds - self.seconds)

    def is_out_of_time(self) -> bool:
        """Tells whether the seconds are used up."""
        return self.budget.seconds is not None and self.seconds >= self.budget.seconds

    @property
    def share(self) -> float:
        """How much of the budget is used up, by the limit that is nearest; settled things only."""
        limits = self.budget
        used = (
            (limits.evaluations, self.evaluations),
            (limits.calls, self.calls),
            (limits.usd, self.usd),
            (limits.seconds, self.seconds),
        )
        return max(spent / limit for limit, spent in used if limit is not None)

    def reserve(self, usd: float = 0.0, paid: bool = False, evaluations: int = 1, calls: int = 1) -> bool:
        """Reserves calls and evaluations; returns False where there is no room.

        Args:
            usd: the most that the call can cost.
            paid: whether an earlier session made the call: then it needs no time any more.
            evaluations: to be set aside.
            calls: to be counted; 0 for what is asked of no model.
        """
        with self._lock:
            if (self.is_out_of_time() and not paid) or not self._has_room(usd, evaluations, calls):
                return False
            self._evaluations_open += evaluations
            self.calls += calls
            self._usd_open += usd
            return True

    def exchange(self, reserved_usd: float, usd: float) -> bool:
        """Replaces an estimated reservation of a call by its real bound.

        False where there is no room.
        """
        with self._lock:
            if not self._has_room(usd - reserved_usd, 0, 0):
                return False
            self._usd_open += usd - reserved_usd
            return True

    def count_attempt(self, usd: float) -> bool:
        """Counts a failed attempt that may be billed.

        What was reserved stays so for the next attempt. False where there is no room.
        """
        with self._lock:
            if not self._has_room(usd, 0, 0):
                return False
            self.usd += usd
            return True

    def withdraw(self, usd: float, evaluations: int = 1, calls: int = 1) -> None:
        """Releases a reservation that is not needed."""
        with self._lock:
            self._usd_open -= usd
            self._evaluations_open -= evaluations
            self.calls -= calls

    def settle_call(self, reserved_usd: float, usd: float | None) -> None:
        """Replaces a reservation by the price; an unknown price counts fully."""
        with self._lock:
            self._usd_open -= reserved_usd
            self.usd += reserved_usd if usd is None else usd
        self.unpriced |= usd is None and not reserved_usd > 0

    def count_lost_call(self, usd: float) -> None:
        """Counts a sent call without an answer; it may be billed."""
        with self._lock:
            self.usd += usd

    @property
    def dollars(self) -> float | None:
        """What was spent, or can have been spent at most; None where the price of a call is not known."""
        return None if self.unpriced else self.usd

    @property
    def ended_by_calls(self) -> bool:
        """Whether the limit of calls that the budget implies is reached."""
        return self.most_calls is not None and self.calls >= self.most_calls

    @property
    def unspent(self) -> dict[str, float]:
        """What is left of each limit, 0 or more."""
        used = {
            "evaluations": self.evaluations,
            "calls": self.calls,
            "usd": self.usd,
            "seconds": self.seconds,
        }
        limits = {name: limit for name, limit in vars(self.budget).items() if limit is not None}
        return {name: max(0, limit - used[name]) for name, limit in limits.items()}

    def settle_evaluations(self, reserved: int, used: int) -> None:
        """Replaces a reservation of evaluations by the fact."""
        self._evaluations_open -= reserved
        self.evaluations += used

    def _has_room(self, usd: float, evaluations: int, calls: int) -> bool:
        budget = self.budget
        return all(
            limit is None or wanted <= limit
            for limit, wanted in (
                (budget.evaluations, self.evaluations + self._evaluations_open + evaluations),
                (budget.calls, self.calls + calls),
                (self.most_calls if calls else None, self.calls + calls),
                (budget.usd, self.usd + self._usd_open + usd),
            )
        )
