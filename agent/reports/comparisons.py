"""Programs side by side, as JSON and as tables."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive.findings import format_compilation
from gapsmith.agent.codegen.instance_text import format_number
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.agent.evaluation.baselines.known_gaps import name_bound
from gapsmith.agent.evaluation.baselines.published import BestKnown
from gapsmith.agent.evaluation.compare import Comparison, Scored
from gapsmith.agent.runs.final.encoding import _replace_infinity, aggregate_fields, encode_failures
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.scoring import MIN_INSTANCES, Score, compute_gap_percent

FIGURES = ("mean gap %", "pooled gap %", "95 % interval", "optimal", "CPU ms")


BEST_KNOWN_FIGURE = "to best known %"


NAMED = 3
"""Failed instances that a sentence names."""


LONGEST_FAILURE = 2000
"""Characters of the message of a program that failed."""


def encode_check(comparison: Comparison) -> dict[str, Any]:
    """Encodes the result of `check`."""
    levels = [score.level for row in comparison.rows for score in row.scores]
    return {
        "problem": comparison.problem.name,
        "isolation": min(levels).name if levels else None,
        "gap_to": find_gap_to(comparison),
        "files": [_encode_file(row, comparison) for row in comparison.rows],
        **encode_records(comparison),
    }


def find_gap_to(comparison: Comparison) -> str | None:
    """Names what gaps are measured against; None where nothing ran."""
    baselines = list(comparison.baselines.values())
    return name_bound(baselines, comparison.problem.maximise) if baselines else None


def encode_best_gap(row: Scored, comparison: Comparison) -> dict[str, Any]:
    """Encodes a program's pooled gap to the best values known before."""
    gap = comparison.best.compute_gap(comparison.instances, [score.cost for score in row.scores])
    return {"best_known_gap_percent": gap}


def encode_records(comparison: Comparison) -> dict[str, Any]:
    """Encodes new best solutions, and published bounds that are wrong."""
    return {
        "records": [vars(record) for record in comparison.records],
        "contradictions": comparison.contradictions,
    }


def _encode_file(row: Scored, comparison: Comparison) -> dict[str, Any]:
    fields = {**aggregate_fields(row.aggregate), **encode_best_gap(row, comparison)}
    del fields["ci95"]
    pairs = zip(comparison.instances, row.scores, strict=False)
    return {
        "file": row.entrant.name,
        "outcome": row.outcome,
        "message": row.message,
        **fields,
        "solved": row.solved,
        "compile_seconds": max((score.compile_seconds for score in row.scores), default=0.0),
        "instances": [_encode_instance(i, s, comparison) for i, s in pairs],
    }


def _encode_instance(instance: Instance, score: Score, comparison: Comparison) -> dict[str, Any]:
    baseline = comparison.baselines[instance.digest]
    gap = (
        None if score.cost is None else compute_gap_percent(score.cost, baseline, comparison.problem.maximise)
    )
    return {
        "instance": instance.name,
        "outcome": score.outcome,
        "message": score.message,
        "cost": score.cost,
        "lower": _encode_bound(baseline.lower),
        "upper": _encode_bound(baseline.upper),
        "proven": baseline.proven,
        "gap_percent": _replace_infinity(gap),
        **encode_best_known(instance, comparison.best),
        "cpu_seconds": score.cpu_seconds,
    }


def encode_best_known(instance: Instance, best: BestKnown) -> dict[str, Any]:
    """Encodes the best value known of an instance, with its source."""
    value, published = best.values.get(instance.digest), best.published.get(instance.digest)
    source = "published" if best.is_published(instance.digest) else "solved here"
    return {
        "best_known": None if value is None else _encode_bound(value),
        "best_known_source": None if value is None else source,
        "published": {"lower": published.lower, "upper": published.upper} if published else None,
    }


def _encode_bound(value: float) -> float | None:
    """Encodes a bound as a float, as archives have them."""
    finite = _replace_infinity(value)
    return int(finite) if finite is not None and finite == int(finite) else finite


