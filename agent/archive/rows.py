"""Makes rows of the archive's tables from results of the search."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.scoring import Score

Scores = Sequence[tuple[Instance, Score]]


Digests = Collection[str]


def _new(program: int, scores: Scores, known: Digests = ()) -> list[dict[str, Any]]:
    """Builds the rows that are not stored yet.

    Failures of the sandbox itself are left out: they say nothing about the program.
    """
    return [
        _build_evaluation(program, i, s)
        for i, s in scores
        if i.digest not in known and not s.is_sandbox_failure
    ]


def _build_evaluation(program: int, instance: Instance, score: Score) -> dict[str, Any]:
    return {
        "program": program,
        "digest": instance.digest,
        "instance": instance.name,
        "outcome": score.outcome,
        "message": score.message,
        "cost": score.cost,
        "cpu_seconds": score.cpu_seconds,
        "isolation": int(score.level),
        "compile_seconds": score.compile_seconds,
    }


def _event(run: int, slot: int, kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {"run": run, "slot": slot, "kind": kind, "detail": dict(detail)}


def _number(value: int | None) -> int:
    if value is None:  # the database gives every committed row its number
        raise RuntimeError("a committed row has no number")
    return value
