"""Runs: a page of them, and what one has done so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, or_, select, text
from sqlmodel import col

from gapsmith.agent.archive import Archive, CandidateRow, Event, RunRow
from gapsmith.agent.archive.safety.cells import check_detail, find_types
from gapsmith.agent.models.spec import hide_login

PAGE = 50
"""Rows of a page."""

ORDERS = ("run", "problem", "model", "status", "seconds", "cost", "gap")

RECENT = text("SELECT slot, kind, detail FROM events WHERE run = :run AND slot < 0 ORDER BY id").columns(
    **find_types(Event, "slot", "kind", "detail")
)
COUNTS = text(
    "SELECT outcome, count(*), coalesce(sum(charged), 0) FROM candidates WHERE run = :run GROUP BY outcome"
).columns(**find_types(CandidateRow, "outcome"))
SPENT = text("SELECT count(*), sum(usd), sum(seconds) FROM calls WHERE run = :run")
CHAMPIONS = text(
    "SELECT slot, program, train_gap, validation_gap FROM candidates WHERE run = :run AND train_gap IS NOT NULL "
    "AND (gate <> 'passed') = :no ORDER BY slot LIMIT 400"
).columns(**find_types(CandidateRow, "slot", "program", "train_gap", "validation_gap"))


@dataclass(frozen=True)
class Chosen:
    """Which runs are wanted.

    Attributes:
        search: words that problem or model must contain.
        status: a status; empty for all.
        problem: a problem; empty for all.
        order: one of `ORDERS`.
        down: whether the largest come first.
        page: from 1.
    """

    search: str = ""
    status: str = ""
    problem: str = ""
    order: str = "run"
    down: bool = True
    page: int = 1


@dataclass(frozen=True)
class Spent:
    """What a run has used so far."""

    evaluations: int
    calls: int
    usd: float | None
    seconds: float


@dataclass(frozen=True)
class Champion:
    """A program that passed the gate."""

    slot: int
    program: int
    train_gap: float
    validation_gap: float | None


def list_runs(store: Archive, chosen: Chosen) -> tuple[list[RunRow], int]:
    """Lists a page of runs, and counts all that are wanted."""
    conditions = _make_conditions(chosen)
    order = _make_order(chosen.order)
    query = select(col(RunRow.id)).where(*conditions)
    query = query.order_by(order.desc() if chosen.down else order.asc(), col(RunRow.id).desc())
    with store.engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(RunRow).where(*conditions)).scalar() or 0
        page = query.limit(PAGE).offset(PAGE * (chosen.page - 1))
        numbers = [number for (number,) in connection.execute(page)]
    return [store.run(number) for number in numbers], count


def _make_conditions(chosen: Chosen) -> list[Any]:
    found: list[Any] = []
    for word in chosen.search.split():
        like = "%" + word.lower().replace("%", r"\%").replace("_", r"\_") + "%"
        found.append(
            or_(
                *(
                    func.lower(col(column)).like(like, escape="\\")
                    for column in (RunRow.problem, RunRow.model)
                )
            )
        )
    found += [col(RunRow.status) == chosen.status] if chosen.status else []
    found += [col(RunRow.problem) == chosen.problem] if chosen.problem else []
    return found


def _make_order(name: str) -> Any:
    report = RunRow.__table__.c.report  # type: ignore[attr-defined]
    if name == "gap":
        gap = report[("best", "pooled_gap_percent")].as_float()
        return case((gap.is_(None), 1e300), else_=gap)
    if name == "cost":
        return func.coalesce(report["usd"].as_float(), 0.0)
    return col(
        {
            "problem": RunRow.problem,
            "model": RunRow.model,
            "status": RunRow.status,
            "seconds": RunRow.seconds,
        }.get(name, RunRow.id)
    )


def sum_spent(store: Archive, run: RunRow) -> Spent:
    """Sums what a run has used, by its report or its slots."""
    if run.report:
        found = run.report
        return Spent(
            int(found.get("evaluations") or 0),
            int(found.get("calls") or 0),
            found.get("usd"),
            float(found.get("seconds") or run.seconds),
        )
    with store.engine.connect() as connection:
        charged = sum(row[2] for row in connection.execute(COUNTS, {"run": run.id}))
        calls, usd, _ = connection.execute(SPENT, {"run": run.id}).one()
    return Spent(int(charged), int(calls), 0.0 if not calls else usd, run.seconds)


def count_outcomes(store: Archive, run: int) -> dict[str, int]:
    """Counts the slots of a run by outcome, the most frequent first."""
    with store.engine.connect() as connection:
        found = {str(name): int(count) for name, count, _ in connection.execute(COUNTS, {"run": run})}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def list_champions(store: Archive, run: int) -> list[Champion]:
    """Lists the programs that passed the gate, by slot."""
    no = False if store.engine.dialect.name != "sqlite" else 0
    with store.engine.connect() as connection:
        return [Champion(*row) for row in connection.execute(CHAMPIONS, {"run": run, "no": no})]


def list_final_events(store: Archive, run: int) -> list[tuple[str, Mapping[str, Any]]]:
    """Lists the events at the end of a run, in order."""
    with store.engine.connect() as connection:
        rows = connection.execute(RECENT, {"run": run}).all()
    for slot, kind, detail in rows:
        check_detail(store.location, run, slot, kind, detail)
    return [(kind, detail) for _, kind, detail in rows]


def list_limits(run: RunRow) -> list[tuple[str, float]]:
    """Lists the limits that were set, as pairs of name and amount."""
    budget = run.config.get("budget") or {}
    return [(name, budget[name]) for name in ("evaluations", "calls", "usd", "seconds") if budget.get(name)]


def list_names(store: Archive) -> tuple[list[str], list[str]]:
    """Lists the problems and the statuses of all runs."""
    with store.engine.connect() as connection:
        problems = connection.execute(select(col(RunRow.problem)).distinct().order_by(col(RunRow.problem)))
        statuses = connection.execute(select(col(RunRow.status)).distinct().order_by(col(RunRow.status)))
        return [name for (name,) in problems], [name for (name,) in statuses]


def describe_model(run: RunRow) -> str:
    """Names the model of a run without passwords in addresses."""
    return hide_login(run.model)


def find_scale(run: RunRow) -> str:
    """Returns the scale of a run's instances; empty if it has none."""
    return str(run.config.get("scale") or "")


def select_champion_gaps(champions: Sequence[Champion]) -> list[float]:
    """Returns the gaps of champions in validation, else in training."""
    return [each.train_gap if each.validation_gap is None else each.validation_gap for each in champions]
