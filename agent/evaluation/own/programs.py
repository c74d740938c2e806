"""Heuristics of one's own, kept in an archive as candidates."""

import time
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from gapsmith.agent.archive import ADDED, Candidate, CandidateRow
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.compare import Entrant
from gapsmith.agent.evaluation.scores import Known, Scorer
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Assessment


def add_programs(
    entrants: Sequence[Entrant], splits: Splits, scorer: Scorer, config: Mapping[str, Any]
) -> list[CandidateRow]:
    """Scores programs and keeps them as candidates of a run.

    Args:
        entrants: the programs; their names say where they are from.
        splits: training and validation instances, both with their bounds.
        scorer: runs programs, and keeps their scores.
        config: the settings of a run on these instances.

    A program that fails is kept with the reason, like one of a model.
    """
    archive, problem, begun = scorer.archive, scorer.problem, time.monotonic()
    run = archive.start(problem.name, ADDED, 0, {**config, "verb": ADDED}, problem.version)
    for slot, entrant in enumerate(entrants):
        values = {"name": f"added from {entrant.name}", **_score(entrant, splits, scorer)}
        archive.answer(Candidate(run=run, slot=slot, operator=ADDED, charged=1, **values))
    archive.finish(run, "done", time.monotonic() - begun)
    return list(archive.read_candidates(run).values())


def _score(entrant: Entrant, splits: Splits, scorer: Scorer) -> dict[str, Any]:
    """Scores a program; returns the fields of its candidate."""
    problem = scorer.problem
    found = screen(entrant.source, problem.entry)
    if found.outcome != CandidateOutcome.OK:
        return {"outcome": found.outcome, "message": found.message}
    number, _ = scorer.archive.add_program(problem.name, found.key, found.source, found.size, problem.version)
    known = Known(number, found.source, found.size)
    train, validation = (_run(known, part, scorer) for part in (splits.train, splits.validation))
    failed = next((each for each in (train, validation) if each.outcome != CandidateOutcome.OK), None)
    if failed is not None:
        return {"program": number, "outcome": failed.outcome, "message": failed.message}
    return {
        "program": number,
        "outcome": CandidateOutcome.OK,
        "train_gap": splits.train.scale.search(_list_costs(train)),
        "validation_gap": splits.validation.scale.compute_pooled_gap(_list_costs(validation)),
        "cpu_seconds": fmean(score.cpu_seconds for score in train.scores),
        "evaluated": len(train.scores) + len(validation.scores),
    }


def _run(known: Known, part: InstanceSet, scorer: Scorer) -> Assessment:
    return scorer.run_alone(known, part.instances)


def _list_costs(result: Assessment) -> list[float]:
    return [score.cost for score in result.scores if score.cost is not None]
