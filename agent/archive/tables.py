"""The tables of the archive.

Times are seconds since the epoch; JSON columns hold plain data.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gapsmith.agent.archive.safety.cells import check_columns
from gapsmith.evaluators.base import FIRST_VERSION

SCHEMA = 6
KNOWN = text("program IS NOT NULL")
SCORED = text("train_gap IS NOT NULL")
RANK = tuple(
    map(text, ("(gate <> 'passed')", "(validation_gap IS NULL)", "validation_gap", "train_gap", "slot"))
)
"""The best first: gate passed, then validation gap, then training gap. An index has this order, so that no query
sorts."""

SUMMED_CANDIDATES = ("outcome", "operator", "charged", "gate", "train_gap", "validation_gap", "program")
SUMMED_CALLS = ("model", "operator", "usd", "seconds", "tokens_in", "tokens_cached", "tokens_out")
"""What is summed over a whole run: indexes hold these columns, so that no prompt and no behaviour is read."""


DISCOVERY = "run"
"""The kind of a discovery run; runs of other commands have the command in their settings."""
ADDED = "add"
"""The kind of runs that hold programs of a person, which no search made."""


def find_run_kind(config: Mapping[str, Any]) -> str:
    """Returns the command that started a run with these settings."""
    return str(config.get("verb", DISCOVERY))


class Meta(SQLModel, table=True):
    """Facts about the archive itself, such as its schema's version."""

    key: str = Field(primary_key=True)
    value: str


class RunRow(SQLModel, table=True):
    """One run: its settings and its status.

    Attributes:
        version: version of its problem; see `Problem.version`.
    """

    __tablename__ = "runs"

    id: int | None = Field(default=None, primary_key=True)
    problem: str
    model: str
    seed: int
    config: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))
    status: str = "running"
    started: float
    seconds: float = 0.0
    report: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    version: str = FIRST_VERSION

    @property
    def kind(self) -> str:
        """The command that started it: DISCOVERY, `model`, `bench modelling` or `synthesise`."""
        return find_run_kind(self.config)


class Program(SQLModel, table=True):
    """A program, stored once for each version of a problem.

    Names and comments do not count.

    Its evaluations refer to it by its number and so belong to one version too.
    """

    __tablename__ = "programs"
    __table_args__ = (UniqueConstraint("problem", "version", "hash"),)

    id: int | None = Field(default=None, primary_key=True)
    problem: str
    version: str = FIRST_VERSION
    hash: str
    source: str
    size: int


class Candidate(SQLModel):
    """The candidate of one slot of a run.

    Operator, model, program and outcome.

    Attributes:
        arm: the arm of the search, if the search has several.
        model: the model that answered; empty for a reference rule.
        behaviour: encoded results of the program on the evaluated instances; empty while unknown.
        cpu_seconds: mean CPU seconds of the program on an instance; None if not measured.
        evaluated: number of instances on which this slot ran the program.
        charged: 1 if the program counts against the budget, else 0.
    """

    run: int = Field(primary_key=True, foreign_key="runs.id")
    slot: int = Field(primary_key=True)
    operator: str
    name: str = ""
    parents: list[int] = Field(default_factory=list, sa_type=JSON, nullable=True)
    program: int | None = Field(default=None, foreign_key="programs.id")
    outcome: str = "asked"
    message: str = ""
    train_gap: float | None = None
    validation_gap: float | None = None
    gate: str = ""
    arm: str = ""
    model: str = ""
    behaviour: str = ""
    cpu_seconds: float | None = None
    evaluated: int = 0
    charged: int = 0


class CandidateRow(Candidate, table=True):
    """A candidate as stored in the archive."""

    __tablename__ = "candidates"
    __table_args__ = (
        Index("candidates_of_program", "program", "run", "slot", sqlite_where=KNOWN, postgresql_where=KNOWN),
        Index("candidates_by_rank", "run", *RANK, sqlite_where=SCORED, postgresql_where=SCORED),
        Index("candidates_of_run", "run", "slot", *SUMMED_CANDIDATES),
    )


class Call(SQLModel):
    """A model request and its reply; committed before the reply is used."""

    run: int = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    model: str
    operator: str
    template: str
    system: str
    prompt: str
    reply: str
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    reply_id: str = ""
    detail: dict[str, str] = Field(default_factory=dict, sa_type=JSON, nullable=True)


class CallRow(Call, table=True):
    """A call as stored in the archive."""

    __tablename__ = "calls"
    __table_args__ = (
        ForeignKeyConstraint(["run", "slot"], ["candidates.run", "candidates.slot"]),
        Index("calls_of_run", "run", "slot", *SUMMED_CALLS),
    )