def encode_comparison(comparison: Comparison) -> dict[str, Any]:
    """Encodes the result of `compare`."""
    rows = [
        {
            "name": row.entrant.name,
            "outcome": row.outcome,
            **aggregate_fields(row.aggregate),
            **encode_best_gap(row, comparison),
            "solved": row.solved,
            "failures": encode_failures(row),
        }
        for row in comparison.rows
    ]
    return {
        "problem": comparison.problem.name,
        "instances": len(comparison.instances),
        "gap_to": find_gap_to(comparison),
        "rows": rows,
        **encode_records(comparison),
    }


def render_comparison(comparison: Comparison) -> Group:
    """Renders programs in a table, with notes below it."""
    notes = [
        *explain_figures(comparison.rows, len(comparison.instances)),
        *_describe_compilation(comparison.rows),
    ]
    return Group(build_comparison_table(comparison), *map(Text, [*notes, *describe_best_known(comparison)]))


def _describe_compilation(rows: Sequence[Scored]) -> list[str]:
    """Says how long programs were compiled."""
    longest = {row.entrant.name: max((s.compile_seconds for s in row.scores), default=0.0) for row in rows}
    return [f"{name}: {format_compilation(seconds)}." for name, seconds in longest.items() if seconds]


def describe_best_known(comparison: Comparison) -> list[str]:
    """Says where the best known values are from, and what beats them."""
    best, records = comparison.best, comparison.records
    published = sum(best.is_published(digest) for digest in best.values)
    origin = (
        [
            f"Best known: {published} published values, {len(best.values) - published} solutions of the exact solver; "
            "a negative gap is better than these."
        ]
        if _is_best_known_shown(comparison)
        else []
    )
    hint = (
        [
            "Kept in the archive; write them with their certificates: gapsmith solve PROBLEM FILE --certificates FOLDER"
        ]
        if any(record.kept for record in records)
        else ["Not kept: `check` uses no archive; `compare` keeps them."]
        if records
        else []
    )
    wrong = [f"Contradiction: {each}." for each in comparison.contradictions]
    return [*origin, *map(str, records), *hint, *wrong]


def _is_best_known_shown(comparison: Comparison) -> bool:
    """Tells whether gaps to best known values are shown."""
    return bool(comparison.best.values) and (
        bool(comparison.best.published) or find_gap_to(comparison) != "optimum"
    )


def build_comparison_table(comparison: Comparison) -> Table:
    """Builds a table that compares programs."""
    count = len(comparison.instances)
    table = Table(title=f"{comparison.problem.title}: {count} instances{_describe_optima(comparison)}")
    extra = [BEST_KNOWN_FIGURE] if _is_best_known_shown(comparison) else []
    for heading in ("program", *FIGURES, *extra):
        table.add_column(heading, justify="left" if heading == "program" else "right", overflow="fold")
    for row in comparison.rows:
        gap = comparison.best.compute_gap(comparison.instances, [score.cost for score in row.scores])
        cells = _format_cells(row)
        table.add_row(
            Text(row.entrant.name), *cells, *([format_percent(gap)] if extra and row.aggregate else [])
        )
    return table


def _describe_optima(comparison: Comparison) -> str:
    """Says how many optima are proven; nothing where none was needed."""
    if not comparison.baselines:
        return ""
    proven = sum(baseline.proven for baseline in comparison.baselines.values())
    return (
        ", all optima proven"
        if proven == len(comparison.baselines)
        else f", {proven} optima proven: gap to {find_gap_to(comparison)}"
    )


def explain_figures(rows: Sequence[Scored], count: int) -> list[str]:
    """Explains missing figures, a sentence each.

    Args:
        rows: of a table.
        count: how many instances they were to solve.
    """
    few = (
        [f"No interval: {count} instances; at least {MIN_INSTANCES} are needed."]
        if count < MIN_INSTANCES and any(row.aggregate for row in rows)
        else []
    )
    return [*few, *(describe_failures(row) for row in rows if row.outcome != CandidateOutcome.OK)]


def describe_rejection(row: Scored) -> str:
    """Says in full why a program has no figures."""
    return ": ".join(
        filter(None, [row.outcome, " ".join(limit_untrusted(row.message, LONGEST_FAILURE).split())])
    )


