"""The report of a run, with the sealed test.

The test is opened once, when the winner is chosen and its gain is claimed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gapsmith.agent.archive import Archive
from gapsmith.agent.archive.costs import CostSummary, summarise_costs
from gapsmith.agent.evaluation.baselines.known_gaps import KnownGaps, measure_known_gaps
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.scores import Known, Scorer, make_row
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.final.entropy import Source
from gapsmith.agent.runs.final.formulation import report_formulation
from gapsmith.agent.runs.final.leaderboards import Boards, Member, make_leaderboards
from gapsmith.agent.runs.final.pareto import FrontPoint
from gapsmith.agent.runs.final.selection import Finale
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.agent.search.instances import Splits
from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.scoring import Gain


@dataclass(frozen=True)
class Counts:
    """The numbers of instances behind a run's figures, and their source.

    Attributes:
        train: drove the search.
        validation: gated it.
        selection: chose the winner; of one's own files these are some of the validation's.
        claim: priced the claim; likewise.
        test: priced the winner and the reference rules.
        drawn: where the seed of generated last instances is from; see `drawing`.
    """

    train: int
    validation: int
    selection: int
    claim: int
    test: int
    drawn: Source


@dataclass(frozen=True)
class EarlyEnd:
    """The end of a search that solved all training instances.

    Attributes:
        program: its number in the archive.
        instances: training instances, all with a proven optimum that the program has.
        unspent: what is left of each limit of the budget.
        next_scale: the scale with larger instances; empty where there is none, or where instances are the user's.
        own: whether the instances are the user's.
        slots: without a faster program before the end; 0 where CPU time was no goal.
    """

    program: int
    instances: int
    unspent: Mapping[str, float]
    next_scale: str
    own: bool
    slots: int = 0


@dataclass(frozen=True)
class Report:
    """The results of a run on the sealed test.

    Attributes:
        run: its number.
        problem: its name.
        model: as on the command line.
        evaluations: programs scored.
        calls: questions answered.
        usd: dollars; None where the price of a call is not known.
        seconds: wall time.
        best: the winner on the test instances.
        best_id: its number in the archive.
        reference: the best reference rule on the same instances.
        gain: by how much the winner is better than the rule, on the test instances that both solved.
        fingerprint: equal for runs that made the same decisions.
        counts: the instances behind all that.
        claimed: the same as `gain` on the claim instances, against the rule that was best where the winner was
            chosen; None where the winner is a rule.
        generated: whether the claim instances are new; else they are a half of the user's validation instances.
        left_out: where the user's instances are so few that each served in every split: the gap that leave-one-out
            cross-validation gives, in percent; else None.
        front: programs that none is better than in gap, time and size at once, on the test instances.
        spending: what the calls cost and gave.
        together: programs that complement each other in training, on the test instances.
        early: of a search that ended before its budget was used, since its best program is optimal in training.
        known: how winner and rule stand to the best values known.
        formulation: of a formulation, its speed and truth; see `formulating`.
    """

    run: int
    problem: str
    model: str
    evaluations: int
    calls: int
    usd: float | None
    seconds: float
    best: Scored
    best_id: int
    reference: Scored
    gain: Gain
    fingerprint: str
    counts: Counts
    claimed: Gain | None = None
    generated: bool = True
    left_out: float | None = None
    spending: CostSummary | None = None
    front: tuple[FrontPoint, ...] = ()
    together: tuple[Member, ...] = ()
    early: EarlyEnd | None = None
    known: KnownGaps | None = None
    formulation: Mapping[str, Any] | None = None

    def _repr_html_(self) -> str:
        """Formats winner and best rule for a notebook; text is escaped."""
        head = Markup("<p>Run {}: {}, {}; {} evaluations</p>").format(
            self.run, self.problem, hide_login(self.model), self.evaluations
        )
        rows = [_format_row(f"program {self.best_id}", self.best)]
        rows.append(_format_row(f"{self.reference.entrant.name} (best rule)", self.reference))
        headings = ("sealed test", "pooled gap %", "95 % interval", "optimal %", "CPU ms")
        titles = Markup("").join(Markup("<th>{}</th>").format(each) for each in headings)
        table = Markup("<table><tr>{}</tr>{}</table>").format(titles, Markup("").join(rows))
        return str(head + table + Markup("<p>{}</p>").format(_format_gain(self.gain)))


def _format_row(name: str, row: Scored) -> Markup:
    """Formats a program as a row of an HTML table."""
    found = row.aggregate
    cells = [name, row.outcome, "–", "–", "–"]
    if found is not None:
        limits = f"{found.ci95[0]:.3f} to {found.ci95[1]:.3f}" if found.ci95 else "–"
        pooled = "–" if found.pooled_gap_percent is None else f"{found.pooled_gap_percent:.3f}"
        cells = [name, pooled, limits, f"{100 * found.optimal_share:.1f}", f"{1000 * found.cpu_seconds:.2f}"]
    inside = Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells)
    return Markup("<tr>{}</tr>").format(inside)


def _format_gain(gain: Gain) -> str:
    limits = f"95 % interval {gain.ci95[0]:.3f} to {gain.ci95[1]:.3f}" if gain.ci95 else "no claim"
    return f"Gain: {gain.points:.3f} points of pooled gap ({limits}; {gain.instances} instances)"


def make_report(
    run: int,
    model: str,
    finale: Finale,
    splits: Splits,
    test: Sequence[Instance],
    scorer: Scorer,
    ledger: Ledger,
    drawn: Source,
    left_out: float | None = None,
    early: EarlyEnd | None = None,
    supply: InstanceSupply | None = None,
) -> Report:
    """Scores winner, reference rules and leaderboards on the sealed test.

    Args:
        run: its number.
        model: its name, as on the command line.
        finale: what the end of the search decided.
        splits: training, by which the leaderboards' programs are chosen, and validation.
        test: instances that nothing was chosen by.
        scorer: runs programs.
        ledger: what was spent.
        drawn: where the seed of the last instances is from.
        left_out: see `Report`.
        early: see `Report`.
        supply: knows the user's instances, and published values of them.
    """
    bench, winner = scorer.build_instance_set(test), finale.winner
    best = make_row(winner, scorer.run_alone(winner, test), bench.scale)
    programs = _score_rules(scorer.archive, run)
    results = zip(programs, scorer.run(programs, test, whole=True), strict=True)
    rules = [make_row(program, result, bench.scale) for program, result in results]
    reference = min((rule for rule in rules if rule.aggregate), key=_rank, default=best)
    own, published = (supply.list_own(test), supply.published) if supply else ([], ())
    known = measure_known_gaps((best, reference), test, own, published, scorer)
    # Where evaluations are expensive, leaderboards would take as long as the search.
    beside = (
        Boards()
        if scorer.problem.expensive
        else make_leaderboards(run, winner.program, splits.train, bench, scorer)
    )
    return Report(
        run=run,
        problem=scorer.problem.name,
        model=model,
        evaluations=ledger.evaluations,
        calls=ledger.calls,
        usd=ledger.dollars,
        seconds=ledger.seconds,
        best=best,
        best_id=winner.program,
        reference=reference,
        gain=bench.scale.compare(best.scores, reference.scores),
        fingerprint=scorer.archive.compute_fingerprint(run),
        counts=_count_instances(finale, splits, test, drawn),
        claimed=finale.claimed,
        generated=finale.generated,
        left_out=left_out,
        spending=summarise_costs(scorer.archive, run),
        front=beside.front,
        together=beside.together,
        early=early,
        known=known,
        formulation=report_formulation(scorer, winner, best, test),
    )


def _score_rules(archive: Archive, run: int) -> list[Known]:
    rows = [row for row in archive.read_candidates(run).values() if row.operator == "rule"]
    return [Known.build(archive.find(row.program), row) for row in rows if row.program is not None]


def _count_instances(finale: Finale, splits: Splits, test: Sequence[Instance], drawn: Source) -> Counts:
    train, validation = len(splits.train.instances), len(splits.validation.instances)
    return Counts(train, validation, finale.selection, finale.claim, len(test), drawn)


def _rank(row: Scored) -> tuple[int, float]:
    """Ranks rules by solved instances, then by gap."""
    pooled = row.aggregate.pooled_gap_percent if row.aggregate else None
    return len(row.failures), float("inf") if pooled is None else pooled
