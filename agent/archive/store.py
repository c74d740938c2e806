"""The archive: the only writer of the database. Every method is one transaction, committed when it returns."""

import hashlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, func, insert, update
from sqlmodel import Session, col, select

from gapsmith.agent.archive.opening import open_engine
from gapsmith.agent.archive.tables import (
    ArmRow,
    BaselineRow,
    CallRow,
    CandidateRow,
    Evaluation,
    Event,
    Program,
    RunRow,
)
from gapsmith.evaluators.base import Baseline, Instance, Trouble
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

Scores = Sequence[tuple[Instance, Score]]
Digests = Collection[str]


class Archive:
    """What is remembered. Written from one thread; read from any.

    Args:
        location: a path (SQLite) or a database URL.

    Raises:
        Trouble: when it cannot be opened, or holds a newer schema.
    """

    def __init__(self, location: str = "archive.db") -> None:
        self.location = location
        self._engine: Engine = open_engine(location)

    def close(self) -> None:
        """Gives its connections back."""
        self._engine.dispose()

    # Runs

    def start(self, problem: str, model: str, seed: int, config: Mapping[str, Any]) -> int:
        """Opens a run and returns its number."""
        with Session(self._engine) as session:
            row = RunRow(problem=problem, model=model, seed=seed, config=dict(config), started=time.time())
            session.add(row)
            session.commit()
            return _number(row.id)

    def finish(self, run: int, status: str, seconds: float, report: Mapping[str, Any] | None = None) -> None:
        """Records how a run stands: running, stopped, failed or done."""
        values: dict[str, Any] = {"status": status, "seconds": seconds}
        if report is not None:
            values["report"] = dict(report)
        with self._engine.begin() as connection:
            connection.execute(update(RunRow).where(col(RunRow.id) == run).values(**values))

    def run(self, number: int | None = None) -> RunRow:
        """A run by its number, the latest by default. Raises Trouble when there is none."""
        with Session(self._engine) as session:
            query = select(RunRow).order_by(col(RunRow.id).desc())
            found = session.exec(
                query if number is None else query.where(RunRow.id == _stored(number))
            ).first()
        if found is None:
            wanted = "holds no run yet; start one with: gapsmith run PROBLEM"
            raise Trouble(
                f"archive {self.location} " + (wanted if number is None else f"holds no run {number}")
            )
        return found

    def runs(self) -> list[RunRow]:
        """All runs, the latest first."""
        with Session(self._engine) as session:
            return list(session.exec(select(RunRow).order_by(col(RunRow.id).desc())))

    # Candidates

    def answer(self, candidate: CandidateRow, call: CallRow | None = None) -> None:
        """Records a candidate, and with it a model's reply, before anything is done with it."""
        with self._engine.begin() as connection:
            connection.execute(insert(CandidateRow), [candidate.model_dump()])
            if call is not None:
                connection.execute(insert(CallRow), [call.model_dump()])

    def program(self, problem: str, hash_: str, source: str, size: int) -> tuple[int, bool]:
        """The number of a program, recorded now if it was never seen, and whether it is new."""
        with self._engine.begin() as connection:
            query = select(Program.id).where(Program.problem == problem, Program.hash == hash_)
            if (found := connection.execute(query).scalar()) is not None:
                return found, False
            row = insert(Program).values(problem=problem, hash=hash_, source=source, size=size)
            return _number(connection.execute(row.returning(col(Program.id))).scalar_one()), True

    def settle(
        self, run: int, slot: int, values: Mapping[str, Any], scores: Scores = (), known: Digests = ()
    ) -> None:
        """Records the verdict on a slot and its evaluations, but those whose digests are known, at once."""
        place = (col(CandidateRow.run) == run, col(CandidateRow.slot) == slot)
        rows = _new(values["program"], scores, known)
        with self._engine.begin() as connection:
            connection.execute(update(CandidateRow).where(*place).values(**values))
            if rows:
                connection.execute(insert(Evaluation), rows)

    def record(self, run: int, slot: int, kind: str, detail: Mapping[str, Any]) -> None:
        """Records one decision, unless the very same one of that slot is recorded already."""
        with Session(self._engine) as session:
            query = select(Event).where(Event.run == run, Event.slot == slot, Event.kind == kind)
            if session.exec(query).first() is None:
                session.add(Event(run=run, slot=slot, kind=kind, detail=dict(detail)))
                session.commit()

    def gate(self, run: int, slot: int, passed: bool, gain: float, low: float, high: float) -> None:
        """Records what the gate said of a slot: whether it is the champion now, and the gain with its limits."""
        place = (col(CandidateRow.run) == run, col(CandidateRow.slot) == slot)
        with self._engine.begin() as connection:
            verdict = "passed" if passed else "held back"
            connection.execute(update(CandidateRow).where(*place).values(gate=verdict))
        self.record(run, slot, "gate", {"passed": passed, "gain": gain, "low": low, "high": high})

    def tally(self, run: int, arms: Mapping[str, tuple[int, int]]) -> None:
        """Records how often each operator was tried and gained."""
        with Session(self._engine) as session:
            for name, (tries, gains) in arms.items():
                session.merge(ArmRow(run=run, name=name, tries=tries, gains=gains))
            session.commit()

    def add_scores(self, program: int, scores: Scores) -> None:
        """Records evaluations outside a slot, such as the report's; those already there are left alone."""
        known = self.scores(program, [instance.digest for instance, _ in scores])
        if rows := _new(program, scores, known):
            with self._engine.begin() as connection:
                connection.execute(insert(Evaluation), rows)

    # Reading

    def candidates(self, run: int) -> dict[int, CandidateRow]:
        """The candidates of a run by slot."""
        with Session(self._engine) as session:
            rows = session.exec(
                select(CandidateRow).where(CandidateRow.run == run).order_by(col(CandidateRow.slot))
            )
            return {row.slot: row for row in rows}

    def calls(self, run: int) -> dict[int, CallRow]:
        """The answered calls of a run by slot."""
        with Session(self._engine) as session:
            rows = session.exec(select(CallRow).where(CallRow.run == run).order_by(col(CallRow.slot)))
            return {row.slot: row for row in rows}

    def events(self, run: int) -> list[Event]:
        """The decisions of a run, by slot."""
        with Session(self._engine) as session:
            return list(
                session.exec(select(Event).where(Event.run == run).order_by(col(Event.slot), col(Event.id)))
            )

    def fingerprint(self, run: int) -> str:
        """A hash of all that a run decided and measured, but for time: equal seeds give equal fingerprints."""
        with Session(self._engine) as session:
            candidates = session.exec(
                select(CandidateRow, Program.hash)
                .join(Program, isouter=True)
                .where(CandidateRow.run == run)
                .order_by(col(CandidateRow.slot))
            ).all()
            hashes = dict(session.exec(select(Program.id, Program.hash)).all())
        lines = [
            (
                row.slot,
                row.operator,
                hash_,
                [hashes[p] for p in row.parents],
                row.outcome,
                row.train_gap,
                row.validation_gap,
            )
            for row, hash_ in candidates
        ]
        events = [(event.slot, event.kind, event.detail) for event in self.events(run)]
        return hashlib.sha256(json.dumps([lines, events], sort_keys=True).encode()).hexdigest()[:16]

    def find(self, program: int) -> Program:
        """A program by its number. Raises Trouble when there is none."""
        with Session(self._engine) as session:
            found = session.get(Program, _stored(program))
            if found is None:
                count = session.exec(select(func.count()).select_from(Program)).one()
                raise Trouble(
                    f"archive {self.location} holds no program {program}; it has {count} (gapsmith best lists the best)"
                )
            return found

    def births(self, program: int) -> list[CandidateRow]:
        """The candidates that turned out to be this program, the first first."""
        with Session(self._engine) as session:
            query = select(CandidateRow).where(CandidateRow.program == program)
            return list(session.exec(query.order_by(col(CandidateRow.run), col(CandidateRow.slot))))

    def lineage(self, program: int) -> list[CandidateRow]:
        """How a program and its ancestors were first made, the nearest first. Raises Trouble for a stranger."""
        self.find(program)
        line, seen = [program], [program]
        rows = []
        while line:
            births = self.births(line.pop(0))
            rows += births[:1]
            new = [p for p in (births[0].parents if births else []) if p not in seen]
            line, seen = line + new, seen + new
        return rows

    def best(self, problem: str | None = None, run: int | None = None, limit: int = 10) -> list[CandidateRow]:
        """Scored candidates: what passed the gate, then what came to validation, then by the gap in training."""
        query = select(CandidateRow).join(RunRow).where(col(CandidateRow.train_gap).is_not(None))
        if problem is not None:
            query = query.where(RunRow.problem == problem)
        if run is not None:
            query = query.where(CandidateRow.run == run)
        query = query.order_by(
            col(CandidateRow.gate) != "passed",
            col(CandidateRow.validation_gap).is_(None),
            col(CandidateRow.validation_gap),
            col(CandidateRow.train_gap),
        )
        with Session(self._engine) as session:
            seen: dict[int | None, CandidateRow] = {}
            for row in session.exec(query):
                seen.setdefault(row.program, row)
                if len(seen) == limit:
                    break
            return list(seen.values())

    def scores(self, program: int, digests: Sequence[str]) -> dict[str, Score]:
        """What is known of a program on instances, by digest."""
        wanted = set(digests)
        with Session(self._engine) as session:
            rows = session.exec(select(Evaluation).where(Evaluation.program == program))
            return {row.digest: _score(row) for row in rows if row.digest in wanted}

    # Baselines

    def baselines(self, problem: str, digests: Sequence[str]) -> dict[str, Baseline]:
        """The exact results that are known, by digest."""
        found: dict[str, Baseline] = {}
        with Session(self._engine) as session:
            for start in range(0, len(digests), 500):
                query = select(BaselineRow).where(
                    BaselineRow.problem == problem, col(BaselineRow.digest).in_(digests[start : start + 500])
                )
                for row in session.exec(query):
                    found[row.digest] = Baseline(row.lower, row.upper, row.solution, row.solver, row.seconds)
        return found

    def add_baseline(self, problem: str, instance: Instance, baseline: Baseline) -> None:
        """Records an exact result; a tighter one replaces a looser one."""
        row = BaselineRow(
            problem=problem,
            digest=instance.digest,
            instance=instance.name,
            lower=baseline.lower,
            upper=baseline.upper,
            solution=baseline.solution,
            solver=baseline.solver,
            seconds=baseline.seconds,
        )
        with Session(self._engine) as session:
            session.merge(row)
            session.commit()


def _new(program: int, scores: Scores, known: Digests) -> list[dict[str, Any]]:
    """The rows that are not there yet; what the sandbox itself broke is no fact about the program."""
    new = {i.digest: _evaluation(program, i, s) for i, s in scores if i.digest not in known and not s.ours}
    return list(new.values())


def _evaluation(program: int, instance: Instance, score: Score) -> dict[str, Any]:
    return {
        "program": program,
        "digest": instance.digest,
        "instance": instance.name,
        "outcome": score.outcome,
        "message": score.message,
        "cost": score.cost,
        "cpu_seconds": score.cpu_seconds,
        "isolation": int(score.level),
    }


def _score(row: Evaluation) -> Score:
    return Score(row.outcome, row.message, row.cost, row.cpu_seconds, Level(row.isolation))


def _stored(number: int) -> int:
    """The number, or one that no row has, where it is larger than the database's own."""
    return number if abs(number) < 1 << 63 else -1


def _number(value: int | None) -> int:
    if value is None:  # the database gives every committed row its number
        raise RuntimeError("a committed row has no number")
    return value
