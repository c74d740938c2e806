"""Writes the database. Every method is one transaction, committed when it returns."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from gapsmith.agent.archive.bounds import merge_bounds
from gapsmith.agent.archive.queries import BOUNDS
from gapsmith.agent.archive.reader import Reader
from gapsmith.agent.archive.rows import Digests, Scores, _event, _new, _number
from gapsmith.agent.archive.safety.guarding import Guard, LineWriter
from gapsmith.agent.archive.safety.leases import describe_lease, is_over
from gapsmith.agent.archive.safety.unwritten import UnwrittenReplies, ignore_line
from gapsmith.agent.archive.tables import (
    ArmRow,
    BaselineRow,
    BatchRow,
    Call,
    CallRow,
    Candidate,
    CandidateRow,
    CounterexampleRow,
    Evaluation,
    Event,
    LeaseRow,
    Program,
    RunBoundRow,
    RunRow,
)
from gapsmith.evaluators.base import FIRST_VERSION, Baseline, GapsmithError, Instance

Events = Sequence[tuple[str, Mapping[str, Any]]]

# Built once: building a statement takes longer than running it.
OF_BASELINE = (
    col(BaselineRow.problem) == bindparam("of_problem"),
    col(BaselineRow.version) == bindparam("of_version"),
    col(BaselineRow.digest) == bindparam("of_digest"),
)
BASELINE = select_columns(*BOUNDS, col(BaselineRow.allowed)).where(*OF_BASELINE)
DROP_LEASE = delete(LeaseRow).where(col(LeaseRow.token) == bindparam("of_token"))
REFRESH_LEASE = (
    update(LeaseRow)
    .where(col(LeaseRow.token) == bindparam("of_token"))
    .values({"expires": bindparam("expires")})
)
ADD_BATCH, ADD_CALL, ADD_TALLY = insert(BatchRow), insert(CallRow), insert(ArmRow)
SETTLE = update(CandidateRow).where(
    col(CandidateRow.run) == bindparam("of_run"), col(CandidateRow.slot) == bindparam("of_slot")
)
DROP_TALLY = delete(ArmRow).where(
    col(ArmRow.run) == bindparam("of_run"),
    col(ArmRow.kind) == bindparam("of_kind"),
    col(ArmRow.name) == bindparam("of_name"),
)
KNOWN = select(Program.id).where(
    col(Program.problem) == bindparam("problem"),
    col(Program.version) == bindparam("version"),
    col(Program.hash) == bindparam("hash"),
)


class Archive(Reader):
    """An archive of runs, written by the run's threads.

    Args:
        location: a path (SQLite) or a database URL.
        reading: open for reading only: the archive is neither created nor migrated; its folder may be read-only.
        tell: takes a line about a lock, or about something that could not be written.

    Raises:
        GapsmithError: if it cannot be opened, has a newer schema, or fails in use.
    """

    def __init__(
        self, location: str = "archive.db", reading: bool = False, tell: LineWriter = ignore_line
    ) -> None:
        super().__init__(location, reading)
        self._guard = Guard(self.engine, location, tell)
        self._replies = UnwrittenReplies(self.engine, tell)
        self._failed: list[tuple[Candidate, Call]] = []
        dialect = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        # Another process may have written a row already: it stays.
        self._add_program = dialect.insert(Program).on_conflict_do_nothing().returning(col(Program.id))
        self._add_evaluation = dialect.insert(Evaluation).on_conflict_do_nothing()
        self._add_candidate = dialect.insert(CandidateRow).on_conflict_do_nothing()
        self._add_event = dialect.insert(Event).on_conflict_do_nothing()
        self._add_baseline = dialect.insert(BaselineRow).on_conflict_do_nothing()
        self._add_bound = dialect.insert(RunBoundRow).on_conflict_do_nothing()
        self._add_lease = dialect.insert(LeaseRow).on_conflict_do_nothing()
        self._add_counterexample = dialect.insert(CounterexampleRow).on_conflict_do_nothing()
        if not reading:
            self._store_waiting()

    @contextmanager
    def _begin_transaction(self) -> Iterator[Connection]:
        """Runs a transaction, and checks the file afterwards."""
        with self.engine.connect() as connection:
            with connection.begin():
                yield connection
            self._guard.check_write(connection)

    # Runs

    def start(
        self,
        problem: str,
        model: str,
        seed: int,
        config: Mapping[str, Any],
        version: str = FIRST_VERSION,
    ) -> int:
        """Records a new run and returns its number."""
        row = RunRow(
            problem=problem, model=model, seed=seed, config=dict(config), started=time.time(), version=version
        )
        with self._begin_transaction() as connection:
            added = insert(RunRow).values(row.model_dump(exclude={"id"})).returning(col(RunRow.id))
            return _number(connection.execute(added).scalar())

    def reconfigure(self, run: int, config: Mapping[str, Any]) -> None:
        """Records changed settings of a run, such as another address."""
        with self._begin_transaction() as connection:
            connection.execute(update(RunRow).where(col(RunRow.id) == run).values(config=dict(config)))

    def assign_version(self, run: int, problem: str, version: str) -> None:
        """Assigns a version of its problem to an old run.

        Its programs get new numbers, without scores.
        """
        rows = self.read_candidates(run).values()
        numbers = {number for row in rows for number in (*row.parents, row.program) if number is not None}
        new = {number: self._find_in_version(number, problem, version) for number in numbers}
        with self._begin_transaction() as connection:
            for row in rows:
                values = {
                    "program": row.program and new[row.program],
                    "parents": [new[each] for each in row.parents],
                }
                place = col(CandidateRow.run) == run, col(CandidateRow.slot) == row.slot
                connection.execute(update(CandidateRow).where(*place).values(values))
            connection.execute(update(RunRow).where(col(RunRow.id) == run).values(version=version))

    def _find_in_version(self, program: int, problem: str, version: str) -> int:
        """Returns the number of the same program in another version."""
        found = self.find(program)
        return self.add_program(problem, found.hash, found.source, found.size, version)[0]

    # Leases

    def take_lease(self, lease: LeaseRow) -> None:
        """Takes a lease on a run.

        Raises GapsmithError where another process has it.
        """
        kept = self.find_lease(lease.run)
        if kept is not None and not is_over(kept, time.time()):
            raise GapsmithError(describe_lease(kept))
        with self._begin_transaction() as connection:
            if kept is not None:
                connection.execute(DROP_LEASE, {"of_token": kept.token})
            taken = connection.execute(self._add_lease, lease.model_dump()).rowcount
        if not taken:  # another process was faster
            kept = self.find_lease(lease.run)
            raise GapsmithError(describe_lease(kept or lease))

    def refresh_lease(self, lease: LeaseRow, expires: float) -> bool:
        """Extends a lease; returns False where another process has the run."""
        values = {"of_token": lease.token, "expires": expires}
        with self._begin_transaction() as connection:
            return bool(connection.execute(REFRESH_LEASE, values).rowcount)

    def end_lease(self, lease: LeaseRow) -> None:
        """Releases a lease."""
        with self._begin_transaction() as connection:
            connection.execute(DROP_LEASE, {"of_token": lease.token})

    # The life of a run

    def finish(self, run: int, status: str, seconds: float, report: Mapping[str, Any] | None = None) -> None:
        """Records the status of a run: running, stopped, failed or done."""
        values: dict[str, Any] = {"status": status, "seconds": seconds}
        if report is not None:
            values["report"] = dict(report)
        with self._begin_transaction() as connection:
            connection.execute(update(RunRow).where(col(RunRow.id) == run).values(**values))

    def record_tallies(self, run: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Records the bandit statistics of operators, arms and models.

        The rows have the fields of ArmRow but `run`.
        """
        new = [ArmRow(**{**row, "run": run}).model_dump() for row in rows]
        old = [{f"of_{key}": row[key] for key in ("run", "kind", "name")} for row in new]
        if new:
            with self._begin_transaction() as connection:
                connection.execute(DROP_TALLY, old)
                connection.execute(ADD_TALLY, new)

    # Candidates

    def answer(self, candidate: Candidate, call: Call | None = None) -> None:
        """Records a candidate and the model's reply before they are used.

        The candidate exists already if its request was sent in a batch. A reply that cannot be written is kept in
        memory, and `close` writes it.
        """
        try:
            self._answer(candidate, call)
        except GapsmithError:
            if call is not None:
                self._failed.append((candidate, call))
            raise

    def _answer(self, candidate: Candidate, call: Call | None) -> None:
        with self._begin_transaction() as connection:
            connection.execute(self._add_candidate, candidate.model_dump())
            if call is not None:
                connection.execute(ADD_CALL, call.model_dump())

    def close(self) -> None:
        """Writes replies that failed before, and closes the connections.

        What still cannot be written is kept in a file beside the archive.
        """
        left, self._failed = self._failed, []
        try:
            while left and self._ensure_recorded(*left[0]):
                del left[0]
            self._replies.keep(left)
        finally:
            super().close()

    def _ensure_recorded(self, candidate: Candidate, call: Call) -> bool:
        """Tells whether a reply is stored, after another attempt to store it."""
        try:
            if self.call(call.run, call.slot) is None:
                self._answer(candidate, call)
        except GapsmithError:
            return False
        return True

    def _store_waiting(self) -> None:
        """Stores the replies that an earlier process could not write."""
        written = [self._ensure_recorded(*pair) for pair in self._replies.list_waiting()]
        if written and all(written):
            self._replies.remove_file()

    # Batches

    def post(self, batch: BatchRow, candidates: Sequence[Candidate]) -> None:
        """Records a batch and its candidates before it is sent."""
        with self._begin_transaction() as connection:
            connection.execute(self._add_candidate, [each.model_dump() for each in candidates])
            connection.execute(ADD_BATCH, batch.model_dump())

    def follow(self, batch: BatchRow) -> None:
        """Records the id, the state and the results of a batch."""
        values = {"id": batch.id, "state": batch.state, "ends": batch.ends}
        with self._begin_transaction() as connection:
            connection.execute(update(BatchRow).where(col(BatchRow.name) == batch.name).values(**values))

    def add_program(
        self, problem: str, hash_: str, source: str, size: int, version: str = FIRST_VERSION
    ) -> tuple[int, bool]:
        """Returns the number of a program, and whether it is new.

        Args:
            problem: its name.
            hash_: hash of the program's canonical form.
            source: its code.
            size: number of nodes of its syntax tree.
            version: version of the problem, to which the program's scores belong.
        """
        row = {"problem": problem, "version": version, "hash": hash_, "source": source, "size": size}
        with self._begin_transaction() as connection:
            made = connection.execute(self._add_program, row).scalar()
            return (made, True) if made is not None else (connection.execute(KNOWN, row).scalar_one(), False)

    def settle(
        self,
        run: int,
        slot: int,
        values: Mapping[str, Any],
        scores: Scores = (),
        known: Digests = (),
        events: Events = (),
    ) -> None:
        """Records the result of a slot with its evaluations and events.

        Evaluations whose digests are known are left out.
        """
        rows = _new(values["program"], scores, known) if scores else []
        with self._begin_transaction() as connection:
            connection.execute(SETTLE, {**values, "of_run": run, "of_slot": slot})
            if rows:
                connection.execute(self._add_evaluation, rows)
            if events:
                connection.execute(self._add_event, [_event(run, slot, *event) for event in events])

    def record(self, run: int, slot: int, kind: str, detail: Mapping[str, Any]) -> None:
        """Records one decision, unless the slot has one of that kind.

        Slot -1 holds the decisions that belong to no slot.
        """
        with self._begin_transaction() as connection:
            connection.execute(self._add_event, _event(run, slot, kind, detail))

    def record_gate(self, run: int, slot: int, passed: bool, gain: float, low: float, high: float) -> None:
        """Records the gate's decision on a slot, and the gain's interval."""
        detail = {"passed": passed, "gain": gain, "low": low, "high": high}
        verdict = {"gate": "passed" if passed else "held back"}
        self.settle(run, slot, verdict, events=[("gate", detail)])

    def add_scores(self, program: int, scores: Scores) -> None:
        """Records evaluations outside a slot, such as those of the report.

        Evaluations that are stored already stay as they are.
        """
        if rows := _new(program, scores):
            with self._begin_transaction() as connection:
                connection.execute(self._add_evaluation, rows)

    # Baselines

    def add_baseline(
        self,
        problem: str,
        instance: Instance,
        baseline: Baseline,
        allowed: float = 0.0,
        version: str = FIRST_VERSION,
        maximise: bool = False,
    ) -> Baseline:
        """Records an exact result; returns the tightest bounds known.

        Args:
            problem: its name.
            instance: the solved instance.
            baseline: the result.
            allowed: the limit of the solver in seconds.
            version: version of the problem.
            maximise: whether the objective is maximised.

        Raises:
            GapsmithError: if it contradicts the known bounds.
        """
        key = {"problem": problem, "version": version, "digest": instance.digest}
        place = {f"of_{name}": value for name, value in key.items()}
        with self._begin_transaction() as connection:
            new = {**key, "instance": instance.name, **vars(baseline), "allowed": allowed}
            if connection.execute(self._add_baseline, new).rowcount:
                return baseline
            kept = connection.execute(BASELINE, place).one()
            found = merge_bounds(Baseline(*kept[:-1]), baseline, maximise, instance.name)
            values = {**vars(found), "allowed": max(allowed, kept.allowed)}
            connection.execute(update(BaselineRow).where(*OF_BASELINE).values(values), place)
        return found

    def pin_bounds(self, run: int, found: Mapping[str, Baseline]) -> None:
        """Fixes the bounds of a run, by digest.

        They stay the same, whatever is proven later.
        """
        rows = [{"run": run, "digest": digest, **vars(each)} for digest, each in found.items()]
        if rows:
            with self._begin_transaction() as connection:
                connection.execute(self._add_bound, rows)

    # Counterexamples

    def add_counterexample(
        self, formulation: str, digest: str, data: Any, optimum: float, program: int | None = None
    ) -> None:
        """Records an instance that refutes a formulation, unless it is recorded.

        Args:
            formulation: its name.
            digest: digest of the instance.
            data: the instance as plain data for JSON.
            optimum: the proven optimum.
            program: the refuted program, if the archive has it.
        """
        row = CounterexampleRow(
            formulation=formulation,
            digest=digest,
            data=data,
            optimum=optimum,
            found=time.time(),
            program=program,
        )
        with self._begin_transaction() as connection:
            connection.execute(self._add_counterexample, row.model_dump())