def describe_failures(row: Scored) -> str:
    """Says in a sentence where and why a program failed."""
    if row.aggregate is None:
        return f"{row.entrant.name}: {describe_rejection(row)}"
    named = [f"{each.instance} ({each.outcome})" for each in row.failures[:NAMED]]
    more = f" and {len(row.failures) - NAMED} more" if len(row.failures) > NAMED else ""
    name, whole = row.entrant.name, len(row.scores)
    return (
        f"{name} failed on {len(row.failures)} of {whole} instances: {', '.join(named)}{more}; "
        f"its figures are of the other {row.solved}."
    )


def _format_cells(row: Scored) -> list[str | Text]:
    a = row.aggregate
    if a is None:
        return [Text("failed", style="red")]
    interval = f"{a.ci95[0]:.2f} to {a.ci95[1]:.2f}" if a.ci95 else "–"
    return [
        format_percent(a.mean_gap_percent),
        format_percent(a.pooled_gap_percent),
        interval,
        f"{100 * a.optimal_share:.1f} %",
        f"{1000 * a.cpu_seconds:.2f}",
    ]


def format_percent(value: float | None) -> str:
    """Formats a percentage to two digits; a dash for none."""
    return "–" if value is None else f"{value:.2f}"


def encode_solutions(solved: Sequence[tuple[Instance, Baseline]], best: BestKnown) -> list[dict[str, Any]]:
    """Encodes the result of `solve`."""
    return [encode_solution(instance, baseline, best) for instance, baseline in solved]


def encode_solution(instance: Instance, baseline: Baseline, best: BestKnown) -> dict[str, Any]:
    """Encodes the bounds of an instance with the solution behind them."""
    return {
        "instance": instance.name,
        "lower": _encode_bound(baseline.lower),
        "upper": _encode_bound(baseline.upper),
        "status": baseline.status,
        "gap_percent": _compute_own_gap(baseline, best.maximise),
        **encode_best_known(instance, best),
        "solver": baseline.solver,
        "seconds": baseline.seconds,
        "solution": baseline.solution,
    }


def _compute_own_gap(baseline: Baseline, maximise: bool) -> float | None:
    """Returns the gap between solution and bound, in percent."""
    value = baseline.lower if maximise else baseline.upper
    return _replace_infinity(compute_gap_percent(value, baseline, maximise))


def build_solution_table(solved: Sequence[tuple[Instance, Baseline]], best: BestKnown) -> Table:
    """Builds a table of exact results, with published values if given."""
    proven = sum(baseline.proven for _, baseline in solved)
    table = Table(title=f"{proven} of {len(solved)} proven optimal")
    extra = ["published"] if best.published else []
    for heading in ("instance", "lower", "upper", "gap %", *extra, "status", "solver", "CPU s"):
        left = heading in ("instance", "status", "solver")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for instance, b in solved:
        table.add_row(
            instance.name,
            format_number(b.lower, 12),
            format_number(b.upper, 12),
            format_percent(_compute_own_gap(b, best.maximise)),
            *([_format_published(instance, best)] if extra else []),
            b.status,
            b.solver,
            f"{b.seconds:.3f}",
        )
    return table


def _format_published(instance: Instance, best: BestKnown) -> str:
    """Formats published bounds: one value where they are equal."""
    value = best.published.get(instance.digest)
    bounds = ("–" if bound is None else str(bound) for bound in ((value.lower, value.upper) if value else ()))
    return " to ".join(dict.fromkeys(bounds)) or "–"


def describe_better_solutions(solved: Sequence[tuple[Instance, Baseline]], best: BestKnown) -> list[str]:
    """Says which solutions are better than the published ones."""
    found = []
    for instance, baseline in solved:
        value = best.published.get(instance.digest)
        before = None if value is None else value.lower if best.maximise else value.upper
        here = baseline.lower if best.maximise else baseline.upper
        if before is not None and (here > before if best.maximise else here < before):
            found.append(
                f"New best solution of {instance.name}: {here:g} by {baseline.solver}, verified; the best published "
                f"was {before}."
            )
    return found
