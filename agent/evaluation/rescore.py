"""Evaluates archived programs on new instances.

Before a model is asked for anything.
"""

from collections.abc import Sequence
from dataclasses import replace

from gapsmith.agent.codegen.screen import Screened, screen
from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue
from gapsmith.agent.evaluation.baselines.records import find_records
from gapsmith.agent.evaluation.compare import Comparison, Scored, find_best_costs, make_scale
from gapsmith.agent.evaluation.leading import rank_programs
from gapsmith.agent.evaluation.scores import Known, Scorer, make_row
from gapsmith.evaluators.base import GapsmithError, Instance


def rescore_programs(
    instances: Sequence[Instance],
    limit: int,
    scorer: Scorer,
    run: int | None = None,
    published: Sequence[PublishedValue] = (),
) -> Comparison:
    """Ranks archived programs and reference rules on instances.

    Args:
        instances: at least one; what is known of a program on them is not run again.
        limit: programs at most, in the order of `rank_candidates`; the rules come on top.
        scorer: runs programs, and keeps their scores.
        run: programs of one run only.
        published: bounds that the user's file gives.

    Raises:
        GapsmithError: when the archive holds no scored program of the problem.
    """
    problem = scorer.problem
    best = rank_programs(scorer.archive, problem.name, run, limit)
    found = [_find_current(Known.build(scorer.archive.find(row.program or 0), row), scorer) for row in best]
    if not found:
        place = f"archive {scorer.archive.location} holds no scored program of {problem.name}"
        raise GapsmithError(f"{place}; a run makes them: gapsmith run {problem.name}")
    programs = list({each.program: each for each in (*found, *_list_rules(scorer))}.values())
    baselines = scorer.find_baselines(instances)
    scale = make_scale(problem, instances, baselines)
    results = zip(programs, scorer.run(programs, instances, whole=True), strict=True)
    rows = sorted((make_row(program, result, scale) for program, result in results), key=_rank)
    known = BestKnown.build(instances, baselines, published, problem.maximise)
    findings = find_best_costs(instances, rows, problem.maximise)
    records = find_records(problem, instances, findings, known, scorer.executor, scorer.archive)
    return Comparison(problem, tuple(instances), baselines, tuple(rows), known, records)


def _list_rules(scorer: Scorer) -> list[Known]:
    entry, found = scorer.problem.entry, []
    for rule in scorer.problem.rules:
        screened = screen(rule.source(entry.name), entry)
        found.append(Known(_number(screened, scorer), screened.source, screened.size, rule.name))
    return found


def _find_current(known: Known, scorer: Scorer) -> Known:
    """Finds the program's number in this version of the problem."""
    if scorer.archive.find(known.program).version == scorer.problem.version:
        return known
    return replace(known, program=_number(screen(known.source, scorer.problem.entry), scorer))


def _number(screened: Screened, scorer: Scorer) -> int:
    """Returns the number of a program, recorded now if it is new."""
    problem, found = scorer.problem, screened
    return scorer.archive.add_program(problem.name, found.key, found.source, found.size, problem.version)[0]


def _rank(row: Scored) -> tuple[int, float, float]:
    """Ranks by solved instances, then by pooled gap, then by mean."""
    if row.aggregate is None:
        return len(row.failures), 0.0, 0.0
    return len(row.failures), row.aggregate.pooled_gap_percent or 0.0, row.aggregate.mean_gap_percent or 0.0
