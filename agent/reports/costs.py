"""The costs of calls, as a table."""

from rich.table import Table

from gapsmith.agent.archive.costs import CostLine, CostSummary
from gapsmith.agent.codegen.sanitize import limit_untrusted


def build_cost_table(found: CostSummary) -> Table:
    """Builds a table of costs by model and by operator."""
    table = Table(
        title="what the calls cost", caption="$ for a best: in training; for a champion: past the gate"
    )
    for heading in ("asked", "calls", "$", "tokens in", "cached", "tokens out", "$ for a best", "champion"):
        table.add_column(heading, justify="left" if heading == "asked" else "right", overflow="fold")
    for group in (found.models, found.operators, (found.whole,)):
        for spent in group:
            table.add_row(limit_untrusted(spent.name, 60), *_format_cells(spent))
        table.add_section()
    return table


def _format_cells(spent: CostLine) -> list[str]:
    share = "–" if spent.cached_share is None else f"{100 * spent.cached_share:.0f} %"
    tokens = [f"{spent.tokens_in:,}", share, f"{spent.tokens_out:,}"]
    return [
        str(spent.calls),
        _format_dollars(spent.usd),
        *tokens,
        _format_dollars(spent.usd_per_best),
        _format_dollars(spent.usd_per_champion),
    ]


def _format_dollars(usd: float | None) -> str:
    return "–" if usd is None else f"{usd:.4f}"
