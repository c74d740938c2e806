"""The report of a run: opens the sealed test once, for the winner and the reference rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.agent.archive import Archive
from gapsmith.agent.baselines import Progress as Doing
from gapsmith.agent.baselines import silent
from gapsmith.agent.budget import Ledger
from gapsmith.agent.evaluating import Entrant, Scored, evaluate
from gapsmith.agent.executor import Executor
from gapsmith.agent.search.population import Elite
from gapsmith.evaluators.base import Instance, Problem


@dataclass(frozen=True)
class Report:
    """What a run found, on instances that neither drove the search nor gated it.

    Attributes:
        run: its number.
        problem: its name.
        model: as on the command line.
        evaluations: programs scored.
        calls: questions answered.
        usd: dollars.
        seconds: wall time.
        best: the winner on the test instances.
        best_id: its number in the archive.
        reference: the best reference rule on the same instances.
        gain: points of pooled gap by which the winner is better, with a 95 % paired bootstrap interval.
        fingerprint: equal for runs that made the same decisions.
    """

    run: int
    problem: str
    model: str
    evaluations: int
    calls: int
    usd: float
    seconds: float
    best: Scored
    best_id: int
    reference: Scored
    gain: tuple[float, float, float]
    fingerprint: str


def report_of(
    run: int,
    problem: Problem,
    model: str,
    champion: Elite,
    test: Sequence[Instance],
    executor: Executor,
    archive: Archive,
    ledger: Ledger,
    seconds: float = 60.0,
    doing: Doing = silent,
) -> Report:
    """Scores the champion and the reference rules on the sealed test, and says what came of it.

    Args:
        run: its number.
        problem: what it worked on.
        model: who answered, as on the command line.
        champion: the winner.
        test: instances that nothing was chosen by.
        executor: where programs run.
        archive: keeps exact results, and the champion's scores.
        ledger: what was spent.
        seconds: limit of the exact method for each instance.
        doing: told as the work goes on.
    """
    entry = problem.entry.name
    entrants = [Entrant(champion.name or str(champion.program), champion.source)]
    entrants += [Entrant(rule.name, rule.source(entry)) for rule in problem.rules]
    comparison = evaluate(problem, entrants, test, executor, archive, seconds, doing)
    best, *rules = comparison.rows
    reference = min((rule for rule in rules if rule.aggregate), key=_pooled, default=best)
    gain = comparison.scale.gain(_costs(best), _costs(reference)) if best.aggregate else (0.0, 0.0, 0.0)
    archive.add_scores(champion.program, list(zip(comparison.instances, best.scores, strict=True)))
    return Report(
        run,
        problem.name,
        model,
        ledger.evaluations,
        ledger.calls,
        ledger.usd,
        ledger.seconds,
        best,
        champion.program,
        reference,
        gain,
        archive.fingerprint(run),
    )


def _pooled(row: Scored) -> float:
    pooled = row.aggregate.pooled_gap_percent if row.aggregate else None
    return float("inf") if pooled is None else pooled


def _costs(row: Scored) -> list[float]:
    return [float(score.cost) for score in row.scores if score.cost is not None]
