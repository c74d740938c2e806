"""Values as plain data for `--json` and as tables for people. No work, no output."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive import CandidateRow, RunRow
from gapsmith.agent.archive.costs import dollars, spending_json
from gapsmith.agent.codegen.instance_text import exact
from gapsmith.agent.codegen.sanitize import untrusted
from gapsmith.agent.evaluation.compare import Comparison, Scored
from gapsmith.agent.models.spec import without_login
from gapsmith.agent.runs.final.entropy import Source
from gapsmith.agent.runs.final.formulation import told
from gapsmith.agent.runs.final.leaderboards import Member
from gapsmith.agent.runs.final.pareto import FrontPoint
from gapsmith.agent.runs.final.report import Report
from gapsmith.evaluators.base import Baseline, Instance, Problem
from gapsmith.evaluators.scoring import FEWEST, Aggregate, Gain, Score, gap_percent

FIGURES = ("mean gap %", "pooled gap %", "95 % interval", "optimal", "CPU ms")
NAMED = 3
"""Failed instances that a sentence names."""
AGGREGATES = ("mean_gap_percent", "pooled_gap_percent", "optimal_share", "cpu_seconds")


def aggregate_fields(aggregate: Aggregate | None) -> dict[str, Any]:
    """The fields that every row of figures has; null where the program failed."""
    found: dict[str, Any] = {name: _finite(getattr(aggregate, name, None)) for name in AGGREGATES}
    interval = aggregate.ci95 if aggregate else None
    return {**found, "ci95": [_finite(limit) for limit in interval] if interval else None}


def failures_json(row: Scored) -> list[dict[str, str]]:
    """The instances that a program failed on."""
    return [vars(failure) for failure in row.failures]


def check_json(comparison: Comparison) -> dict[str, Any]:
    """The answer of `check`."""
    levels = [score.level for row in comparison.rows for score in row.scores]
    return {
        "problem": comparison.problem.name,
        "isolation": min(levels).name if levels else None,
        "files": [_file_json(row, comparison) for row in comparison.rows],
    }


def _file_json(row: Scored, comparison: Comparison) -> dict[str, Any]:
    fields = aggregate_fields(row.aggregate)
    del fields["ci95"]
    pairs = zip(comparison.instances, row.scores, strict=False)
    return {
        "file": row.entrant.name,
        "outcome": row.outcome,
        "message": row.message,
        **fields,
        "solved": row.solved,
        "instances": [_instance_json(i, s, comparison) for i, s in pairs],
    }


def _instance_json(instance: Instance, score: Score, comparison: Comparison) -> dict[str, Any]:
    baseline = comparison.baselines[instance.digest]
    gap = None if score.cost is None else gap_percent(score.cost, baseline, comparison.problem.maximise)
    return {
        "instance": instance.name,
        "outcome": score.outcome,
        "message": score.message,
        "cost": score.cost,
        "lower": _finite(baseline.lower),
        "upper": _finite(baseline.upper),
        "proven": baseline.proven,
        "gap_percent": _finite(gap),
        "cpu_seconds": score.cpu_seconds,
    }


def compare_json(comparison: Comparison) -> dict[str, Any]:
    """The answer of `compare`."""
    rows = [
        {
            "name": row.entrant.name,
            "outcome": row.outcome,
            **aggregate_fields(row.aggregate),
            "solved": row.solved,
            "failures": failures_json(row),
        }
        for row in comparison.rows
    ]
    return {"problem": comparison.problem.name, "instances": len(comparison.instances), "rows": rows}


def compare_table(comparison: Comparison) -> Table:
    """Programs side by side."""
    count, proven = len(comparison.instances), sum(b.proven for b in comparison.baselines.values())
    against = (
        "all optima proven" if proven == len(comparison.baselines) else f"{proven} optima proven, else bounds"
    )
    table = Table(title=f"{comparison.problem.title}: {count} instances, {against}")
    for heading in ("program", *FIGURES):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    for row in comparison.rows:
        table.add_row(Text(row.entrant.name), *_cells(row))
    table.caption = "\n".join(escape(note) for note in notes(comparison.rows, count)) or None
    return table


def notes(rows: Sequence[Scored], count: int) -> list[str]:
    """What the figures of some rows do not say, a sentence each.

    Args:
        rows: of a table.
        count: how many instances they were to solve.
    """
    few = [f"No interval: {count} instances; at least {FEWEST} are needed."] if count < FEWEST else []
    return [*few, *(failed(row) for row in rows if row.failures and row.aggregate)]


def failed(row: Scored) -> str:
    """Which instances a program failed on, in a sentence."""
    named = [f"{each.instance} ({each.outcome})" for each in row.failures[:NAMED]]
    more = f" and {len(row.failures) - NAMED} more" if len(row.failures) > NAMED else ""
    name, whole = row.entrant.name, len(row.scores)
    return (
        f"{name} failed on {len(row.failures)} of {whole} instances: {', '.join(named)}{more}; "
        f"its figures are of the other {row.solved}."
    )


def _cells(row: Scored) -> list[str | Text]:
    a = row.aggregate
    if a is None:
        return [Text(f"{row.outcome}: {untrusted(row.message, 200)}", style="red")]
    interval = f"{a.ci95[0]:.2f} to {a.ci95[1]:.2f}" if a.ci95 else "–"
    return [
        _percent(a.mean_gap_percent),
        _percent(a.pooled_gap_percent),
        interval,
        f"{100 * a.optimal_share:.1f} %",
        f"{1000 * a.cpu_seconds:.2f}",
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def solve_json(solved: Sequence[tuple[Instance, Baseline]]) -> list[dict[str, Any]]:
    """The answer of `solve`."""
    return [
        {
            "instance": instance.name,
            "lower": _finite(baseline.lower),
            "upper": _finite(baseline.upper),
            "status": baseline.status,
            "solver": baseline.solver,
            "seconds": baseline.seconds,
            "solution": baseline.solution,
        }
        for instance, baseline in solved
    ]


def _finite(value: float | None) -> float | None:
    """JSON has no word for infinity, which a bound that is not known has, and a gap to an optimum of 0."""
    return value if value is not None and math.isfinite(value) else None


def solve_table(solved: Sequence[tuple[Instance, Baseline]]) -> Table:
    """Exact results, a line each."""
    proven = sum(baseline.proven for _, baseline in solved)
    table = Table(title=f"{proven} of {len(solved)} proven optimal")
    for heading in ("instance", "lower", "upper", "status", "solver", "CPU s"):
        table.add_column(heading, justify="left" if heading in ("instance", "status", "solver") else "right")
    for instance, b in solved:
        table.add_row(
            instance.name, exact(b.lower, 12), exact(b.upper, 12), b.status, b.solver, f"{b.seconds:.3f}"
        )
    return table


def report_json(report: Report) -> dict[str, Any]:
    """The answer of `run`."""
    return {
        "run": report.run,
        "problem": report.problem,
        "model": without_login(report.model),
        "evaluations": report.evaluations,
        "calls": report.calls,
        "usd": report.usd,
        "seconds": report.seconds,
        "best": {"id": report.best_id, **_figures(report.best)},
        "reference": {"id": None, **_figures(report.reference)},
        "gain": _gain_json(report.gain),
        "counts": vars(report.counts),
        "fingerprint": report.fingerprint,
        "claimed": {**_gain_json(report.claimed), "generated": report.generated},
        "front": [_point_json(point, report.best_id) for point in report.front],
        "together": [_member_json(k, member) for k, member in enumerate(report.together, 1)],
        "spending": spending_json(report.spending) if report.spending else None,
        **({"formulation": dict(report.formulation)} if report.formulation else {}),
    }


def _gain_json(gain: Gain | None) -> dict[str, Any]:
    """A gain, zero where there is none; without an interval it is no claim."""
    gain = gain or Gain(0.0, None, 0)
    interval = [_finite(limit) for limit in gain.ci95] if gain.ci95 else None
    return {
        "pooled_gap_points": _finite(gain.points),
        "ci95": interval,
        "instances": gain.instances,
        "needed": FEWEST,
        "failures": [vars(failure) for failure in gain.failures],
    }


def _point_json(point: FrontPoint, winner: int) -> dict[str, Any]:
    figures = {"pooled_gap_percent": _finite(point.gap), "cpu_seconds": point.cpu_seconds, "size": point.size}
    return {"id": point.program, "name": point.name, **figures, "winner": point.program == winner}


def _member_json(runs: int, member: Member) -> dict[str, Any]:
    return {
        "id": member.program,
        "name": member.name,
        "runs": runs,
        "pooled_gap_percent": _finite(member.gap),
    }


def _figures(row: Scored) -> dict[str, Any]:
    solved = {"outcome": row.outcome, "solved": row.solved, "failures": failures_json(row)}
    return {"name": row.entrant.name, **aggregate_fields(row.aggregate), **solved, "split": "test"}


def report_table(report: Report) -> Table:
    """The winner and the best reference rule on the sealed test."""
    spent = f"{report.evaluations} evaluations, {report.calls} calls, {dollars(report.usd)}, {report.seconds:.0f} s"
    title = f"run {report.run}: {report.problem}, {report.model}"
    table = Table(title=title, caption=f"{spent}\n{_counted(report)}")
    for heading in ("sealed test", *FIGURES):
        table.add_column(heading, justify="left" if heading == "sealed test" else "right")
    table.add_row(_winner(report), *_cells(report.best))
    table.add_row(f"{report.reference.entrant.name} (best rule)", *_cells(report.reference))
    return table


def _winner(report: Report) -> str:
    name = report.best.entrant.name
    return f"program {report.best_id}" + ("" if name == str(report.best_id) else f" ({name})")


def verdict(report: Report) -> str:
    """What the report comes to, a sentence or two."""
    rule = report.reference.entrant.name
    if report.best.aggregate is None:
        return f"Program {report.best_id} fails on the test: {report.best.outcome}."
    if report.best.entrant.name == rule:
        return f"Nothing is surely better than {rule}, which is program {report.best_id}."
    if not report.best.entrant.name.isdecimal():
        return (
            f"Nothing is surely better than {report.best.entrant.name}, the best rule on the "
            f"{report.counts.selection} instances that choose; on the test that is {rule}."
        )
    if report.formulation:
        return f"Program {report.best_id} against {rule}:\n{told(report.formulation)}"
    words = [f"Program {report.best_id} {_word(report.gain)} {rule}: {_points(report.gain)}.{_claim(report)}"]
    return "\n".join([*words, *notes([report.best, report.reference], FEWEST)])


def _word(gain: Gain) -> str:
    if gain.ci95 is None:
        return "against"
    if gain.ci95[0] > 0:
        return "is better than"
    return "is worse than" if gain.ci95[1] < 0 else "is not shown to differ from"


def _points(gain: Gain) -> str:
    points = f"{gain.points:.2f} points of pooled gap"
    if gain.ci95 is None:
        return f"{points}; no claim: {gain.instances} instances, and at least {FEWEST} are needed"
    return f"{points} (95 % interval {gain.ci95[0]:.2f} to {gain.ci95[1]:.2f}; {gain.instances} instances)"


def _claim(report: Report) -> str:
    """The gain on the instances by which nothing was chosen, if there was such a claim."""
    if report.claimed is None:
        return ""
    if not report.claimed.instances:
        return (
            f"\nNo claim besides: {report.counts.validation} validation instances, which were all chosen by; "
            f"at least {2 * FEWEST} are needed."
        )
    where = "new instances" if report.generated else "one half of the validation instances"
    late = [f"{each.instance} ({each.outcome})" for each in report.claimed.failures]
    out = f" It failed on {len(late)} more: {', '.join(late[:NAMED])}." if late else ""
    return f"\nOn {where}, by which nothing was chosen: {_points(report.claimed)}.{out}"


def _counted(report: Report) -> str:
    """The instances behind the figures, in a line."""
    counts = report.counts
    own = "" if report.generated else "; selection and claim are of the validation"
    own += "; drawn as the recording says" if counts.drawn is Source.RECORDING else ""
    return (
        f"instances: {counts.train} training, {counts.validation} validation, "
        f"{counts.selection} selection, {counts.claim} claim, {counts.test} test{own}"
    )


def front_table(row: RunRow) -> Table:
    """The front of a run's report: none is worse than another in gap, time and size at once."""
    table = Table(title=f"run {row.id}: gap, time and size on the sealed test")
    table.caption = "chosen by training, priced on the test; the winner was chosen by other instances"
    for heading in ("id", "", "pooled gap %", "CPU ms", "size"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for point in (row.report or {})["front"]:
        cells = [f"{1000 * point['cpu_seconds']:.2f}", str(point["size"])]
        word = " ".join(filter(None, [point["name"], "winner" if point.get("winner") else ""]))
        table.add_row(str(point["id"]), word, _percent(point["pooled_gap_percent"]), *cells)
    return table


def set_table(row: RunRow) -> Table:
    """The set of a run's report, by how many of it are run."""
    table = Table(title=f"run {row.id}: run the first k, take the best; on the sealed test")
    for heading in ("k runs", "id", "rule", "pooled gap % together"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for member in (row.report or {})["together"]:
        gap = _percent(member["pooled_gap_percent"])
        table.add_row(str(member["runs"]), str(member["id"]), member["name"], gap)
    return table


def candidate_json(row: CandidateRow) -> dict[str, Any]:
    """A line of `best` or `lineage`."""
    return {
        "id": row.program,
        "name": row.name,
        "run": row.run,
        "slot": row.slot,
        "operator": row.operator,
        "parents": row.parents,
        "outcome": row.outcome,
        "message": row.message,
        "train_gap_percent": _finite(row.train_gap),
        "validation_gap_percent": _finite(row.validation_gap),
        "gate": row.gate,
    }


def candidate_table(
    rows: Sequence[CandidateRow], title: str, winners: Collection[int | None] = frozenset()
) -> Table:
    """Candidates, a line each; the programs that runs handed over are marked."""
    table = Table(title=f"{title} (gaps in training and validation)")
    for heading in ("id", "from", "parents", "run.slot", "verdict", "train %", "valid. %"):
        table.add_column(heading, no_wrap=heading == "id")
    for row in rows:
        parents = " ".join(map(str, row.parents))
        verdict = "winner" if row.program in winners else _verdict(row)
        cells = [
            row.program,
            row.name or row.operator,
            parents,
            f"{row.run}.{'end' if row.slot < 0 else row.slot}",
            verdict,
        ]
        table.add_row(*map(str, cells), _percent(row.train_gap), _percent(row.validation_gap))
    return table


def _verdict(row: CandidateRow) -> str:
    """What became of a candidate; a rule is measured on validation instances, and passes nothing."""
    if row.operator == "rule" and row.outcome == "ok":
        return "reference rule"
    return f"gate: {row.gate}" if row.gate else row.outcome


def run_json(row: RunRow) -> dict[str, Any]:
    """A line of `runs`."""
    report: Mapping[str, Any] = row.report or {}
    spent = report.get("spending") or {}
    return {
        "run": row.id,
        "problem": row.problem,
        "model": without_login(row.model),
        "seed": row.seed,
        "status": row.status,
        "seconds": row.seconds,
        "best": report.get("best"),
        "claimed": report.get("claimed"),
        "fingerprint": report.get("fingerprint"),
        **{name: spent.get(name) for name in ("calls", "usd", "cached_share", "usd_per_champion")},
    }


def _cents(report: Mapping[str, Any] | None) -> str:
    usd = (report or {}).get("usd", 0.0)
    return "–" if usd is None else f"{usd:.2f}"


def run_table(rows: Sequence[RunRow]) -> Table:
    """Runs, a line each."""
    table = Table(title="runs")
    for heading in ("run", "problem", "model", "seed", "status", "seconds", "$", "winner", "pooled gap %"):
        table.add_column(heading)
    for row in rows:
        best = (row.report or {}).get("best") or {}
        cells = [
            row.id,
            row.problem,
            without_login(row.model),
            row.seed,
            row.status,
            f"{row.seconds:.0f}",
            _cents(row.report),
            best.get("id", ""),
        ]
        table.add_row(*map(str, cells), _percent(best.get("pooled_gap_percent")))
    return table


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem's card."""
    return {
        "name": problem.name,
        "title": problem.title,
        "brief": problem.brief,
        "entry": problem.entry.signature,
        "arguments": [vars(argument) for argument in problem.entry.arguments],
        "returns": problem.entry.returns,
        "strata": list(problem.strata),
        "rules": [{"name": rule.name, "source": rule.citation} for rule in problem.rules],
    }


def card_text(card: Mapping[str, Any]) -> str:
    """A problem's card for people."""
    arguments = [f"  {a['name']}: {a['type']}; {a['meaning']}" for a in card["arguments"]]
    rules = [f"  {rule['name']}: {rule['source']}" for rule in card["rules"]]
    parts = [
        card["title"],
        "",
        card["brief"],
        "",
        card["entry"],
        *arguments,
        f"returns {card['returns']}",
        "",
        "Reference rules:",
    ]
    return "\n".join([*parts, *rules])
