"""The report of a run: opens the sealed test once, when the winner is chosen and its gain is claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.budget import Ledger
from gapsmith.agent.evaluating import Scored
from gapsmith.agent.finishing import Finale
from gapsmith.agent.formulating import formulation_report, is_formulation
from gapsmith.agent.leaderboards import Boards, Known, Member, boards
from gapsmith.agent.measuring import Measuring, scored
from gapsmith.agent.search.bench import Bench
from gapsmith.agent.search.front import FrontPoint
from gapsmith.agent.search.population import Elite
from gapsmith.agent.spending import Spending, spending
from gapsmith.evaluators.base import Instance


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
        claimed: the same as `gain` on the claim instances, against the rule that was best in training.
        generated: whether the claim instances are new; else they are a half of the user's validation instances.
        front: programs that none is better than in gap, time and size at once, on the test instances.
        spending: what the calls cost and gave.
        together: programs that complement each other in training, on the test instances.
        formulation: of a formulation, its speed and truth; see `formulating`.
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
    claimed: tuple[float, float, float] = (0.0, 0.0, 0.0)
    generated: bool = True
    spending: Spending | None = None
    front: tuple[FrontPoint, ...] = ()
    together: tuple[Member, ...] = ()
    formulation: Mapping[str, Any] | None = None


def make_report(
    run: int,
    model: str,
    finale: Finale,
    train: Bench | None,
    test: Sequence[Instance],
    by: Measuring,
    ledger: Ledger,
) -> Report:
    """Scores the winner, the reference rules and the leaderboards on the sealed test.

    Args:
        run: its number.
        model: who answered, as on the command line.
        finale: what the end of the search decided.
        train: the training bench: the leaderboards' programs are chosen by it; none without it.
        test: instances that nothing was chosen by.
        by: runs programs.
        ledger: what was spent.
    """
    bench, winner = by.bench(test), finale.winner
    programs: list[Known | Elite] = [winner, *_rules(by.archive, run)]
    results = zip(programs, by.run(programs, test), strict=True)
    best, *rules = (scored(program, result, bench.scale) for program, result in results)
    reference = min((rule for rule in rules if rule.aggregate), key=_pooled, default=best)
    boarded = train is not None and not is_formulation(by.problem)  # it would take as long as the search
    beside = boards(run, train, bench, by) if train and boarded else Boards()
    return Report(
        run=run,
        problem=by.problem.name,
        model=model,
        evaluations=ledger.evaluations,
        calls=ledger.calls,
        usd=ledger.usd,
        seconds=ledger.seconds,
        best=best,
        best_id=winner.program,
        reference=reference,
        gain=bench.scale.gain(_costs(best), _costs(reference)) if best.aggregate else (0.0, 0.0, 0.0),
        fingerprint=by.archive.fingerprint(run),
        claimed=finale.claimed,
        generated=finale.generated,
        spending=spending(by.archive, run),
        front=beside.front,
        together=beside.together,
        formulation=formulation_report(by, winner, best, test),
    )


def _rules(archive: Archive, run: int) -> list[Known]:
    rows = [row for row in archive.candidates(run).values() if row.operator == "rule"]
    return [Known.of(archive.find(row.program), row) for row in rows if row.program is not None]


def _pooled(row: Scored) -> float:
    pooled = row.aggregate.pooled_gap_percent if row.aggregate else None
    return float("inf") if pooled is None else pooled


def _costs(row: Scored) -> list[float]:
    return [float(score.cost) for score in row.scores if score.cost is not None]
