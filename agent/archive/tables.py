"""The tables of the archive. Times are seconds since the epoch; JSON columns hold plain data."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gapsmith.evaluators.base import FIRST_VERSION

SCHEMA = 4
KNOWN = text("program IS NOT NULL")
SCORED = text("train_gap IS NOT NULL")
RANK = tuple(
    map(text, ("(gate <> 'passed')", "(validation_gap IS NULL)", "validation_gap", "train_gap", "slot"))
)
"""The best first: what passed the gate, then what came to validation, then by the gap in training. An index
is of this order, so that nothing is sorted."""


DISCOVERY = "run"
"""The kind of a discovery run; runs of other commands have the command in their settings."""


def find_run_kind(config: Mapping[str, Any]) -> str:
    """Returns the command that started a run with these settings."""
    return str(config.get("verb", DISCOVERY))


class Meta(SQLModel, table=True):
    """Facts about the archive itself, such as its schema's version."""

    key: str = Field(primary_key=True)
    value: str


class RunRow(SQLModel, table=True):
    """One discovery job: what was asked for, and how far it came.

    Attributes:
        version: of its problem; see `Problem.version`.
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
    """A program ever seen, once per version of a problem, whatever its names and comments.

    So its evaluations, which know it by its number, belong to one version too.
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
    """What came of one slot of a run: who was asked for what, the program and the verdict on it.

    Attributes:
        arm: the arm of the search that asked, if the search has several.
        model: who answered; empty for a reference rule.
        behaviour: what the program did on the instances it met, in a word for each; empty while it is not known.
        cpu_seconds: of the program, mean per instance; None where it was not measured.
        evaluated: runs of the program on one instance that this slot took.
        charged: 1 where the program counts as an evaluation against the budget, else 0.
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
    """A candidate as the archive has it."""

    __tablename__ = "candidates"
    __table_args__ = (
        Index("candidates_of_program", "program", "run", "slot", sqlite_where=KNOWN, postgresql_where=KNOWN),
        Index("candidates_by_rank", "run", *RANK, sqlite_where=SCORED, postgresql_where=SCORED),
    )


class Call(SQLModel):
    """A question to a model and its answer; committed before anything is done with it."""

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
    """A call as the archive has it."""

    __tablename__ = "calls"
    __table_args__ = (ForeignKeyConstraint(["run", "slot"], ["candidates.run", "candidates.slot"]),)


class Evaluation(SQLModel, table=True):
    """One program on one instance: what the sandbox saw and what the verifier concluded."""

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


class BaselineRow(SQLModel, table=True):
    """What exact methods found for one instance: the tightest bounds so far.

    Attributes:
        version: of the problem.
        seconds: CPU seconds spent, all tries together.
        allowed: the largest limit, in seconds, that a try had.
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
    """Bounds that do not meet, as a run met them first: it keeps them, whatever is proven later."""

    __tablename__ = "run_bounds"

    run: int = Field(primary_key=True, foreign_key="runs.id")
    digest: str = Field(primary_key=True)
    lower: float
    upper: float
    solution: Any = Field(default=None, sa_column=Column(JSON))
    solver: str
    seconds: float


class LeaseRow(SQLModel, table=True):
    """The process that works on a run; refreshed while it does.

    Attributes:
        token: drawn anew for each lease.
        host: the name of its machine.
        pid: its number there.
        birth: when it was started, in the words of its machine, since numbers are used again; empty if not known.
        expires: when the lease runs out, unless it is refreshed.
    """

    __tablename__ = "leases"

    run: int = Field(primary_key=True, foreign_key="runs.id")
    token: str
    host: str
    pid: int
    birth: str
    expires: float


class ArmRow(SQLModel, table=True):
    """How something that can be chosen fared in a run.

    Attributes:
        kind: "operator", "arm" or "model".
        name: which one.
        tries: how often it was chosen.
        gains: how often that gained.
        reward: sum of what it gained, in the search's own measure.
        cost: sum of what it took, in the search's own measure.
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
    """A decision of a run, so that it can be explained: race drops, gate verdicts, stops.

    One of a kind for a slot; slot -1 has those that belong to none.
    """

    __tablename__ = "events"
    __table_args__ = (Index("events_of_run", "run", "slot", "kind", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    run: int = Field(foreign_key="runs.id")
    slot: int
    kind: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))


class BatchRow(SQLModel, table=True):
    """Questions that were sent together; recorded before they are sent, and again once they are accepted.

    Attributes:
        name: ours, by which a batch is found again that was accepted although we never heard so.
        id: the provider's; empty until it is known.
        model: who is asked, as on the command line.
        system: the static part of its prompts.
        slots: by the slot's number, as JSON has keys: `prompt` and `template`, as they were sent.
        state: "sending", "sent", "ended", or "lost" where nothing will come of it.
        ends: its slots by what became of them, once it has ended: "answered", "expired", …
        made: when it was recorded.
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
    """An instance on which a formulation was found wrong, with what is right.

    Attributes:
        formulation: its name.
        digest: of the instance; of equal ones the first is kept.
        data: the instance as plain data.
        optimum: proven.
        found: when.
        program: which was refuted by it, if it is in the archive.
    """

    __tablename__ = "counterexamples"

    formulation: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    data: Any = Field(default=None, sa_column=Column(JSON))
    optimum: float
    found: float
    program: int | None = Field(default=None, foreign_key="programs.id")
