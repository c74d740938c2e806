"""Who asks and who runs: takes chains of questions and programs forward, many beside each other.

A chain is a generator: it yields a Letter and is sent the answered call (None where the budget has no room for it),
or yields a Trial and is sent what came of the program. Every reply is committed before it is sent on, and every
verdict too. On resume the same chains start again; what the archive holds is not asked, not paid and not run again.
"""

import hashlib
import math
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from gapsmith.agent.archive import Archive, Call, Candidate, CandidateRow
from gapsmith.agent.codegen.prompt import Prompt
from gapsmith.agent.codegen.screen import Screened
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.modelling.answer import Answer, Kind, Verdict
from gapsmith.agent.modelling.program import turned_away, work
from gapsmith.agent.models import close_model
from gapsmith.agent.models.base import Model, Reply, Request, Stopped
from gapsmith.agent.models.callers import GLANCE_SECONDS, Callers
from gapsmith.agent.models.storable import storable
from gapsmith.agent.runs.budget import Ledger
from gapsmith.evaluators.base import Trouble
from gapsmith.sandbox import SandboxTrouble

T = TypeVar("T")
PROBLEM = "modelling"
"""Under this name the archive keeps runs and programs that began with words."""

VERDICT = "verdict"


@dataclass(frozen=True)
class Letter:
    """A question to a model.

    Attributes:
        slot: its place in the run.
        model: who is asked, as on the command line.
        operator: what is asked for.
        prompt: the words.
        parents: programs that it shows.
        outcome: what the archive says of its slot as long as no program of it has been judged.
    """

    slot: int
    model: str
    operator: str
    prompt: Prompt
    parents: tuple[int, ...] = ()
    outcome: str = "asked"


@dataclass(frozen=True)
class Trial:
    """A program that is to be run, if it is one.

    Attributes:
        slot: of the letter that brought it.
        found: what was found in the reply.
        cpu_seconds: at most, of all its threads together.
    """

    slot: int
    found: Screened
    cpu_seconds: float


@dataclass(frozen=True)
class Ran:
    """What came of a trial: the program's number in the archive, None where there is none, and the verdict."""

    program: int | None
    verdict: Verdict


Step: TypeAlias = Letter | Trial
Chain: TypeAlias = Generator[Step, Any, T]