class Evaluation(SQLModel, table=True):
    """One program on one instance: measured in the sandbox and verified.

    Attributes:
        compile_seconds: CPU seconds for which the program was compiled; no part of `cpu_seconds`.
    """

    __tablename__ = "evaluations"
    __table_args__ = ({"sqlite_with_rowid": False},)

    program: int = Field(primary_key=True, foreign_key="programs.id")
    digest: str = Field(primary_key=True)
    instance: str
    outcome: str
    message: str = ""
    cost: float | None = None
    cpu_seconds: float = 0.0
    isolation: int = 0
    compile_seconds: float = 0.0


class BaselineRow(SQLModel, table=True):
    """The tightest bounds of one instance that exact solvers found.

    Attributes:
        version: version of the problem.
        seconds: CPU seconds of all tries together.
        allowed: largest limit of a try, in seconds.
    """

    __tablename__ = "baselines"

    problem: str = Field(primary_key=True)
    version: str = Field(default=FIRST_VERSION, primary_key=True)
    digest: str = Field(primary_key=True)
    instance: str
    lower: float
    upper: float
    solution: Any = Field(default=None, sa_column=Column(JSON))
    solver: str
    seconds: float
    allowed: float = 0.0


class RunBoundRow(SQLModel, table=True):
    """Unproven bounds as a run first used them.

    The run keeps them, whatever is proven later.
    """

    __tablename__ = "run_bounds"

    run: int = Field(primary_key=True, foreign_key="runs.id")
    digest: str = Field(primary_key=True)
    lower: float
    upper: float
    solution: Any = Field(default=None, sa_column=Column(JSON))
    solver: str
    seconds: float


class LeaseRow(SQLModel, table=True):
    """The process that works on a run; refreshed while it works.

    Attributes:
        token: random, new for each lease.
        host: name of the machine.
        pid: number of the process there.
        birth: boot and start time of the process, since numbers are used again; empty if unknown.
        expires: when the lease expires, unless it is refreshed.
    """

    __tablename__ = "leases"

    run: int = Field(primary_key=True, foreign_key="runs.id")
    token: str
    host: str
    pid: int
    birth: str
    expires: float


class ArmRow(SQLModel, table=True):
    """Bandit statistics of an operator, arm or model in a run.

    Attributes:
        kind: "operator", "arm" or "model".
        name: its name.
        tries: how often it was chosen.
        gains: how often that gave an improvement.
        reward: sum of the rewards, as the search measures them.
        cost: sum of the costs, as the search measures them.
    """

    __tablename__ = "arms"

    run: int = Field(primary_key=True, foreign_key="runs.id")
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    tries: int = 0
    gains: int = 0
    reward: float = 0.0
    cost: float = 0.0


class Event(SQLModel, table=True):
    """A decision of a run, for its decision log.

    Race drops, gate decisions, stops.

    A slot has at most one of each kind; slot -1 holds those that belong to no slot.
    """

    __tablename__ = "events"
    __table_args__ = (Index("events_of_run", "run", "slot", "kind", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    run: int = Field(foreign_key="runs.id")
    slot: int
    kind: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))


class BatchRow(SQLModel, table=True):
    """Requests that are sent together.

    Recorded before they are sent, and again once accepted.

    Attributes:
        name: our name, by which an accepted batch is found again if its acceptance was not received.
        id: the provider's id; empty until it is known.
        model: the model, as on the command line.
        system: the static part of its prompts.
        slots: `prompt` and `template` as they were sent, by the slot's number.
        state: "sending", "sent", "ended", or "lost" if it will never be answered.
        ends: its slots by their results, once it has ended: "answered", "expired", …
        made: time of recording.
    """

    __tablename__ = "batches"

    name: str = Field(primary_key=True)
    run: int = Field(foreign_key="runs.id", index=True)
    id: str = ""
    model: str
    system: str
    slots: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))
    state: str = "sending"
    ends: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))
    made: float


class CounterexampleRow(SQLModel, table=True):
    """An instance that refutes a formulation, with its true optimum.

    Attributes:
        formulation: its name.
        digest: digest of the instance; of equal instances the first is kept.
        data: the instance as plain data.
        optimum: the proven optimum.
        found: time of discovery.
        program: the refuted program, if it is in the archive.
    """

    __tablename__ = "counterexamples"

    formulation: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    data: Any = Field(default=None, sa_column=Column(JSON))
    optimum: float
    found: float
    program: int | None = Field(default=None, foreign_key="programs.id")


check_columns(SQLModel.metadata.tables.values())
