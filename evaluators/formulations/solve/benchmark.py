"""Measures how fast a model is solved, compared with its base.

Until its optimum is proved, in repeatable units of effort.

Units are CP-SAT's deterministic time with one worker, or a number of iterations of a mixed-integer solver.

Times are PAR-2 (a run that does not end counts twice its limit), and means are shifted geometric means. The order of
variables and constraints alone changes times by a factor of forty. Every model is therefore solved in several orders,
the base in the same ones, and a placebo, the base in other orders, shows the effect of chance.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from gapsmith.evaluators.base import GapsmithError, Infeasible
from gapsmith.evaluators.formulations.solve.cache import recall_or_run
from gapsmith.evaluators.formulations.solve.pool import SolverPool

SHIFT = 0.02
"""Units of deterministic time; differences far below it hardly count."""
SECONDS_PER_SHIFT = 0.1
"""CPU seconds that count as a shift: a unit takes 1 to 14 s to solve, mostly 5."""
COUNTED = (0.0, 0.1, 0.4)
"""CPU seconds of building that are distinguished."""
LIMIT = 4.0
"""Limit of a run of a base, in units."""
FIRST_LIMIT = 1.5
"""The limit for the first order when instances are chosen; slower ones are dropped without further orders."""
WINDOW = (0.1, 3.0)
"""An instance is kept where the base's mean over the orders lies in this interval, in units."""
SPREAD = 20.0
"""An instance is dropped if its first order is below the window by this factor."""
ROOM = 1.5
"""A candidate's limit as a multiple of the slowest run of the base."""
ORDERS = tuple(range(5))
PLACEBO = tuple(range(5, 10))
CHOOSING = tuple(range(10, 13))
"""Orders for choosing instances. Speed is measured in others, since the base was slow in these by selection."""
WALL_PER_UNIT = 60.0
"""CPU limit of a child, in seconds for a unit; most models need 1 to 15."""
EXTRA_SECONDS = 30.0
"""CPU seconds added to the limit of a child."""

SolverRun = Mapping[str, Any]


@dataclass(frozen=True)
class BaseResult:
    """The performance of a base model on an instance.

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
        """The limit of a candidate's run, in units."""
        return min(LIMIT, ROOM * max(self.times))


