"""Gaps of a run's winner to the best values known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue
from gapsmith.agent.evaluation.baselines.records import Finding, Record, find_records
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.evaluators.base import Baseline, Instance


@dataclass(frozen=True)
class KnownGaps:
    """How winner and best rule stand to the best values known before.

    Attributes:
        gap_to: what the other gaps are to: "optimum", "lower bound" or "upper bound".
        best: pooled gap of the winner to the best known values, in percent; negative where it is better.
        reference: the same of the best rule.
        published: number of test instances with a published best known value.
        solved: number of test instances with a best known value from the exact solver.
        records: verified solutions of the user's instances that are better than the best known.
        contradictions: sentences on published bounds that verified solutions refute.
    """

    gap_to: str
    best: float | None
    reference: float | None
    published: int
    solved: int
    records: tuple[Record, ...] = ()
    contradictions: tuple[str, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether gaps to best known values say more than gaps to optima."""
        return bool(self.published) or self.gap_to != "optimum"


def name_bound(baselines: Sequence[Baseline], maximise: bool) -> str:
    """Names what gaps are measured against: optimum, or a bound."""
    if all(baseline.proven for baseline in baselines):
        return "optimum"
    return "upper bound" if maximise else "lower bound"


def measure_known_gaps(
    rows: tuple[Scored, Scored],
    test: Sequence[Instance],
    own: Sequence[Instance],
    published: Sequence[PublishedValue],
    scorer: Scorer,
) -> KnownGaps:
    """Measures winner and best rule against the best values known.

    Args:
        rows: of winner and best rule, on the test.
        test: the test instances.
        own: the user's instances, of all parts, for which better solutions are kept.
        published: bounds that the user's file gives.
        scorer: finds bounds, and runs programs again.
    """
    own = list({each.digest: each for each in own}.values())  # few of the user's serve in every part
    problem, whole = scorer.problem, list({each.digest: each for each in (*test, *own)}.values())
    baselines = scorer.find_baselines(whole)
    known = BestKnown.build(whole, baselines, published, problem.maximise)
    tested = [each.digest for each in test if each.digest in known.values]
    count = sum(known.is_published(digest) for digest in tested)
    gaps = [known.compute_gap(test, [score.cost for score in row.scores]) for row in rows]
    findings = _find_best_costs(own, scorer)
    records = find_records(problem, own, findings, known, scorer.executor, scorer.archive)
    wrong = [
        known.find_contradiction(each, findings[each.digest].cost) for each in own if each.digest in findings
    ]
    return KnownGaps(
        name_bound([baselines[each.digest] for each in test], problem.maximise),
        gaps[0],
        gaps[1],
        count,
        len(tested) - count,
        records,
        tuple(dict.fromkeys(filter(None, wrong))),
    )


def _find_best_costs(own: Sequence[Instance], scorer: Scorer) -> Mapping[str, Finding]:
    """Finds the best archived cost of each instance, with its program."""
    problem, archive = scorer.problem, scorer.archive
    best = archive.read_best_costs(
        problem.name, [each.digest for each in own], problem.version, problem.maximise
    )
    return {
        digest: Finding(f"program {number}", archive.find(number).source, cost)
        for digest, (number, cost) in best.items()
    }
