"""The questions that the archive's reader asks, prepared once."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from gapsmith.agent.archive.tables import (
    RANK,
    SCORED,
    BaselineRow,
    CallRow,
    CandidateRow,
    Evaluation,
    Event,
    LeaseRow,
    Program,
    RunBoundRow,
    RunRow,
)
from gapsmith.evaluators.outcomes import CandidateOutcome

# Built once: building a query takes longer than running it.
OF_RUN = col(CandidateRow.run) == bindparam("run")


BEFORE = col(CandidateRow.slot) < bindparam("before")


CANDIDATES = select(CandidateRow).where(OF_RUN).order_by(col(CandidateRow.slot))


CANDIDATE = select(CandidateRow).where(OF_RUN, col(CandidateRow.slot) == bindparam("slot"))


CALL = select(CallRow).where(col(CallRow.run) == bindparam("run"), col(CallRow.slot) == bindparam("slot"))


LEASE = select(LeaseRow).where(col(LeaseRow.run) == bindparam("run"))


PROGRAM = select(Program).where(col(Program.id) == bindparam("id"))


PROGRAMS = select(Program).where(col(Program.id).in_(bindparam("programs", expanding=True)))


RECORDED = select(func.coalesce(func.max(col(CandidateRow.slot)) + 1, 0)).where(OF_RUN)


CLAIMED = (
    select(CandidateRow.slot)
    .where(OF_RUN, BEFORE, col(CandidateRow.program) == bindparam("program"))
    .where(col(CandidateRow.outcome).not_in([CandidateOutcome.ASKED, CandidateOutcome.DUPLICATE]))
    .order_by(col(CandidateRow.slot))
    .limit(1)
)


BEHAVIOURS = select(CandidateRow.behaviour).where(col(CandidateRow.program) == bindparam("program"))


SCORED_RUNS = select(CandidateRow.run).where(SCORED).distinct()


RANKED = select(CandidateRow).where(OF_RUN, SCORED).order_by(*RANK)


BY_GAP = (
    select(CandidateRow)
    .where(OF_RUN, SCORED)
    .order_by(
        func.coalesce(col(CandidateRow.validation_gap), col(CandidateRow.train_gap)), col(CandidateRow.slot)
    )
)


COSTS = select_columns(
    col(Evaluation.program),
    col(Evaluation.digest),
    col(Evaluation.outcome),
    col(Evaluation.message),
    col(Evaluation.cost),
    col(Evaluation.cpu_seconds),
    col(Evaluation.isolation),
    col(Evaluation.compile_seconds),
).where(
    col(Evaluation.program).in_(bindparam("programs", expanding=True)),
    col(Evaluation.digest).in_(bindparam("digests", expanding=True)),
)


BEST_COSTS = (
    select_columns(col(Evaluation.digest), col(Evaluation.program), col(Evaluation.cost))
    .join(Program, col(Program.id) == col(Evaluation.program))
    .where(
        col(Program.problem) == bindparam("problem"),
        col(Program.version) == bindparam("version"),
        col(Evaluation.digest).in_(bindparam("digests", expanding=True)),
        col(Evaluation.cost).is_not(None),
    )
    .order_by(col(Evaluation.program))
)


BOUNDS = tuple(getattr(BaselineRow, name) for name in ("lower", "upper", "solution", "solver", "seconds"))
"""The columns of a `Baseline`, in its order."""


BASELINES = select_columns(col(BaselineRow.digest), *BOUNDS).where(
    col(BaselineRow.problem) == bindparam("problem"),
    col(BaselineRow.version) == bindparam("version"),
    col(BaselineRow.digest).in_(bindparam("digests", expanding=True)),
    (col(BaselineRow.lower) == col(BaselineRow.upper)) | (col(BaselineRow.allowed) >= bindparam("seconds")),
)


PINNED = select_columns(
    col(RunBoundRow.digest), *(getattr(RunBoundRow, column.key) for column in BOUNDS)
).where(
    col(RunBoundRow.run) == bindparam("run"),
    col(RunBoundRow.digest).in_(bindparam("digests", expanding=True)),
)


LATEST_RUNS = (
    select_columns(col(RunRow.version), func.max(col(RunRow.id)))
    .where(col(RunRow.problem) == bindparam("problem"))
    .group_by(col(RunRow.version))
)


SOLVED = (
    select_columns(col(BaselineRow.version), func.count())
    .where(col(BaselineRow.problem) == bindparam("problem"))
    .group_by(col(BaselineRow.version))
)


PRICED = (
    select_columns(col(Program.version), func.count())
    .join(Evaluation, col(Evaluation.program) == col(Program.id))
    .where(col(Program.problem) == bindparam("problem"))
    .group_by(col(Program.version))
)


PAID = (
    select_columns(
        col(CandidateRow.slot),
        func.coalesce(col(CallRow.model), ""),
        col(CandidateRow.operator),
        col(CandidateRow.train_gap),
        col(CandidateRow.gate),
        col(CallRow.usd),
        func.coalesce(col(CallRow.tokens_in), 0),
        func.coalesce(col(CallRow.tokens_cached), 0),
        func.coalesce(col(CallRow.tokens_out), 0),
    )
    .join(
        CallRow,
        (col(CallRow.run) == col(CandidateRow.run)) & (col(CallRow.slot) == col(CandidateRow.slot)),
        isouter=True,
    )
    .where(OF_RUN)
    .order_by(col(CandidateRow.slot))
)


HASHES = select(Program.id, Program.hash).where(col(Program.id).in_(bindparam("programs", expanding=True)))


EVENTS = select(Event).where(col(Event.run) == bindparam("run")).order_by(col(Event.slot), col(Event.kind))


@dataclass(frozen=True)
class SlotCost:
    """Cost and result of one slot.

    Attributes:
        slot: its number.
        model: the model that answered; empty if none was asked.
        operator: the search operator.
        train_gap: training gap of the program, if it solved the instances.
        gate: the decision of the gate.
        usd: price of the call; None if it is not known, or there was no call.
        tokens_in: all input tokens.
        tokens_cached: input tokens read from the provider's cache.
        tokens_out: all output tokens.
    """

    slot: int
    model: str
    operator: str
    train_gap: float | None
    gate: str
    usd: float | None
    tokens_in: int
    tokens_cached: int
    tokens_out: int


@dataclass(frozen=True)
class StoredVersion:
    """The stored results of one version of a problem.

    Attributes:
        version: see `Problem.version`.
        run: number of its latest run, or None.
        baselines: number of instances with a stored optimum or bounds.
        evaluations: number of stored scores of programs.
    """

    version: str
    run: int | None
    baselines: int
    evaluations: int
