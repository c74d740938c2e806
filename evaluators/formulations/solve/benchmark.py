"""How fast a model is proved, against its base: repeatable units of effort, over orders that are ours.

Units are CP-SAT's deterministic time with one worker, or so many iterations of a mixed-integer solver.

Time is that of PAR-2 (a run that does not end counts with twice its limit), and means are geometric, shifted. The
order of variables and constraints alone changes times forty-fold, so that every model is solved in several
orders, the base beside it in the same ones, and a placebo, the base in others, shows what chance does.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from gapsmith.evaluators.base import Infeasible, Trouble
from gapsmith.evaluators.formulations.solve.cache import remembered
from gapsmith.evaluators.formulations.solve.pool import Children

SHIFT = 0.02
"""Units of deterministic time below which differences say little."""
SECONDS_PER_SHIFT = 0.1
"""CPU seconds that count as a shift: a unit takes 1 to 14 s to solve, mostly 5."""
COUNTED = (0.0, 0.1, 0.4)
"""CPU seconds of building that are told apart."""
LIMIT = 4.0
"""Units that a run of a base may take."""
FIRST_LIMIT = 1.5
"""The same for the first order by which an instance is chosen: it says whether the others are worth their time."""
WINDOW = (0.1, 3.0)
"""An instance is kept where the base's mean over the orders is inside, in units."""
SPREAD = 20.0
"""A first order that is faster than the window by this factor is not made up for by the others."""
ROOM = 1.5
"""A candidate may take so many times as long as the slowest run of the base: more would say nothing more."""
ORDERS = tuple(range(5))
PLACEBO = tuple(range(5, 10))
CHOOSING = tuple(range(10, 13))
"""Orders by which instances are chosen. They are measured in others, else the base would look unlucky there."""
WALL_PER_UNIT = 60.0
"""CPU seconds for a unit after which a child is ended; most models need 1 to 15."""
PATIENCE = 30.0

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Base:
    """How a base does on an instance.

    Attributes:
        optimum: proven; None where no order was solved.
        times: PAR-2, in units, one for each order.
        seconds: of CPU, mean of the orders.
    """

    optimum: float | None
    times: tuple[float, ...]
    seconds: float

    @property
    def limit(self) -> float:
        """What a candidate may take for a run, in units."""
        return min(LIMIT, ROOM * max(self.times))


@dataclass(frozen=True)
class Trial:
    """How a candidate's model does on an instance; in no order was it found wrong.

    Attributes:
        optimum: of the base; None where that is not known.
        times: PAR-2, in units, one for each order.
        seconds: of CPU for solving, mean of the orders.
        values: of the first order's solution, by the index of the variable; None where it found none.
    """

    optimum: float | None
    times: tuple[float, ...]
    seconds: float
    values: Sequence[int] | None


class Measure(Protocol):
    """Solves a candidate's model beside its base."""

    def trial(self, base: str, model: str, whole: bool) -> Trial:
        """How it does. Raises Infeasible where it is not taken, or wrong.

        Args:
            base: the text of the base.
            model: the text of the candidate's.
            whole: whether it stands for itself, so that it need not begin with the base.
        """
        ...


