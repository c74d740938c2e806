"""Encodes a report as JSON, for the archive and `--json`."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.archive.costs import CostLine, CostSummary
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.runs.final.leaderboards import Member
from gapsmith.agent.runs.final.pareto import FrontPoint
from gapsmith.agent.runs.final.report import Report
from gapsmith.evaluators.scoring import MIN_INSTANCES, Aggregate, Gain


def encode_spending(found: CostSummary) -> dict[str, Any]:
    """Encodes the part `spending` of a report."""
    return {
        **_fields(found.whole),
        "models": [_fields(spent) for spent in found.models],
        "operators": [_fields(spent) for spent in found.operators],
    }


def _fields(spent: CostLine) -> dict[str, Any]:
    shares = ("cached_share", "usd_per_best", "usd_per_champion")
    return {**asdict(spent), **{name: getattr(spent, name) for name in shares}}


AGGREGATES = ("mean_gap_percent", "pooled_gap_percent", "optimal_share", "cpu_seconds")


def aggregate_fields(aggregate: Aggregate | None) -> dict[str, Any]:
    """Lists the figures of a row; null where the program failed."""
    found: dict[str, Any] = {name: _replace_infinity(getattr(aggregate, name, None)) for name in AGGREGATES}
    interval = aggregate.ci95 if aggregate else None
    return {**found, "ci95": [_replace_infinity(limit) for limit in interval] if interval else None}


def encode_failures(row: Scored) -> list[dict[str, str]]:
    """Lists the instances that a program failed on."""
    return [vars(failure) for failure in row.failures]


def _replace_infinity(value: float | None) -> float | None:
    """Replaces infinity, which JSON lacks."""
    return value if value is not None and math.isfinite(value) else None


def encode_report(report: Report) -> dict[str, Any]:
    """Encodes the report of `run`."""
    known = report.known
    return {
        "run": report.run,
        "problem": report.problem,
        "model": hide_login(report.model),
        "evaluations": report.evaluations,
        "calls": report.calls,
        "usd": report.usd,
        "seconds": report.seconds,
        "gap_to": known.gap_to if known else None,
        "best": {
            "id": report.best_id,
            **_list_figures(report.best),
            "best_known_gap_percent": known.best if known else None,
        },
        "reference": {
            "id": None,
            **_list_figures(report.reference),
            "best_known_gap_percent": known.reference if known else None,
        },
        "records": [vars(record) for record in known.records] if known else [],
        "contradictions": list(known.contradictions) if known else [],
        "gain": _gain_json(report.gain),
        "counts": vars(report.counts),
        "fingerprint": report.fingerprint,
        "claimed": {**_gain_json(report.claimed), "generated": report.generated},
        "left_out_gap_percent": report.left_out,
        "front": [_encode_point(point, report.best_id) for point in report.front],
        "together": [_encode_member(k, member) for k, member in enumerate(report.together, 1)],
        "spending": encode_spending(report.spending) if report.spending else None,
        "ended_early": vars(report.early) if report.early else None,
        **({"formulation": dict(report.formulation)} if report.formulation else {}),
    }


@dataclass(frozen=True)
class Finished:
    """A run as it was when it was opened again.

    Attributes:
        report: that of a finished run; None of any other.
        slots: number of its slots.
        seconds: that it had worked.
    """

    report: Mapping[str, Any] | None = None
    slots: int = 0
    seconds: float = 0.0

    @classmethod
    def find(cls, archive: Archive, run: int | None) -> "Finished":
        """Finds what is kept of a run; of a new one nothing."""
        if run is None:
            return cls()
        row = archive.run(run)
        return cls(row.report if row.status == "done" else None, archive.count_slots(run), row.seconds)

    def keep(self, archive: Archive, found: Report, status: str) -> None:
        """Records a report; that of a finished run stays."""
        if self.report is not None and archive.count_slots(found.run) == self.slots:
            archive.finish(found.run, "done", self.seconds, self.report)
        else:
            archive.finish(found.run, status, found.seconds, encode_report(found))


def _gain_json(gain: Gain | None) -> dict[str, Any]:
    """Encodes a gain, zero where there is none; without interval no claim."""
    gain = gain or Gain(0.0, None, 0)
    interval = [_replace_infinity(limit) for limit in gain.ci95] if gain.ci95 else None
    return {
        "pooled_gap_points": _replace_infinity(gain.points),
        "ci95": interval,
        "instances": gain.instances,
        "needed": MIN_INSTANCES,
        "failures": [vars(failure) for failure in gain.failures],
    }


def _encode_point(point: FrontPoint, winner: int) -> dict[str, Any]:
    figures = {
        "pooled_gap_percent": _replace_infinity(point.gap),
        "cpu_seconds": point.cpu_seconds,
        "size": point.size,
    }
    return {"id": point.program, "name": point.name, **figures, "winner": point.program == winner}


def _encode_member(runs: int, member: Member) -> dict[str, Any]:
    return {
        "id": member.program,
        "name": member.name,
        "runs": runs,
        "pooled_gap_percent": _replace_infinity(member.gap),
    }


def _list_figures(row: Scored) -> dict[str, Any]:
    solved = {"outcome": row.outcome, "solved": row.solved, "failures": encode_failures(row)}
    return {"name": row.entrant.name, **aggregate_fields(row.aggregate), **solved, "split": "test"}
