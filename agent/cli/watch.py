"""The command `watch`: a run in progress, read from its archive."""

import time
from typing import Annotated, Any

import typer
from rich.text import Text

from gapsmith.agent.archive import Archive, RunRow
from gapsmith.agent.archive.costs import format_dollars
from gapsmith.agent.cli.options import ArchiveUrl, Json
from gapsmith.agent.cli.terminal.output import open_archive, show_result
from gapsmith.agent.reports.runs import format_seconds
from gapsmith.agent.web.facts.runs import count_outcomes, sum_spent
from gapsmith.evaluators.outcomes import CandidateOutcome

RUNNING = "running"
NEXT = {
    "done": "its report: gapsmith explain {run}",
    "interrupted": "nothing works on it; continue with: gapsmith resume {run}",
    "searched": "its report is missing; make it with: gapsmith resume {run}",
}
"""What follows after a status."""


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command(name="watch", epilog="Example: gapsmith watch 3 --archive archive.db")(watch)


def watch(
    number: Annotated[
        int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
    ] = None,
    every: Annotated[
        float, typer.Option("--every", min=0.1, help="Seconds between two looks at the archive.")
    ] = 5.0,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Prints how a run goes on, from its archive, until it ends.

    A line whenever something has changed. Ctrl-C ends the watching alone; the run goes on.
    """
    with open_archive(archive, reading=True) as store:
        row, last = store.run(number), dict[str, Any]()
        while True:
            found = _read_standing(store, row)
            if found != last:
                seconds = time.time() - row.started if row.status == RUNNING else row.seconds
                line = _format_standing(found, seconds)
                show_result({**found, "seconds": round(seconds, 1)}, Text(line), as_json)
            if row.status != RUNNING:
                return
            time.sleep(every)
            row, last = store.run(row.id), found


def _read_standing(store: Archive, row: RunRow) -> dict[str, Any]:
    """Reads what a run has used and found so far."""
    number = row.id or 0
    spent, leaders = sum_spent(store, row), store.rank_candidates(run=number, limit=1)
    return {
        "run": number,
        "problem": row.problem,
        "status": row.status,
        "evaluations": spent.evaluations,
        "calls": spent.calls,
        "usd": spent.usd,
        "leader": leaders[0].program if leaders else None,
        "leader_train_gap_percent": leaders[0].train_gap if leaders else None,
        "outcomes": count_outcomes(store, number),
    }


def _format_standing(found: dict[str, Any], seconds: float) -> str:
    """Formats the standing of a run in a line."""
    leader = (
        f"leader: program {found['leader']}, {found['leader_train_gap_percent']:.3f} % in training"
        if found["leader_train_gap_percent"] is not None
        else "no program is scored yet"
    )
    failed = sum(count for name, count in found["outcomes"].items() if CandidateOutcome(name).is_failure)
    parts = [
        f"run {found['run']}: {found['problem']}",
        found["status"],
        f"{found['evaluations']} evaluations",
        f"{found['calls']} calls",
        format_dollars(found["usd"]),
        format_seconds(seconds),
        leader,
        f"{failed} failed" if failed else "",
        NEXT.get(found["status"], "").format(run=found["run"]),
    ]
    return " · ".join(part for part in parts if part)
