"""Queries of an archive.

Only methods whose description says "all" load a whole run.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import Engine, Executable, func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gapsmith.agent.archive.engine import open_engine
from gapsmith.agent.archive.fingerprints import _clamp_number, _read_decisions, _read_verdicts, _split_chunks
from gapsmith.agent.archive.queries import (
    BASELINES,
    BEHAVIOURS,
    BEST_COSTS,
    BY_GAP,
    CALL,
    CANDIDATE,
    CLAIMED,
    COSTS,
    LATEST_RUNS,
    LEASE,
    PAID,
    PINNED,
    PRICED,
    PROGRAM,
    PROGRAMS,
    RANKED,
    RECORDED,
    SCORED_RUNS,
    SOLVED,
    SlotCost,
    StoredVersion,
)
from gapsmith.agent.archive.safety.cells import check_events
from gapsmith.agent.archive.safety.leases import is_over
from gapsmith.agent.archive.tables import (
    ArmRow,
    BatchRow,
    CallRow,
    CandidateRow,
    CounterexampleRow,
    Event,
    LeaseRow,
    Program,
    RunRow,
)
from gapsmith.evaluators.base import FIRST_VERSION, Baseline, GapsmithError
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

Found = TypeVar("Found")


class Reader:
    """The queries of an archive, for any thread.

    Args:
        location: a path (SQLite) or a database URL.

    Attributes:
        engine: the connections to the database.

    Raises:
        GapsmithError: if it cannot be opened, or has a newer schema.
    """

    def __init__(self, location: str = "archive.db", reading: bool = False) -> None:
        self.location = location
        self.engine: Engine = open_engine(location, reading=reading)

    def close(self) -> None:
        """Closes the connections to the database."""
        self.engine.dispose()

    # Runs

    def run(self, number: int | None = None) -> RunRow:
        """Returns a run by its number, the latest by default.

        Raises GapsmithError where there is none.
        """
        query = select(RunRow).order_by(col(RunRow.id).desc()).limit(1)
        found = self._all(query if number is None else query.where(RunRow.id == _clamp_number(number)))
        if not found:
            wanted = "holds no run yet; start one with: gapsmith run PROBLEM"
            raise GapsmithError(
                f"archive {self.location} " + (wanted if number is None else f"holds no run {number}")
            )
        return self._mark_interrupted(found)[0]

    def list_runs(self) -> list[RunRow]:
        """Lists all runs, the latest first."""
        return self._mark_interrupted(self._all(select(RunRow).order_by(col(RunRow.id).desc())))

    def _mark_interrupted(self, rows: list[RunRow]) -> list[RunRow]:
        """Marks running runs as interrupted where their process is gone."""
        for row in (each for each in rows if each.status == "running"):
            lease = self.find_lease(row.id or 0)
            if lease is None or is_over(lease, time.time()):
                row.status = "interrupted"
        return rows

    def find_lease(self, run: int) -> LeaseRow | None:
        """Returns the lease on a run, which may be over, or None."""
        return self._first(LEASE, run=run)

    def list_versions(self, problem: str) -> list[StoredVersion]:
        """Lists the versions of a problem with their stored results."""
        runs, solved, priced = (
            self._count_by_version(query, problem) for query in (LATEST_RUNS, SOLVED, PRICED)
        )
        return [
            StoredVersion(version, runs.get(version), solved.get(version, 0), priced.get(version, 0))
            for version in sorted({*runs, *solved, *priced})
        ]

    def _count_by_version(self, query: Executable, problem: str) -> dict[str, int]:
        with self.engine.connect() as connection:
            rows = connection.execute(query, {"problem": problem})
            return {str(version): int(value) for version, value in rows}

    def list_comparable_runs(self, problem: str | None = None, version: str | None = None) -> list[int]:
        """Lists the runs whose gaps can be compared, the latest first.

        They belong to that version of the problem, or to the latest version of each problem.
        """
        scored, latest, found = set(self._all(SCORED_RUNS)), dict[str, str](), []
        for row in self.list_runs():
            wanted = row.id in scored and latest.setdefault(row.problem, version or row.version)
            if row.version == wanted and problem in (None, row.problem):
                found.append(row.id or 0)
        return found

    def count_slots(self, run: int) -> int:
        """Returns the number of recorded slots: the highest slot plus one."""
        return int(self._value(RECORDED, run=run))

    def find_candidate(self, run: int, slot: int) -> CandidateRow | None:
        """Returns the candidate of a slot, if it is recorded."""
        return self._first(CANDIDATE, run=run, slot=slot)

    def call(self, run: int, slot: int) -> CallRow | None:
        """Returns the answered call of a slot, if it has one."""
        return self._first(CALL, run=run, slot=slot)

    def read_candidates(self, run: int) -> dict[int, CandidateRow]:
        """Reads all candidates of a run, by slot."""
        query = select(CandidateRow).where(CandidateRow.run == run).order_by(col(CandidateRow.slot))
        return {row.slot: row for row in self._all(query)}

    def read_calls(self, run: int) -> dict[int, CallRow]:
        """Reads all answered calls of a run, by slot."""
        query = select(CallRow).where(CallRow.run == run).order_by(col(CallRow.slot))
        return {row.slot: row for row in self._all(query)}

    def list_slot_costs(self, run: int) -> list[SlotCost]:
        """Lists cost and result of each slot of a run, in order."""
        with self.engine.connect() as connection:
            return [SlotCost(*row) for row in connection.execute(PAID, {"run": run})]

    def list_answered_slots(self, run: int) -> set[int]:
        """Returns the slots of a run whose calls were answered."""
        return set(self._all(select(CallRow.slot).where(CallRow.run == run)))

    def read_batches(self, run: int) -> list[BatchRow]:
        """Lists the batches of a run, the oldest first."""
        return self._all(select(BatchRow).where(BatchRow.run == run).order_by(col(BatchRow.made)))

    def list_batch_ids(self) -> set[str]:
        """Returns the providers' ids of the batches of all runs."""
        return set(self._all(select(BatchRow.id))) - {""}

    def read_events(self, run: int) -> list[Event]:
        """Reads all decisions of a run, by slot."""
        events = self._all(select(Event).where(Event.run == run).order_by(col(Event.slot), col(Event.id)))
        return check_events(self.location, events)

    def read_tallies(self, run: int) -> list[ArmRow]:
        """Reads the bandit statistics of a run, by kind and name."""
        return self._all(select(ArmRow).where(ArmRow.run == run).order_by(col(ArmRow.kind), col(ArmRow.name)))

    def find_first_slot(self, run: int, program: int, before: int) -> int | None:
        """Returns the first slot before `before` that finished with this program.

        Duplicates do not count.
        """
        found = self._value(CLAIMED, run=run, program=program, before=before)
        return None if found is None else int(found)

    def read_behaviours(self, program: int) -> str:
        """Returns the recorded behaviour of a program on all instances."""
        return " ".join(self._all(BEHAVIOURS, program=program))

    def compute_fingerprint(self, run: int) -> str:
        """Hashes all decisions and results of a run, without times.

        Equal seeds give equal fingerprints.
        """
        digest = hashlib.sha256()
        with self.engine.connect() as connection:
            for line in chain(_read_verdicts(connection, run), _read_decisions(connection, run)):
                digest.update(json.dumps(line, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()[:16]

    # Programs

    def find(self, program: int) -> Program:
        """Returns a program by its number.

        Raises GapsmithError where there is none.
        """
        found = self._first(PROGRAM, id=_clamp_number(program))
        if found is None:
            count = self._value(select(func.count()).select_from(Program))
            raise GapsmithError(
                f"archive {self.location} holds no program {program}; it has {count} (gapsmith best lists the best)"
            )
        return found

    def list_births(self, program: int) -> list[CandidateRow]:
        """Lists the candidates that gave this program, the earliest first."""
        query = select(CandidateRow).where(CandidateRow.program == program)
        return self._all(query.order_by(col(CandidateRow.run), col(CandidateRow.slot)))

    def trace_lineage(self, program: int) -> list[CandidateRow]:
        """Lists how a program and its ancestors were made, the nearest first.

        Raises GapsmithError where there is no such program.
        """
        self.find(program)
        line, seen = [program], [program]
        rows = []
        while line:
            births = self.list_births(line.pop(0))
            rows += births[:1]
            new = [p for p in (births[0].parents if births else []) if p not in seen]
            line, seen = line + new, seen + new
        return rows

    def rank_candidates(
        self,
        problem: str | None = None,
        run: int | None = None,
        limit: int = 10,
        version: str | None = None,
    ) -> list[CandidateRow]:
        """Ranks scored candidates: gate passed, then validation gap, then training gap.

        Args:
            problem: only programs of this problem.
            run: only programs of this run; by default those of all runs in `comparable`.
            limit: maximum number of programs.
            version: version of the problem; that of its latest run by default.
        """
        with Session(self.engine) as session:
            runs = self._select_runs(problem, run, version)
            share = limit // max(1, len(runs)) + 1
            ranked = merge(*(_read_ranked(session, number, share) for number in runs), key=_rank)
            return list(islice(_deduplicate(ranked), limit))

    def rank_by_gap(self, run: int, limit: int) -> list[CandidateRow]:
        """Returns the candidates of a run by validation gap, else training gap.

        Each program is listed once.
        """
        with Session(self.engine) as session:
            rows = session.scalars(BY_GAP, {"run": run}, execution_options={"yield_per": limit})
            return list(islice(_deduplicate(rows), limit))

    def _select_runs(self, problem: str | None, run: int | None, version: str | None) -> Sequence[int | None]:
        if run is None:
            return self.list_comparable_runs(problem, version)
        rows = self._all(select(RunRow).where(RunRow.id == run))
        return [row.id or 0 for row in rows if problem in (None, row.problem)]

    def read_elites(
        self, problem: str, limit: int, run: int | None = None
    ) -> list[tuple[Program, CandidateRow]]:
        """Lists the best programs of a problem in the order of `rank_candidates`."""
        rows = self.rank_candidates(problem, run, limit)
        programs = self._all(PROGRAMS, programs=[row.program for row in rows])
        found = {program.id: program for program in programs}
        return [(found[row.program], row) for row in rows]

    def read_scores(self, program: int, digests: Sequence[str]) -> dict[str, Score]:
        """Returns the known scores of a program, by digest of the instance."""
        return self.read_score_table([program], digests)[program]

    def read_score_table(
        self, programs: Sequence[int], digests: Sequence[str]
    ) -> dict[int, dict[str, Score]]:
        """Returns the known scores of programs, by program and digest.

        Every program has an entry.
        """
        found: dict[int, dict[str, Score]] = {program: {} for program in programs}
        with self.engine.connect() as connection:
            for some in _split_chunks(list(found)):
                for few in _split_chunks(digests):
                    rows = connection.execute(COSTS, {"programs": some, "digests": few})
                    for program, digest, outcome, message, cost, seconds, level, compiling in rows:
                        score = Score(outcome, message, cost, seconds, Level(level), compiling)
                        found[program][digest] = score
        return found

    def read_best_costs(
        self, problem: str, digests: Sequence[str], version: str = FIRST_VERSION, maximise: bool = False
    ) -> dict[str, tuple[int, float]]:
        """Returns the first program with the best cost, by digest."""
        found: dict[str, tuple[int, float]] = {}
        with self.engine.connect() as connection:
            for few in _split_chunks(digests):
                values = {"problem": problem, "version": version, "digests": few}
                for digest, program, cost in connection.execute(BEST_COSTS, values):
                    best = found.get(digest)
                    sign = -1.0 if maximise else 1.0
                    if best is None or sign * (cost or 0.0) < sign * best[1]:
                        found[digest] = program, cost or 0.0
        return found

    # Baselines

    def read_baselines(
        self, problem: str, digests: Sequence[str], version: str = FIRST_VERSION, seconds: float = 0.0
    ) -> dict[str, Baseline]:
        """Returns the known exact results, by digest.

        Args:
            problem: its name.
            digests: digests of the instances.
            version: version of the problem.
            seconds: unproven results count only if the solver had at least this limit.
        """
        found: dict[str, Baseline] = {}
        with self.engine.connect() as connection:
            for few in _split_chunks(digests):
                values = {"problem": problem, "version": version, "digests": few, "seconds": seconds}
                rows = connection.execute(BASELINES, values)
                found |= {digest: Baseline(*bounds) for digest, *bounds in rows}
        return found

    def read_pinned(self, run: int, digests: Sequence[str]) -> dict[str, Baseline]:
        """Returns the bounds that a run keeps, by digest.

        These are the bounds that were not proven when the run first met the instance.
        """
        found: dict[str, Baseline] = {}
        with self.engine.connect() as connection:
            for few in _split_chunks(digests):
                rows = connection.execute(PINNED, {"run": run, "digests": few})
                found |= {digest: Baseline(*bounds) for digest, *bounds in rows}
        return found

    # Counterexamples

    def list_counterexamples(self, formulation: str) -> list[CounterexampleRow]:
        """Lists the instances that refuted a formulation, the earliest first."""
        query = select(CounterexampleRow).where(CounterexampleRow.formulation == formulation)
        return self._all(query.order_by(col(CounterexampleRow.found), col(CounterexampleRow.digest)))

    # Queries

    def _all(self, query: SelectOfScalar[Found], **values: Any) -> list[Found]:
        with Session(self.engine) as session:
            return list(session.scalars(query, values))

    def _first(self, query: SelectOfScalar[Found], **values: Any) -> Found | None:
        with Session(self.engine) as session:
            return session.scalars(query, values).first()

    def _value(self, query: Executable, **values: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(query, values).scalar()


def _read_ranked(session: Session, run: int | None, at_a_time: int) -> Iterator[CandidateRow]:
    yield from session.scalars(RANKED, {"run": run}, execution_options={"yield_per": at_a_time})


def _rank(row: CandidateRow) -> tuple[Any, ...]:
    """Returns the sort key that corresponds to RANK, then the run."""
    no_validation = row.validation_gap is None
    return row.gate != "passed", no_validation, row.validation_gap or 0.0, row.train_gap, row.run


def _deduplicate(rows: Iterable[CandidateRow]) -> Iterator[CandidateRow]:
    seen = set()
    for row in rows:
        if row.program not in seen:
            seen.add(row.program)
            yield row
