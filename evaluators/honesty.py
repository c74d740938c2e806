"""Whether a program's results are its own work on each instance alone.

A program that carries something over from earlier instances, that recognises instances by how their parts are
numbered, or that does not do the same twice, can look better than it is. Elites are examined before they
count: run again with a process for every instance, and on relabelled instances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gapsmith.evaluators.assess import Runner, assess, assess_all
from gapsmith.evaluators.base import Instance, Number, Problem

SURE = 3.0
"""Standard errors by which relabelled instances must cost more on average: ties alone differ both ways."""


@dataclass(frozen=True)
class Honesty:
    """The finding: "ok", "state_dependent" or "label_dependent", and why."""

    outcome: str
    message: str = ""


def examine(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty:
    """Compares costs from a run in one process with those of a process for each, and of relabelled instances.

    Args:
        problem: with `relabel` where its instances have labels.
        source: the program.
        instances: on which it was run, in this order, in one process.
        costs: what it reached.
        runner: the sandbox.
    """
    return (
        _alone(problem, source, instances, costs, runner)
        or _relabelled(problem, source, instances, costs, runner)
        or Honesty("ok")
    )


def _alone(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty | None:
    scores = assess_all(problem, source, instances, runner, isolated=True)
    for instance, before, score in zip(instances, costs, scores, strict=True):
        if score.cost != before and not score.ours:
            found = f"costs {score.cost:g}" if score.cost is not None else f"ends with {score.outcome}"
            return Honesty(
                "state_dependent",
                f"{instance.name} {found} in a process of its own, and cost {before:g} after other instances: "
                "results must depend on the arguments alone, not on earlier calls, chance or the clock",
            )
    return None


def _relabelled(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty | None:
    if problem.relabel is None:
        return None
    others = [problem.relabel(i, np.random.default_rng([7, k])) for k, i in enumerate(instances)]
    result = assess(problem, source, others, runner)
    if result.outcome != "ok":
        return Honesty(
            "label_dependent", f"fails when the parts of an instance are numbered otherwise: {result.message}"
        )
    sign = -1.0 if problem.maximise else 1.0
    now = np.array([score.cost for score in result.scores], dtype=float)
    before = np.array(costs, dtype=float)
    worse = sign * (now - before) / np.maximum(np.abs(before), 1.0)
    error = float(worse.std(ddof=1)) / np.sqrt(worse.size) if worse.size > 1 else 0.0
    if worse.mean() > 0 and worse.mean() > SURE * error:
        return Honesty(
            "label_dependent",
            f"costs {100 * worse.mean():.2f} % more on the same instances when their parts are numbered otherwise",
        )
    return None
