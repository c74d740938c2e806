"""Programs: pages of them, and one with its parents, scores and prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text

from gapsmith.agent.archive import Archive, BaselineRow, CandidateRow, Evaluation, Event, Program
from gapsmith.agent.archive.safety.cells import check_detail, find_types
from gapsmith.evaluators.base import Baseline

PAGE = 50
ORDERS = {
    "rank": "(gate <> 'passed'), (validation_gap IS NULL), validation_gap, train_gap, slot",
    "slot": "slot",
    "train": "train_gap, slot",
    "latest": "slot DESC",
}
"""Orders of the programs of a run; the first one is that of an index."""
MOST_ANCESTORS = 60

COLUMNS = (
    "slot", "program", "operator", "name", "parents", "outcome", "message", "train_gap", "validation_gap", "gate",
    "arm", "model", "cpu_seconds",
)  # fmt: skip
LIST = (
    f"SELECT {', '.join(COLUMNS)} FROM candidates "
    "WHERE run = :run AND {condition} ORDER BY {order} LIMIT :limit OFFSET :skip"
)
NUMBER = "SELECT count(*) FROM candidates WHERE run = :run AND {condition}"
SLOT_EVENTS = text("SELECT kind, detail FROM events WHERE run = :run AND slot = :slot ORDER BY id").columns(
    **find_types(Event, "kind", "detail")
)
SIZES = (
    text("SELECT id, size FROM programs WHERE id IN :programs")
    .bindparams(bindparam("programs", expanding=True))
    .columns(**find_types(Program, "id", "size"))
)
SCORES = text(
    "SELECT e.digest, e.instance, e.outcome, e.message, e.cost, e.cpu_seconds, b.lower, b.upper, b.solver, b.seconds "
    "FROM evaluations e LEFT JOIN baselines b ON b.problem = :problem AND b.version = :version "
    "AND b.digest = e.digest WHERE e.program = :program ORDER BY e.digest LIMIT :limit"
).columns(
    **find_types(Evaluation, "digest", "instance", "outcome", "message", "cost", "cpu_seconds"),
    **find_types(BaselineRow, "lower", "upper", "solver", "seconds", optional=True),
)


@dataclass(frozen=True)
class Listed:
    """A row of a list of programs."""

    slot: int
    program: int | None
    operator: str
    name: str
    parents: Sequence[int]
    outcome: str
    message: str
    train_gap: float | None
    validation_gap: float | None
    gate: str
    arm: str
    model: str
    cpu_seconds: float | None


@dataclass(frozen=True)
class Result:
    """A program on one instance, beside the bounds that are known.

    Attributes:
        baseline: None where no exact result is kept.
    """

    digest: str
    instance: str
    outcome: str
    message: str
    cost: float | None
    cpu_seconds: float
    baseline: Baseline | None

    @property
    def split(self) -> str:
        """Training, validation or test, as names of generated instances say; else empty."""
        words = self.instance.split("-")
        return next((word for word in words[:2] if word in ("train", "validation", "test")), "")


def list_programs(
    store: Archive, run: int, order: str, outcome: str, operator: str, page: int
) -> tuple[list[Listed], int]:
    """Lists a page of the slots of a run, and counts all."""
    conditions = ["train_gap IS NOT NULL"] if order in ("rank", "train") else ["slot >= 0"]
    conditions += ["outcome = :outcome"] if outcome else []
    conditions += ["operator = :operator"] if operator else []
    words = {"condition": " AND ".join(conditions), "order": ORDERS[order]}
    values = {"run": run, "outcome": outcome, "operator": operator, "limit": PAGE, "skip": PAGE * (page - 1)}
    with store.engine.connect() as connection:
        query = text(LIST.format(**words)).columns(**find_types(CandidateRow, *COLUMNS))
        rows = [Listed(*row) for row in connection.execute(query, _take(values, LIST.format(**words)))]
        counting = text(NUMBER.format(**words))
        count = connection.execute(counting, _take(values, NUMBER.format(**words))).scalar() or 0
    return rows, int(count)


def _take(values: Mapping[str, Any], query: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in query}


def list_operators(store: Archive, run: int) -> list[str]:
    """Lists the operators of a run by name."""
    query = text("SELECT DISTINCT operator FROM candidates WHERE run = :run ORDER BY operator").columns(
        **find_types(CandidateRow, "operator")
    )
    with store.engine.connect() as connection:
        return [name for (name,) in connection.execute(query, {"run": run})]


def list_slot_events(store: Archive, run: int, slot: int) -> list[tuple[str, Mapping[str, Any]]]:
    """Lists what was decided about a slot."""
    with store.engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(SLOT_EVENTS, {"run": run, "slot": slot})]
    for kind, detail in found:
        check_detail(store.location, run, slot, kind, detail)
    return found


def list_results(store: Archive, program: int, problem: str, version: str, limit: int = 1000) -> list[Result]:
    """Lists the results of a program, by instance, with known bounds."""
    values = {"program": program, "problem": problem, "version": version, "limit": limit}
    with store.engine.connect() as connection:
        found = [_make_result(row) for row in connection.execute(SCORES, values)]
    return sorted(found, key=lambda each: sort_naturally(each.instance))


def _make_result(row: Any) -> Result:
    digest, instance, outcome, message, cost, seconds, lower, upper, solver, spent = row
    bounds = None if lower is None else Baseline(lower, upper, None, solver, spent)
    return Result(digest, instance, outcome, message, cost, seconds, bounds)


def sort_naturally(name: str) -> tuple[tuple[str, int], ...]:
    """Returns a sort key by which `train-2` comes before `train-10`."""
    return tuple((word, 0) if not word.isdecimal() else ("", int(word)) for word in name.split("-"))


def find_sizes(store: Archive, programs: Sequence[int]) -> dict[int, int]:
    """Returns the sizes of programs, by number."""
    with store.engine.connect() as connection:
        rows = connection.execute(SIZES, {"programs": list(programs)})
        return {int(row[0]): int(row[1]) for row in rows}


def trace_ancestors(store: Archive, program: int, most: int = MOST_ANCESTORS) -> list[CandidateRow]:
    """Lists how a program and its nearest ancestors were made."""
    line, seen = [program], {program}
    rows: list[CandidateRow] = []
    while line and len(rows) < most:
        births = store.list_births(line.pop(0))[:1]
        rows += births
        new = [parent for birth in births for parent in birth.parents if parent not in seen]
        line += new
        seen.update(new)
    return rows
