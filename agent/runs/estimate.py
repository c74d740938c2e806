"""Estimates of what a run needs, before it begins.

They are rules of thumb, said to be such: what a run may use at most follows from its limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapsmith.agent.models.base import Model
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Instance, Problem, Split

PROMPT_BYTES = 12_000
"""Bytes of a usual prompt with its static part: those of the built-in problems have 6,000 to 15,000."""

CALLS_OF_AN_EVALUATION = 1.3
"""Requests for an evaluated program: the others are duplicates, do not parse or are refused."""

CPU_SHARE = 0.15
"""Likely CPU time of a program in training, of what it may use: most are dropped early and use a part of the limit."""

FEWEST_QUESTIONS = 20
"""Requests below which the two trajectories of a short run get fewer than ten each."""


@dataclass(frozen=True)
class Estimate:
    """What a run may use at most, and likely.

    Attributes:
        calls: model requests at most; None without a limit.
        likely_calls: model requests, likely.
        usd: dollars at most; None where a price is not known.
        likely_usd: dollars, likely; None where a price is not known.
        hours: hours of search at most; None without a limit.
        likely_hours: hours of search, likely; the waits for replies are not counted.
        solving_hours: hours of the exact solver at most, before the search begins.
        warnings: where the budget is too small for a part of the run, a sentence each.
    """

    calls: int | None
    likely_calls: int
    usd: float | None
    likely_usd: float | None
    hours: float | None
    likely_hours: float
    solving_hours: float
    warnings: tuple[str, ...] = ()


def estimate_run(
    settings: Settings,
    problem: Problem,
    instance: Instance,
    counts: Mapping[Split, int],
    models: Sequence[Model],
    most_calls: int | None,
) -> Estimate:
    """Estimates calls, dollars and hours of a run.

    Args:
        settings: of the run.
        problem: at its scale, with its limits.
        instance: one of training.
        counts: instances of each split.
        models: that are asked.
        most_calls: limit of calls that the budget implies, if any.
    """
    budget = settings.budget
    calls = budget.calls or most_calls
    likely_calls = min(calls or settings.size, round(CALLS_OF_AN_EVALUATION * settings.size))
    programs = budget.evaluations or likely_calls
    each = counts[Split.TRAIN] * problem.compute_cpu_limit(instance) / settings.workers / 3600
    solver_seconds = settings.baseline_seconds or problem.solver_seconds
    solving = (counts[Split.TRAIN] + counts[Split.VALIDATION]) * solver_seconds / settings.workers / 3600
    limit = float("inf") if budget.seconds is None else budget.seconds / 3600
    most = budget.evaluations or calls
    hours = min(limit, float("inf") if most is None else each * most)
    return Estimate(
        calls,
        likely_calls,
        _bound_dollars(models, calls, budget),
        _estimate_dollars(models, likely_calls, budget),
        hours if hours < float("inf") else None,
        min(limit, CPU_SHARE * each * programs),
        solving,
        tuple(_list_warnings(settings, counts, solving, models)),
    )


def _bound_dollars(models: Sequence[Model], calls: int | None, budget: Budget) -> float | None:
    bounds = [model.bound_usd(PROMPT_BYTES) for model in models]
    dearest = None if calls is None or None in bounds else calls * _get_largest(bounds)
    limits = [limit for limit in (budget.usd, dearest) if limit is not None]
    return min(limits) if limits else None


def _get_largest(bounds: Sequence[float | None]) -> float:
    return max(bound or 0.0 for bound in bounds)


def _estimate_dollars(models: Sequence[Model], calls: int, budget: Budget) -> float | None:
    prices = [_estimate_call(model) for model in models]
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return None
    likely = calls * sum(known) / max(1, len(known))
    return likely if budget.usd is None else min(likely, budget.usd)


def _estimate_call(model: Model) -> float | None:
    """Estimates the price of a usual call; None where unknown."""
    estimate = getattr(model, "estimate_usd", None)
    if estimate is not None:
        found: float | None = estimate(PROMPT_BYTES)
        return found
    return 0.0 if model.bound_usd(PROMPT_BYTES) == 0 else None


def _list_warnings(
    settings: Settings, counts: Mapping[Split, int], solving: float, models: Sequence[Model]
) -> list[str]:
    """Lists what the budget is too small for, a sentence each."""
    budget, found = settings.budget, []
    questions = [value for value in (budget.evaluations, budget.calls) if value is not None]
    if (
        budget.usd is not None
        and (price := _get_largest([model.bound_usd(PROMPT_BYTES) for model in models])) > 0
    ):
        questions.append(int(budget.usd / price))
    if questions and min(questions) < FEWEST_QUESTIONS:
        found.append(
            f"the budget allows about {min(questions)} programs: too few to tell trajectories apart, to send "
            f"candidates to the gate and to choose among them at the end; expected at least {FEWEST_QUESTIONS}, "
            "better some hundreds"
        )
    if budget.seconds is not None and budget.seconds < 2 * 3600 * solving:
        found.append(
            f"solving {counts[Split.TRAIN] + counts[Split.VALIDATION]} instances exactly may take "
            f"{3600 * solving:.0f} of the {budget.seconds:g} seconds, before the first question; expected a longer "
            "--time-limit"
        )
    return found


def describe_estimate(found: Estimate) -> str:
    """Describes an estimate in one line."""
    calls = f"{found.likely_calls} likely" + ("" if found.calls is None else f", {found.calls} at most")
    free = found.usd == found.likely_usd == 0
    parts = [
        f"estimate: calls {calls}",
        "" if free else f"dollars {_format_pair(found.likely_usd, found.usd, '.2f')}",
        f"hours of search {_format_pair(found.likely_hours, found.hours, '.2g')}, without waits for replies",
        f"before it at most {found.solving_hours:.2g} hours of exact solving",
    ]
    return "; ".join(filter(None, parts))


def _format_pair(likely: float | None, most: float | None, digits: str) -> str:
    words = ["unknown" if likely is None else f"{likely:{digits}} likely"]
    if most is not None:
        words.append(f"{most:{digits}} at most")
    return ", ".join(words)
