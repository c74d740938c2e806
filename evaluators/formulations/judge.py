"""How fast a model is proved, against its base: deterministic time of one worker, over orders that are ours.

Time is that of PAR-2 (a run that does not end counts with twice its limit), and means are geometric, shifted. The
order of variables and constraints alone changes times forty-fold, so that every model is solved in several
orders, the base beside it in the same ones, and a placebo, the base in others, shows what chance does.
"""

import base64
import binascii
import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from gapsmith.evaluators.base import Infeasible, Instance, Trouble
from gapsmith.evaluators.formulations.children import Children
from gapsmith.evaluators.formulations.memo import remembered

SHIFT = 0.02
"""Units of deterministic time below which differences say little."""
LIMIT = 6.0
"""Units that a run of a base may take."""
WINDOW = (0.1, 3.0)
"""An instance is kept where the base's mean over the orders is inside, in units."""
ROOM = 1.5
"""A candidate may take so many times as long as the slowest run of the base, since more says nothing more."""
ORDERS = range(5)
PLACEBO = range(5, 10)
MOST_TEXT = 60_000_000
WALL_PER_UNIT = 60.0
"""Seconds of wall time for a unit after which a child is given up; most models need 1 to 15."""
PATIENCE = 30.0


@dataclass(frozen=True)
class Base:
    """How the base does on an instance.

    Attributes:
        optimum: proven.
        times: PAR-2, in units, one for each order.
        placebo: the same for other orders.
        seconds: of CPU, mean of the orders.
    """

    optimum: float
    times: tuple[float, ...]
    placebo: tuple[float, ...]
    seconds: float

    @property
    def limit(self) -> float:
        """What a candidate may take for a run, in units."""
        return min(LIMIT, ROOM * max(self.times))


@dataclass(frozen=True)
class Trial:
    """How a candidate's model does on an instance; the optimum is right in all orders that were solved.

    Attributes:
        times: PAR-2, in units, one for each order.
        seconds: of CPU for solving, mean of the orders.
        claims: of the constraints that were added: how many of which.
        values: of the first order's solution, by the index of the variable; None where it found none.
        proven: whether all orders were solved.
    """

    times: tuple[float, ...]
    seconds: float
    claims: Mapping[str, int]
    values: Sequence[int] | None
    proven: bool


@dataclass
class Judge:
    """Solves models, and remembers what it solved.

    Args:
        children: where.
        orders: seeds of the orders that every model is solved in.
    """

    children: Children
    orders: Sequence[int] = tuple(ORDERS)
    placebo: Sequence[int] = tuple(PLACEBO)
    _trials: dict[tuple[str, str], Trial | str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def base(self, text: str) -> Base | None:
        """How a base does; None where it is too easy or too hard to measure on. Raises Trouble."""
        first = self._base_runs(text, self.orders[:1])
        if first[0]["status"] != "OPTIMAL":
            return None
        runs = first + self._base_runs(text, self.orders[1:])
        times = _times(runs, LIMIT)
        if not WINDOW[0] <= shifted_mean(times) <= WINDOW[1]:
            return None
        return Base(first[0]["objective"], times, (), _seconds(runs))

    def with_placebo(self, text: str, base: Base) -> Base:
        """The same with its placebo."""
        placebo = _times(self._base_runs(text, self.placebo), base.limit)
        return Base(base.optimum, base.times, placebo, base.seconds)

    def _base_runs(self, text: str, orders: Sequence[int]) -> list[dict[str, Any]]:
        request = {"do": "solve", "base": text, "text": text, "limit": LIMIT, "permutations": list(orders)}
        reply = remembered(request, lambda: self._asked(request))
        if "refused" in reply:
            raise Trouble(f"a base model was refused: {reply['refused']}; expected one that can be solved")
        runs: list[dict[str, Any]] = reply["runs"]
        return runs

    def trial(self, instance: Instance, base_text: str | None, text: str, base: Base) -> Trial:
        """Solves a candidate's model in all orders. Raises Infeasible where it is not taken, or is wrong."""
        key = instance.digest, hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            found = self._trials.get(key)
        if found is None:
            found = self._tried(base_text, text, base)
            with self._lock:
                self._trials[key] = found
        if isinstance(found, str):
            raise Infeasible(found)
        return found

    def _tried(self, base_text: str | None, text: str, base: Base) -> Trial | str:
        request = {"do": "solve", "base": base_text, "text": text, "permutations": list(self.orders)}
        reply = self._asked({**request, "limit": base.limit})
        if "refused" in reply:
            return str(reply["refused"])
        runs = reply["runs"]
        if wrong := next(filter(None, (objection(run, base.optimum) for run in runs)), ""):
            return wrong
        proven = all(run["status"] == "OPTIMAL" for run in runs)
        return Trial(_times(runs, base.limit), _seconds(runs), reply["claims"], reply["values"], proven)

    def _asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        units = request["limit"] * len(request["permutations"])
        return self.children.ask(request, PATIENCE + WALL_PER_UNIT * units)


def unpacked(answer: Any) -> str:
    """The text of a model as the guest packs it. Raises Infeasible for what is none, or too much."""
    try:
        raw = zlib.decompressobj()
        text = raw.decompress(base64.b64decode(answer, validate=True), MOST_TEXT)
        if raw.unconsumed_tail:
            raise Infeasible(f"the model's text is longer than {MOST_TEXT} characters")
        return text.decode()
    except (TypeError, ValueError, zlib.error, binascii.Error):
        raise Infeasible("what came back is no packed model") from None


def objection(run: Mapping[str, Any], optimum: float) -> str:
    """What is wrong with a run of a model whose optimum is known; empty where nothing is, or it did not end."""
    if run["status"] == "INFEASIBLE":
        return f"the model has no solution; the optimum is {optimum:g}"
    if run["status"] == "OPTIMAL" and not math.isclose(run["objective"], optimum, abs_tol=1e-6):
        return f"the model's optimum is {run['objective']:g}; the true one is {optimum:g}"
    return ""


def shifted_mean(times: Sequence[float]) -> float:
    """The geometric mean of times, each with the shift, less the shift; in units."""
    return math.exp(sum(math.log(time + SHIFT) for time in times) / len(times)) - SHIFT


def cost_of(times: Sequence[float]) -> float:
    """The price of an instance: 1 and the mean logarithm of its times in shifts; 1 for no time at all."""
    return 1.0 + sum(math.log1p(time / SHIFT) for time in times) / len(times)


def mean_time(costs: Sequence[float]) -> float:
    """The shifted geometric mean of the times behind costs, in units."""
    return SHIFT * math.expm1(sum(costs) / len(costs) - 1.0)


def _times(runs: Sequence[Mapping[str, Any]], limit: float) -> tuple[float, ...]:
    """PAR-2: a run that is not proven counts twice its limit."""
    return tuple(
        min(run["time"], limit) if run["status"] == "OPTIMAL" and run["time"] <= limit else 2 * limit
        for run in runs
    )


def _seconds(runs: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(run["seconds"] for run in runs) / len(runs))
