"""Values as plain data for `--json` and as tables for people.

No work, no output.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gapsmith.agent.archive import CandidateRow, RunRow
from gapsmith.agent.archive.costs import format_dollars
from gapsmith.agent.evaluation.baselines.known_gaps import KnownGaps
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.reports.comparisons import (
    BEST_KNOWN_FIGURE,
    FIGURES,
    NAMED,
    _format_cells,
    describe_rejection,
    explain_figures,
    format_percent,
)
from gapsmith.agent.reports.formulations import describe_formulation
from gapsmith.agent.runs.final.entropy import Source
from gapsmith.agent.runs.final.report import EarlyEnd, Report
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.scoring import MIN_INSTANCES, Gain


def build_report_table(report: Report) -> Table:
    """Builds a table of winner and best rule on the sealed test."""
    used = f"{report.evaluations} evaluations, {report.calls} calls"
    spent = f"{used}, {format_dollars(report.usd)}, {report.seconds:.0f} s"
    title = f"run {report.run}: {report.problem}, {report.model}"
    table = Table(title=title, caption=f"{spent}\n{_describe_counts(report)}")
    table.add_column("sealed test" if report.left_out is None else "own instances")
    known = report.known if report.known and report.known.is_shown else None
    for heading in (*FIGURES, *([BEST_KNOWN_FIGURE] if known else [])):
        table.add_column(heading, justify="right")
    names = _name_winner(report), f"{report.reference.entrant.name} (best rule)"
    gaps = (known.best, known.reference) if known else (None, None)
    for name, row, gap in zip(names, (report.best, report.reference), gaps, strict=True):
        extra = [format_percent(gap)] if known and row.aggregate else []
        table.add_row(name, *_format_cells(row), *extra)
    return table


def _name_winner(report: Report) -> str:
    name = report.best.entrant.name
    return f"program {report.best_id}" + ("" if name == str(report.best_id) else f" ({name})")


def summarise_report(report: Report) -> str:
    """Sums up a report in some sentences."""
    known = describe_known_gaps(report.known)
    return "\n".join(filter(None, [_summarise_winner(report), *known, describe_early_end(report.early)]))


def describe_known_gaps(known: KnownGaps | None) -> list[str]:
    """Says what gaps are to, and which solutions are new."""
    if known is None or not known.is_shown:
        return []
    origin = (
        f"Gaps are to the {known.gap_to}; to best known: {known.published} published values, {known.solved} "
        "solutions of the exact solver."
    )
    return [origin, *map(str, known.records), *(f"Contradiction: {each}." for each in known.contradictions)]


def describe_early_end(early: EarlyEnd | None) -> str:
    """Says what an early end left unspent, and what next."""
    if early is None:
        return ""
    left = ", ".join(f"{_format_limit(name, value)}" for name, value in early.unspent.items())
    slow = f"; none was faster in the last {early.slots} slots" if early.slots else ""
    if early.own:
        advice = "larger instances of your own"
    elif early.next_scale:
        advice = f"larger instances: --scale {early.next_scale}"
    else:
        advice = "less time for programs: --cpu-seconds"
    return (
        f"Ended early: program {early.program} is proven optimal on all {early.instances} training instances, and no "
        f"other can be better there{slow}. Unspent: {left}. Next, take {advice}; --whole-budget searches on."
    )


def _format_limit(name: str, value: float) -> str:
    if name == "usd":
        return format_dollars(value)
    return f"{value:.0f} {name}"


def _summarise_winner(report: Report) -> str:
    """Sums up the winner in a sentence or two."""
    rule = report.reference.entrant.name
    if report.best.aggregate is None:
        return f"Program {report.best_id} fails on the test: {describe_rejection(report.best)}."
    if report.left_out is not None:
        return _summarise_few(report, report.left_out)
    if report.best.entrant.name == rule:
        return f"No program is significantly better than {rule} (95 % level); {rule} is program {report.best_id}."
    if not report.best.entrant.name.isdecimal():
        return (
            f"No program is significantly better than {report.best.entrant.name} (95 % level), the best rule on the "
            f"{report.counts.selection} selection instances; on the test the best rule is {rule}."
        )
    if report.formulation:
        return f"Program {report.best_id} against {rule}:\n{describe_formulation(report.formulation)}"
    words = [
        f"Program {report.best_id} {_compare_gain(report.gain)} {rule}: {_format_gain(report.gain)}."
        + _describe_claim(report)
    ]
    return "\n".join([*words, *explain_figures([report.best, report.reference], MIN_INSTANCES)])


def _summarise_few(report: Report, left_out: float) -> str:
    """Sums up a report on instances that served in every split."""
    rule, winner = report.reference.entrant.name, report.best.entrant.name
    if winner.isdecimal():
        found = (
            f"Program {report.best_id} is {report.gain.points:.2f} points of pooled gap better than {rule}"
        )
    else:
        found = f"No program is better than {winner} whichever instance is left out; the figures are"
    return (
        f"{found} on the instances that programs learnt from.\nNo claim: the {report.counts.train} instances served in "
        f"training, too. Chosen without an instance and priced on it, each in turn, the best programs have "
        f"{left_out:.2f} % (leave-one-out)."
    )


def _compare_gain(gain: Gain) -> str:
    if gain.ci95 is None:
        return "against"
    if gain.ci95[0] > 0:
        return "is better than"
    return "is worse than" if gain.ci95[1] < 0 else "is not shown to differ from"


def _format_gain(gain: Gain) -> str:
    points = f"{gain.points:.2f} points of pooled gap"
    if gain.ci95 is None:
        return f"{points}; no claim: {gain.instances} instances, and at least {MIN_INSTANCES} are needed"
    return f"{points} (95 % interval {gain.ci95[0]:.2f} to {gain.ci95[1]:.2f}; {gain.instances} instances)"


def _describe_claim(report: Report) -> str:
    """Formats the gain on unused instances, if it was estimated."""
    if report.claimed is None:
        return ""
    if not report.claimed.instances:
        return (
            f"\nNo claim besides: {report.counts.validation} validation instances, which were all chosen by; "
            f"at least {2 * MIN_INSTANCES} are needed."
        )
    where = "new instances" if report.generated else "one half of the validation instances"
    late = [f"{each.instance} ({each.outcome})" for each in report.claimed.failures]
    out = f" It failed on {len(late)} more: {', '.join(late[:NAMED])}." if late else ""
    return f"\nOn {where}, by which nothing was chosen: {_format_gain(report.claimed)}.{out}"


def _describe_counts(report: Report) -> str:
    """Formats the numbers of instances behind the figures."""
    counts = report.counts
    if report.left_out is not None:
        return f"instances: {counts.train}, each in training, validation and test (cross-validation)"
    own = "" if report.generated else "; selection and claim are of the validation"
    own += "; drawn as the recording says" if counts.drawn is Source.RECORDING else ""
    return (
        f"instances: {counts.train} training, {counts.validation} validation, "
        f"{counts.selection} selection, {counts.claim} claim, {counts.test} test{own}"
    )


def build_front_table(row: RunRow) -> Table:
    """Builds a table of the Pareto front of a report.

    No program of it is dominated in gap, CPU time and size.
    """
    table = Table(title=f"run {row.id}: gap, time and size on the sealed test")
    table.caption = "chosen by training, priced on the test; the winner was chosen by other instances"
    for heading in ("id", "", "pooled gap %", "CPU ms", "size"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for point in (row.report or {})["front"]:
        cells = [f"{1000 * point['cpu_seconds']:.2f}", str(point["size"])]
        word = " ".join(filter(None, [point["name"], "winner" if point.get("winner") else ""]))
        table.add_row(str(point["id"]), word, format_percent(point["pooled_gap_percent"]), *cells)
    return table


def build_portfolio_table(row: RunRow) -> Table:
    """Builds a table of the portfolio of a report."""
    table = Table(title=f"run {row.id}: run the first k, take the best; on the sealed test")
    for heading in ("k runs", "id", "rule", "pooled gap % together"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for member in (row.report or {})["together"]:
        gap = format_percent(member["pooled_gap_percent"])
        table.add_row(str(member["runs"]), str(member["id"]), member["name"], gap)
    return table


def format_outcome(row: CandidateRow) -> str:
    """Formats the outcome of a candidate.

    A rule is measured on validation instances, but passes no gate.
    """
    if row.operator == "rule" and row.outcome == CandidateOutcome.OK:
        return "reference rule"
    return f"gate: {row.gate}" if row.gate else row.outcome


def encode_run(row: RunRow) -> dict[str, Any]:
    """Encodes a run, for `runs`."""
    report: Mapping[str, Any] = row.report or {}
    spent = report.get("spending") or {}
    return {
        "run": row.id,
        "problem": row.problem,
        "model": hide_login(row.model),
        "seed": row.seed,
        "status": row.status,
        "seconds": row.seconds,
        "best": report.get("best"),
        "claimed": report.get("claimed"),
        "fingerprint": report.get("fingerprint"),
        **{name: spent.get(name) for name in ("calls", "usd", "cached_share", "usd_per_champion")},
    }


LONGEST_NAME = 26
"""Names up to this length stand in one line of a narrow terminal, whatever else is folded."""


def format_seconds(seconds: float) -> str:
    """Formats a duration, such as 45 s, 12 min or 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _format_dollars(report: Mapping[str, Any] | None) -> str:
    usd = (report or {}).get("usd", 0.0)
    return "–" if usd is None else f"{usd:.2f}"


def build_run_table(rows: Sequence[RunRow]) -> Table:
    """Builds a table of runs."""
    table = Table(
        title="runs (gaps pooled on the sealed test)", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    figures = ("run", "seed", "time", "$", "winner", "gap %")
    longest = max((len(row.problem) for row in rows), default=0)
    paid = any(row.report and row.report.get("usd", 0.0) != 0.0 for row in rows)
    for heading in ("run", "problem", "model", "seed", "status", "time", "$", "winner", "gap %"):
        if heading == "$" and not paid:
            continue
        # Names and states are typed into other commands: they are folded, never cut.
        table.add_column(
            heading,
            justify="right" if heading in figures else "left",
            overflow="fold",
            no_wrap=heading != "model" and (heading != "problem" or longest <= LONGEST_NAME),
        )
    for row in rows:
        best = (row.report or {}).get("best") or {}
        cells = [
            row.id,
            row.problem,
            hide_login(row.model),
            row.seed,
            row.status,
            format_seconds(row.seconds),
            *([_format_dollars(row.report)] if paid else []),
            best.get("id", ""),
        ]
        table.add_row(*map(str, cells), format_percent(best.get("pooled_gap_percent")))
    return table
