"""Certificates of solutions: instance, solution, verified cost and bounds."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gapsmith.agent.evaluation.baselines.published import BestKnown
from gapsmith.agent.reports.comparisons import encode_solution
from gapsmith.agent.reports.export.module import write_module
from gapsmith.evaluators.base import Baseline, GapsmithError, Infeasible, Instance, Problem


def write_certificates(
    problem: Problem, solved: Sequence[tuple[Instance, Baseline]], best: BestKnown, folder: Path
) -> list[Path]:
    """Writes a file for each instance that has a solution.

    Args:
        problem: its verifier prices the solutions again.
        solved: instances with their bounds and solutions.
        best: the best known values, with those that are published.
        folder: made if it is not there.

    Raises:
        GapsmithError: where a solution does not cost what the archive says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for instance, baseline in solved:
        if baseline.solution is not None:
            path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', instance.name).lstrip('.') or 'instance'}.json"
            write_module(path, json.dumps(_encode(problem, instance, baseline, best), indent=1) + "\n")
            written.append(path)
    return written


def _encode(problem: Problem, instance: Instance, baseline: Baseline, best: BestKnown) -> dict[str, Any]:
    try:
        cost = problem.cost(instance, baseline.solution)
    except Infeasible as reason:
        raise GapsmithError(
            f"{instance.name}: the archive's solution is none: {reason}; try another archive"
        ) from None
    stored = baseline.lower if problem.maximise else baseline.upper
    if cost != stored:
        raise GapsmithError(
            f"{instance.name}: the archive's solution costs {cost}, not {stored:g}; try another archive"
        )
    return {
        "problem": problem.name,
        "title": problem.title,
        "version": problem.version,
        "objective": "maximise" if problem.maximise else "minimise",
        "digest": instance.digest,
        **encode_solution(instance, baseline, best),
        "cost": cost,
        "verified": True,
        "data": instance.plain,
    }