@dataclass(frozen=True)
class TrialResult:
    """The performance of a correct candidate's model on an instance.

    Attributes:
        optimum: of the base; None where it is not known.
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

    def try_model(self, base: str, model: str, whole: bool) -> TrialResult:
        """Solves the model beside its base.

        Raises Infeasible where it is refused or wrong.

        Args:
            base: the text of the base.
            model: the text of the candidate's model.
            whole: whether it is a whole model, which need not begin with the base.
        """
        ...


@dataclass
class Judge:
    """Solves models in several orders, and remembers the results.

    Args:
        children: sandboxes that solve.
        orders: seeds of the orders.
        placebo: seeds of the orders in which the base is compared with itself.
        choosing: seeds of the orders that decide whether an instance is kept.
        window: interval of units for the base's mean in those orders.
        solver: of mixed-integer programmes, "highs" or "scip", with its own units; CP-SAT if not given.
    """

    children: SolverPool
    orders: Sequence[int] = ORDERS
    placebo: Sequence[int] = PLACEBO
    choosing: Sequence[int] = CHOOSING
    window: tuple[float, float] = WINDOW
    solver: str | None = None
    _bases: dict[str, BaseResult] = field(default_factory=dict)
    _trials: dict[tuple[str, str], TrialResult | str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def is_suitable(self, base: str) -> bool:
        """Tells whether a base is suitable to measure on. Raises GapsmithError."""
        first = self._run_base(base, self.choosing[:1], FIRST_LIMIT)
        if first[0]["status"] != "OPTIMAL" or first[0]["time"] < self.window[0] / SPREAD:
            return False
        runs = first + self._run_base(base, self.choosing[1:])
        return self.window[0] <= compute_shifted_mean(_list_times(runs, LIMIT)) <= self.window[1]

    def measure_base(self, base: str) -> BaseResult:
        """Measures a base. Raises GapsmithError."""
        key = _hash_text(base)
        if key not in self._bases:
            runs = self._run_base(base, self.orders)
            proven = [run["objective"] for run in runs if run["status"] == "OPTIMAL"]
            self._bases[key] = BaseResult(
                proven[0] if proven else None, _list_times(runs, LIMIT), _average_seconds(runs)
            )
        return self._bases[key]

    def measure_placebo(self, base: str) -> tuple[float, ...]:
        """Measures a base in other orders; returns PAR-2 times in units."""
        return _list_times(self._run_base(base, self.placebo), self.measure_base(base).limit)

    def try_model(self, base: str, model: str, whole: bool) -> TrialResult:
        """Solves a candidate's model in all orders.

        Raises Infeasible where it is refused or wrong.
        """
        key = _hash_text(base), _hash_text(model)
        with self._lock:
            found = self._trials.get(key)
        if found is None:
            found = self._try_model(base, model, whole)
            with self._lock:
                self._trials[key] = found
        if isinstance(found, str):
            raise Infeasible(found)
        return found

    def _try_model(self, base: str, model: str, whole: bool) -> TrialResult | str:
        facts = self.measure_base(base)
        if model == base:  # equal models take equal times
            return TrialResult(facts.optimum, facts.times, facts.seconds, None)
        reply = self._ask(self._request(None if whole else base, model, facts.limit, self.orders))
        if "refused" in reply:
            return str(reply["refused"])
        runs = reply["runs"]
        if wrong := next(filter(None, (describe_mistake(run, facts.optimum) for run in runs)), ""):
            return wrong
        times = _list_times(runs, facts.limit)
        return TrialResult(facts.optimum, times, _average_seconds(runs), reply["values"])

    def _run_base(self, base: str, orders: Sequence[int], limit: float = LIMIT) -> list[SolverRun]:
        if not orders:
            return []
        request = self._request(base, base, limit, orders)
        reply = recall_or_run(request, lambda: self._ask(request))
        if "refused" in reply:
            raise GapsmithError(
                f"a base model was refused: {reply['refused']}; expected one that can be solved"
            )
        runs: list[SolverRun] = reply["runs"]
        return runs

    def _request(self, base: str | None, model: str, limit: float, orders: Sequence[int]) -> dict[str, Any]:
        plain = {"do": "solve", "base": base, "text": model, "limit": limit, "permutations": list(orders)}
        return {**plain, "solver": self.solver} if self.solver else plain

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        units = request["limit"] * len(request["permutations"])
        return self.children.ask(request, EXTRA_SECONDS + WALL_PER_UNIT * units)


def describe_mistake(run: SolverRun, optimum: float | None) -> str:
    """Describes what is wrong with a run of a model.

    Returns an empty text where nothing is wrong, the run did not end, or the optimum is unknown.
    """
    if run["status"] == "INFEASIBLE":
        return "the model has no solution, and the base has"
    known = run["status"] == "OPTIMAL" and optimum is not None
    if known and not math.isclose(run["objective"], optimum or 0.0, abs_tol=1e-6):
        return f"the model's optimum is {run['objective']:g}; the true one is {optimum:g}"
    return ""


def compute_shifted_mean(times: Sequence[float]) -> float:
    """Returns the shifted geometric mean of times, in units."""
    return compute_mean_time([price_times(times)])


def price_times(times: Sequence[float]) -> float:
    """Returns the price of an instance: 1 plus a mean logarithm.

    It is the mean logarithm of 1 and the times in shifts; no time at all costs 1.
    """
    return 1.0 + sum(math.log1p(time / SHIFT) for time in times) / max(1, len(times))


def charge_building(cost: float, cpu_seconds: float) -> float:
    """Adds the building of the model to a price.

    A tenth of a CPU second counts as one shift. CPU seconds are rounded down to `COUNTED`, so that equal programs have
    equal prices in every run; only building times close to one of these may be priced differently in another run.
    """
    shifts = max(seconds for seconds in COUNTED if seconds <= cpu_seconds) / SECONDS_PER_SHIFT
    return 1.0 + math.log(math.exp(cost - 1.0) + shifts)


def compute_mean_time(costs: Sequence[float]) -> float:
    """Returns the shifted geometric mean of the times behind costs."""
    return SHIFT * math.expm1(sum(costs) / len(costs) - 1.0)


def _list_times(runs: Sequence[SolverRun], limit: float) -> tuple[float, ...]:
    solved = [run["status"] == "OPTIMAL" and run["time"] <= limit for run in runs]
    return tuple(run["time"] if ended else 2 * limit for run, ended in zip(runs, solved, strict=True))


def _average_seconds(runs: Sequence[SolverRun]) -> float:
    return float(sum(run["seconds"] for run in runs) / len(runs))


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