class Sitting:
    """One run while it is worked on.

    Args:
        run: its number in the archive.
        models: who answers.
        archive: what is remembered; only the thread that iterates writes.
        executor: where programs run.
        ledger: the budget.
        seed: all that models may do by chance follows from it and from the slot.
        stop: once set, nothing more is asked; what is under way is waited for and kept.
        window: chains that are open at once, for models that are not deterministic.
    """

    def __init__(
        self,
        run: int,
        models: Sequence[Model],
        archive: Archive,
        executor: Executor,
        ledger: Ledger,
        seed: int,
        stop: threading.Event,
        window: int,
    ) -> None:
        self._run, self._models = run, {model.name: model for model in models}
        self._archive, self._executor, self._ledger = archive, executor, ledger
        self._seed, self._stop, self._used_up = seed, stop, False
        # Equal questions get equal replies only if they are asked one at a time, in order.
        self._window = 1 if any(model.deterministic for model in models) else window
        self._verdicts = {e.slot: e.detail for e in archive.events(run) if e.kind == VERDICT}
        self._open: dict[Future[Any], tuple[Chain[Any], Step]] = {}
        self._held: list[tuple[Chain[Any], Step]] = []
        self._trouble: Exception | None = None

    def work(self, chains: Iterable[Chain[T]]) -> Generator[T, None, None]:
        """The results of the chains, as they come. Raises what ended the work, once the rest has ended.

        Close it if it is left early: then what is under way is waited for, and kept.
        """
        try:
            with Callers(self._ledger.out_of_time) as callers:
                try:
                    yield from self._all(iter(chains), callers)
                except BaseException:  # whatever it is: nobody is asked any more; it is raised again
                    self._stop.set()
                    raise
        finally:
            self._keep_late()
        if self._trouble:
            raise self._trouble

    def _all(self, chains: Iterator[Chain[T]], callers: Callers) -> Iterator[T]:
        while True:
            yield from self._fill(chains, callers)
            if self._open:
                yield from self._wait(callers)
            elif self._held:  # nothing is under way that could leave the budget more room
                yield from self._advance(self._held.pop(0)[0], None, callers)
            else:
                break

    def _fill(self, chains: Iterator[Chain[T]], callers: Callers) -> Iterator[T]:
        """Sends what was held back for lack of room, then begins new chains."""
        while self._held and self._begun(*self._held[0], callers):
            del self._held[0]
        while len(self._open) < self._window and not self._held and not self._ended:
            if (chain := next(chains, None)) is None:
                break
            yield from self._advance(chain, None, callers)

    def _wait(self, callers: Callers) -> Iterator[T]:
        # A signal that comes just before a wait is heard only after it: so none is long.
        left = self._left
        glance = GLANCE_SECONDS if left is None else min(left, GLANCE_SECONDS)
        done, _ = wait(self._open, glance, return_when=FIRST_COMPLETED)
        if not done and self._left == 0:
            self._leave_behind()
        for future in sorted(done, key=lambda each: self._open[each][1].slot):
            chain, step = self._open[future]
            if (value := self._taken(future, step)) is not None:
                yield from self._advance(chain, value, callers)

    @property
    def _left(self) -> float | None:
        """Seconds for which answers are waited for; None where nothing limits them, or programs alone are run."""
        asked = any(isinstance(step, Letter) for _, step in self._open.values())
        return self._ledger.left if asked else None

    def _leave_behind(self) -> None:
        """The time is used up: nobody waits for answers any more; programs still end."""
        self._used_up = True
        for model in self._models.values():
            close_model(model)
        for future, (_, step) in list(self._open.items()):
            if isinstance(step, Letter) and not future.done():
                del self._open[future]

    @property
    def _ended(self) -> bool:
        return self._used_up or self._trouble is not None or self._stop.is_set()

    def _advance(self, chain: Chain[T], value: object, callers: Callers) -> Iterator[T]:
        """Takes a chain on to where it has to wait, or to its end, which is yielded."""
        try:
            step = chain.send(value)
            while (value := self._known(step)) is not None:
                step = chain.send(value)
            if not self._begun(chain, step, callers):
                self._held.append((chain, step))
        except StopIteration as end:
            yield end.value

    def _known(self, step: Step) -> Call | Ran | None:
        """What the archive holds already, or what need not be run."""
        if isinstance(step, Letter):
            return self._paid(step)
        row = self._archive.candidate(self._run, step.slot)
        if row is not None and step.slot in self._verdicts:
            return Ran(row.program, _verdict(row, self._verdicts[step.slot]))
        return None if step.found.outcome == "ok" else self._settled(step, turned_away(step.found))

    def _paid(self, letter: Letter) -> Call | None:
        call = self._archive.call(self._run, letter.slot)
        if call is not None:
            paid = self._most_usd(letter) if call.usd is None else call.usd
            self._ledger.reserve(paid, paid=True, evaluations=0)
            self._ledger.settle_call(paid, call.usd)
        return call

    def _begun(self, chain: Chain[Any], step: Step, callers: Callers) -> bool:
        """Sends a letter or a program on its way; False where the budget has no room for a letter."""
        if isinstance(step, Letter):
            if self._ended or not self._ledger.reserve(self._most_usd(step), evaluations=0):
                return False
            model = self._models[step.model]
            future: Future[Any] = callers.submit(_storable_reply, model, self._request(step))
        else:
            future = self._executor.submit(work(step.found.source, step.cpu_seconds))
        self._open[future] = chain, step
        return True

    def _taken(self, future: Future[Any], step: Step) -> Call | Ran | None:
        """What came, committed; None where it ends the work."""
        try:
            result = future.result()
        except (Trouble, SandboxTrouble) as error:
            del self._open[future]
            self._trouble = self._trouble or (None if isinstance(error, Stopped) else error)
            return None
        found = self._kept(step, result) if isinstance(step, Letter) else self._settled(step, result)
        del self._open[future]
        return found

    def _keep_late(self) -> None:
        """However the work is left: replies that came are kept."""
        failed: Trouble | None = None
        for future, (_, step) in list(self._open.items()):
            if isinstance(step, Letter) and future.done() and future.exception() is None:
                try:
                    self._kept(step, future.result())
                except Trouble as error:  # the archive has the reply in memory; the next one is kept too
                    failed = failed or error
        if failed:
            raise failed

    def _request(self, letter: Letter) -> Request:
        chance = hashlib.sha256(f"{self._seed}/{letter.slot}/reply".encode()).digest()
        prompt = letter.prompt
        return Request(
            slot=letter.slot,
            operator=letter.operator,
            system=prompt.system,
            prompt=prompt.text,
            seed=int.from_bytes(chance[:6]),
        )

    def _kept(self, letter: Letter, reply: Reply) -> Call:
        """Commits a reply before anything is done with it."""
        call = Call(
            run=self._run,
            slot=letter.slot,
            model=letter.model,
            operator=letter.operator,
            template=letter.prompt.template,
            system=letter.prompt.system,
            prompt=letter.prompt.text,
            reply=reply.text,
            tokens_in=reply.tokens_in,
            tokens_cached=reply.tokens_cached,
            tokens_out=reply.tokens_out,
            usd=reply.usd,
            seconds=reply.seconds,
            reply_id=reply.id,
            detail=dict(reply.detail),
        )
        row = Candidate(
            run=self._run,
            slot=letter.slot,
            operator=letter.operator,
            parents=list(letter.parents),
            outcome=letter.outcome,
            model=letter.model,
        )
        self._archive.answer(row, call)
        self._ledger.settle_call(self._most_usd(letter), reply.usd)
        return call

    def _most_usd(self, letter: Letter) -> float:
        words = letter.prompt.system + letter.prompt.text
        most = self._models[letter.model].most_usd(len(words.encode(errors="replace")))
        return most if most is not None and 0 < most < math.inf else 0.0

    def _settled(self, trial: Trial, verdict: Verdict) -> Ran:
        """Commits what came of a program."""
        found, program = trial.found, None
        if found.source.strip() and verdict.kind is not Kind.NO_CODE:
            hash_ = found.hash or hashlib.sha256(found.source.encode()).hexdigest()[:32]
            program, _ = self._archive.program(PROBLEM, hash_, found.source, found.size)
        values = {"program": program, "outcome": str(verdict.kind), "message": verdict.message}
        detail = vars(verdict.answer) if verdict.answer else {}
        self._archive.settle(self._run, trial.slot, values, events=[(VERDICT, detail)])
        return Ran(program, verdict)


def _storable_reply(model: Model, request: Request) -> Reply:
    return storable(model.reply(request))


def _verdict(row: CandidateRow, detail: dict[str, Any]) -> Verdict:
    return Verdict(Kind(row.outcome), row.message, Answer(**detail) if detail else None)