@dataclass
class Judge:
    """Solves models in several orders, and remembers what it solved.

    Args:
        children: where.
        orders: seeds of the orders.
        placebo: seeds of the orders in which the base stands beside itself.
        choosing: seeds of the orders that say whether an instance is drawn.
        window: units inside which the base's mean in those must be.
        solver: of mixed-integer programmes, "highs" or "scip", with units of its own; CP-SAT if not given.
    """

    children: Children
    orders: Sequence[int] = ORDERS
    placebo: Sequence[int] = PLACEBO
    choosing: Sequence[int] = CHOOSING
    window: tuple[float, float] = WINDOW
    solver: str | None = None
    _bases: dict[str, Base] = field(default_factory=dict)
    _trials: dict[tuple[str, str], Trial | str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def suits(self, base: str) -> bool:
        """Whether a base is neither too easy nor too hard to measure on. Raises Trouble."""
        first = self._base_runs(base, self.choosing[:1], FIRST_LIMIT)
        if first[0]["status"] != "OPTIMAL" or first[0]["time"] < self.window[0] / SPREAD:
            return False
        runs = first + self._base_runs(base, self.choosing[1:])
        return self.window[0] <= shifted_mean(_times(runs, LIMIT)) <= self.window[1]

    def base(self, base: str) -> Base:
        """How a base does. Raises Trouble."""
        key = _digest(base)
        if key not in self._bases:
            runs = self._base_runs(base, self.orders)
            proven = [run["objective"] for run in runs if run["status"] == "OPTIMAL"]
            self._bases[key] = Base(proven[0] if proven else None, _times(runs, LIMIT), _seconds(runs))
        return self._bases[key]

    def placebo_times(self, base: str) -> tuple[float, ...]:
        """PAR-2 of a base in other orders, in units."""
        return _times(self._base_runs(base, self.placebo), self.base(base).limit)

    def trial(self, base: str, model: str, whole: bool) -> Trial:
        """Solves a candidate's model in all orders. Raises Infeasible where it is not taken, or is wrong."""
        key = _digest(base), _digest(model)
        with self._lock:
            found = self._trials.get(key)
        if found is None:
            found = self._tried(base, model, whole)
            with self._lock:
                self._trials[key] = found
        if isinstance(found, str):
            raise Infeasible(found)
        return found

    def _tried(self, base: str, model: str, whole: bool) -> Trial | str:
        facts = self.base(base)
        if model == base:  # equal models take equal times
            return Trial(facts.optimum, facts.times, facts.seconds, None)
        reply = self._asked(self._request(None if whole else base, model, facts.limit, self.orders))
        if "refused" in reply:
            return str(reply["refused"])
        runs = reply["runs"]
        if wrong := next(filter(None, (objection(run, facts.optimum) for run in runs)), ""):
            return wrong
        times = _times(runs, facts.limit)
        return Trial(facts.optimum, times, _seconds(runs), reply["values"])

    def _base_runs(self, base: str, orders: Sequence[int], limit: float = LIMIT) -> list[Run]:
        if not orders:
            return []
        request = self._request(base, base, limit, orders)
        reply = remembered(request, lambda: self._asked(request))
        if "refused" in reply:
            raise Trouble(f"a base model was refused: {reply['refused']}; expected one that can be solved")
        runs: list[Run] = reply["runs"]
        return runs

    def _request(self, base: str | None, model: str, limit: float, orders: Sequence[int]) -> dict[str, Any]:
        plain = {"do": "solve", "base": base, "text": model, "limit": limit, "permutations": list(orders)}
        return {**plain, "solver": self.solver} if self.solver else plain

    def _asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        units = request["limit"] * len(request["permutations"])
        return self.children.ask(request, PATIENCE + WALL_PER_UNIT * units)


def objection(run: Run, optimum: float | None) -> str:
    """What is wrong with a run of a model; empty where nothing is, or it did not end, or nobody knows."""
    if run["status"] == "INFEASIBLE":
        return "the model has no solution, and the base has"
    known = run["status"] == "OPTIMAL" and optimum is not None
    if known and not math.isclose(run["objective"], optimum or 0.0, abs_tol=1e-6):
        return f"the model's optimum is {run['objective']:g}; the true one is {optimum:g}"
    return ""


def shifted_mean(times: Sequence[float]) -> float:
    """The geometric mean of times, each with the shift, less the shift; in units."""
    return mean_time([cost_of(times)])


def cost_of(times: Sequence[float]) -> float:
    """The price of an instance: 1 and the mean logarithm of its times in shifts; 1 for no time at all."""
    return 1.0 + sum(math.log1p(time / SHIFT) for time in times) / max(1, len(times))


def charged(cost: float, cpu_seconds: float) -> float:
    """A price with the building of the model counted: as one shift for each tenth of a CPU second.

    CPU seconds are rounded down to `COUNTED`, so that equal programs have equal prices in every run; only one that
    builds in nearly as many seconds may be priced otherwise in another run.
    """
    shifts = max(seconds for seconds in COUNTED if seconds <= cpu_seconds) / SECONDS_PER_SHIFT
    return 1.0 + math.log(math.exp(cost - 1.0) + shifts)


def mean_time(costs: Sequence[float]) -> float:
    """The shifted geometric mean of the times behind costs, in units."""
    return SHIFT * math.expm1(sum(costs) / len(costs) - 1.0)


def _times(runs: Sequence[Run], limit: float) -> tuple[float, ...]:
    solved = [run["status"] == "OPTIMAL" and run["time"] <= limit for run in runs]
    return tuple(run["time"] if ended else 2 * limit for run, ended in zip(runs, solved, strict=True))


def _seconds(runs: Sequence[Run]) -> float:
    return float(sum(run["seconds"] for run in runs) / len(runs))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
