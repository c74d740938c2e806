"""Problems of an archive: their runs, exact results and formulations."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from gapsmith.agent.archive import ADDED, DISCOVERY, Archive, BaselineRow, RunRow
from gapsmith.agent.archive.safety.cells import find_types
from gapsmith.evaluators.base import Baseline

PAGE = 100

RUNS = text("SELECT problem, count(*), max(id) FROM runs GROUP BY problem ORDER BY problem").columns(
    **find_types(RunRow, "problem")
)
SOLVED = text(
    "SELECT problem, count(*), sum(CASE WHEN lower = upper THEN 1 ELSE 0 END), sum(seconds) FROM baselines "
    "GROUP BY problem ORDER BY problem"
).columns(**find_types(BaselineRow, "problem"))
SOLVED_OF = text(
    "SELECT count(*), sum(CASE WHEN lower = upper THEN 1 ELSE 0 END), sum(seconds) FROM baselines "
    "WHERE problem = :problem"
)
COLUMNS = ("version", "instance", "digest", "lower", "upper", "solver", "seconds", "allowed")
BASELINES = (
    f"SELECT {', '.join(COLUMNS)} FROM baselines "
    "WHERE problem = :problem {condition} ORDER BY {order} LIMIT :limit OFFSET :skip"
)
ORDERS = {
    "instance": "instance, digest",
    "seconds": "seconds DESC",
    "open": "(upper - lower) DESC, seconds DESC",
}
CHOICES = {"all": "", "proven": "AND lower = upper", "open": "AND lower < upper"}
SOLUTION = text(
    "SELECT instance, lower, upper, solution, solver, seconds FROM baselines "
    "WHERE problem = :problem AND version = :version AND digest = :digest"
).columns(**find_types(BaselineRow, "instance", "lower", "upper", "solution", "solver", "seconds"))


@dataclass(frozen=True)
class Summary:
    """What an archive holds of a problem."""

    problem: str
    runs: int
    latest: int | None
    solved: int
    proven: int
    seconds: float


@dataclass(frozen=True)
class Solved:
    """An exact result."""

    version: str
    instance: str
    digest: str
    lower: float
    upper: float
    solver: str
    seconds: float
    allowed: float

    @property
    def proven(self) -> bool:
        """Whether the bounds meet."""
        return self.lower == self.upper


def list_summaries(store: Archive) -> list[Summary]:
    """Lists the problems of an archive by name."""
    with store.engine.connect() as connection:
        runs = {problem: (count, latest) for problem, count, latest in connection.execute(RUNS)}
        solved = {problem: tuple(row) for problem, *row in connection.execute(SOLVED)}
    return [
        Summary(name, *runs.get(name, (0, None)), *solved.get(name, (0, 0, 0.0)))
        for name in sorted({*runs, *solved})
    ]


def count_baselines(store: Archive, problem: str) -> tuple[int, int, float]:
    """Counts exact results: all, proven, and their CPU seconds."""
    with store.engine.connect() as connection:
        count, proven, seconds = connection.execute(SOLVED_OF, {"problem": problem}).one()
    return int(count), int(proven or 0), float(seconds or 0.0)


def list_baselines(store: Archive, problem: str, order: str, choice: str, page: int) -> list[Solved]:
    """Lists a page of exact results."""
    query = text(BASELINES.format(condition=CHOICES[choice], order=ORDERS[order])).columns(
        **find_types(BaselineRow, *COLUMNS)
    )
    values = {"problem": problem, "limit": PAGE, "skip": PAGE * (page - 1)}
    with store.engine.connect() as connection:
        return [Solved(*row) for row in connection.execute(query, values)]


def find_baseline(store: Archive, problem: str, version: str, digest: str) -> tuple[str, Baseline] | None:
    """Returns the name of an instance and its exact result."""
    values = {"problem": problem, "version": version, "digest": digest}
    with store.engine.connect() as connection:
        row = connection.execute(SOLUTION, values).first()
    if row is None:
        return None
    instance, lower, upper, solution, solver, seconds = row
    return instance, Baseline(lower, upper, solution, solver, seconds)


def list_formulation_runs(store: Archive, limit: int = 100) -> list[RunRow]:
    """Lists finished runs that report on a formulation, the latest first."""
    report: Any = RunRow.__table__.c.report  # type: ignore[attr-defined]
    found = report[("formulation", "units")].as_float().is_not(None)
    return _list_runs(store, found, limit)


def list_question_runs(store: Archive, limit: int = 100) -> list[RunRow]:
    """Lists runs of commands that begin with words, the latest first."""
    config: Any = RunRow.__table__.c.config  # type: ignore[attr-defined]
    verb = config["verb"].as_string()
    return _list_runs(store, verb.is_not(None) & verb.not_in((DISCOVERY, ADDED)), limit)


def _list_runs(store: Archive, condition: Any, limit: int) -> list[RunRow]:
    query = select(col(RunRow.id)).where(condition).order_by(col(RunRow.id).desc()).limit(limit)
    with Session(store.engine) as session:
        numbers = list(session.scalars(query))
    return [store.run(number) for number in numbers]
