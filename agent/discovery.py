"""A discovery job from its settings to its report: wires the parts, runs the loop, opens the sealed test once."""

import gc
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.baselines import Progress as Doing
from gapsmith.agent.baselines import silent
from gapsmith.agent.batching import Waiting
from gapsmith.agent.budget import Budget, Ledger
from gapsmith.agent.executor import Executor, LocalExecutor
from gapsmith.agent.finishing import finalists, finish
from gapsmith.agent.formulating import is_formulation
from gapsmith.agent.hinting import helped
from gapsmith.agent.loop import WINDOW, Loop
from gapsmith.agent.measuring import Measuring
from gapsmith.agent.models import ManualModel, Options, open_model
from gapsmith.agent.models.base import Model
from gapsmith.agent.models.batch import batches_of
from gapsmith.agent.models.pool import Pool
from gapsmith.agent.models.prices import check_prices
from gapsmith.agent.problems import find_problem, unknown
from gapsmith.agent.progress import Progress
from gapsmith.agent.reporting import Report, make_report
from gapsmith.agent.retelling import retell
from gapsmith.agent.search.operators import ASKED
from gapsmith.agent.search.state import SearchState, Switches
from gapsmith.agent.search.strategies import Strategy
from gapsmith.agent.supply import Supply
from gapsmith.evaluators.base import Problem, Trouble, UsageTrouble
from gapsmith.sandbox import Level

USUAL_BUDGET = 600
"""Evaluations that are reckoned with where only time or money is limited."""

FEWEST_OPEN, ROUNDS = 4, 25
"""Questions that are open at least; and how often, in a short run, all that are open have been answered."""

BATCH_WINDOW, BATCHES = 128, 8
"""Questions of one batch at most; and the batches of a short run."""

OBJECTS_BETWEEN = 50_000
"""Objects made between two visits of Python's collector: a candidate's tree has hundreds, and leaves no cycles."""

LISTS = ("models", "instances", "test", "seeds", "without")

SEARCHED, CHOSEN = 0.6, 0.8
"""The parts of a CPU limit that training and validation allow, and the finale: the sealed test may fall on a slower
moment, and the winner's use on a slower day."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a run depends on; kept with it, so that `resume` needs nothing else.

    Attributes:
        problem: a name, or the path of a file that defines one.
        models: as on the command line; who of several is asked, the search learns unless they have weights.
        budget: the wall.
        seed: equal seeds give equal archives for deterministic models.
        workers: sandboxes at once.
        base_url: of a server that speaks a provider's API.
        instances: files to learn from in place of generated instances; split in three.
        test: files for the sealed test in place of generated instances.
        baseline_seconds: limit of the exact method for each instance.
        minimum_level: the weakest isolation that is accepted.
        seeds: programs to start from besides the reference rules: source, not names, so that `resume` has them.
        heuristic: of a formulation: the source of a heuristic that gives it hints and an upper bound.
        without: parts of the search that are switched off, for comparisons; see `Switches`.
        cpu_seconds: the most that a program may use for an instance, where the problem allows more.
        batch: whether hosted models are asked in batches, at half the price; it may take hours.
        parallel: questions that may be open at once; by the budget if not given, see `window`.
    """

    problem: str
    models: tuple[str, ...] = ("offline",)
    budget: Budget
    seed: int = 0
    workers: int = 2
    base_url: str | None = None
    instances: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    baseline_seconds: float = 60.0
    minimum_level: int = int(Level.L2)
    seeds: tuple[str, ...] = ()
    heuristic: str = ""
    without: tuple[str, ...] = ()
    cpu_seconds: float | None = None
    parallel: int | None = None
    batch: bool = False

    @property
    def size(self) -> int:
        """Evaluations or calls, about; what it is usually where only time or money is limited."""
        return self.budget.evaluations or self.budget.calls or USUAL_BUDGET

    @property
    def window(self) -> int:
        """Questions open at once: a short search must know what its last answers gave, a long one may be fast.

        A batch takes as long whether it is large or small, so that fewer and larger ones are sent.
        """
        most, rounds = (BATCH_WINDOW, BATCHES) if self.batch else (WINDOW, ROUNDS)
        return self.parallel or min(most, max(FEWEST_OPEN, self.size // rounds))

    @property
    def model(self) -> str:
        """All models in one word."""
        return "+".join(self.models)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        lists = {name: list(getattr(self, name)) for name in LISTS}
        return {**vars(self), "budget": dict(vars(self.budget)), **lists}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Settings":
        """Back from JSON."""
        plain = dict(plain)
        if "verb" in plain:
            raise UsageTrouble(
                f"this is a run of `gapsmith {plain['verb']}`; expected a search for heuristics"
            )
        if "model" in plain:  # runs of the archive's first schema had one model
            plain["models"] = (plain.pop("model"),)
        lists = {name: tuple(plain.get(name, ())) for name in LISTS}
        return cls(**{**plain, **lists, "budget": Budget(**plain["budget"])})


class Run:
    """A discovery job. Iterate over it while it works, or call `report` for the end of it.

    Args:
        settings: what to do.
        archive: what is remembered.
        number: of a run to go on with; None starts a new one.
        problem: in place of the settings' name.
        models: in place of the settings' names.
        executor: in place of local workers.
        strategies: in place of the portfolio that the budget gives.
        doing: told about work before and after the loop.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        number: int | None = None,
        problem: Problem | None = None,
        models: Sequence[Model] = (),
        executor: Executor | None = None,
        strategies: Sequence[Strategy] = (),
        doing: Doing = silent,
    ) -> None:
        self.settings, self.archive, self._doing = settings, archive, doing
        self._stop = threading.Event()
        self._strategies = strategies
        self.problem = _hurried(problem or find_problem(settings.problem), settings.cpu_seconds)
        self._switches = _switches(settings.without, self.problem)
        if settings.heuristic:
            self.problem = helped(self.problem, settings.heuristic)
        self.models = tuple(models) or self._opened_models()
        self._pool = Pool.of([model.name for model in self.models], settings.models, ASKED)
        check_prices(self.models, settings.budget.usd)
        if settings.batch:
            self._check_batches()
        self.supply = Supply(
            _reserved(self.problem, SEARCHED),
            settings.instances,
            settings.test,
            settings.seed,
            archive,
            settings.baseline_seconds,
            doing,
        )
        before = archive.run(number).seconds if number is not None else 0.0
        self.number = number or archive.start(
            self.problem.name, settings.model, settings.seed, settings.plain()
        )
        if number is None:
            retell(archive, self.number, self.problem, settings.seeds, self.models)
        self.ledger = Ledger(settings.budget, before)
        self._resources = ExitStack()
        self._executor = executor or self._resources.enter_context(
            LocalExecutor(settings.workers, Level(settings.minimum_level), self.problem.preload)
        )

    def __iter__(self) -> Iterator[Progress]:
        status = "failed"
        try:
            self.archive.finish(self.number, "running", self.ledger.before)
            yield from self._work()
            status = "stopped" if self.stopped else "searched"
        finally:
            self.archive.finish(self.number, status, self.ledger.seconds)
            if "loop" in vars(self):
                self.archive.tally(self.number, _tallies(self.loop.state))

    @cached_property
    def loop(self) -> Loop:
        """The loop; making it solves the training and validation instances."""
        course = self.supply.course
        return Loop(
            self.number,
            course,
            self.models,
            self._pool,
            self.archive,
            self._executor,
            self.ledger,
            SearchState(course, self._strategies, self.settings.size, self._switches),
            seed=self.settings.seed,
            stop=self._stop,
            seeds=self.settings.seeds,
            fresh=self.supply.exchanged,
            window=self.settings.window,
        )

    @property
    def waiting(self) -> list[Waiting]:
        """The batches of questions that are waited for, or that a stop left at work."""
        return self.loop.waiting if "loop" in vars(self) else []

    def stop(self) -> None:
        """Asks nothing more; what is under way is kept."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def close(self) -> None:
        """Ends the sandboxes and the model's connections."""
        self._resources.close()
        for model in self.models:
            if close := getattr(model, "close", None):
                close()

    def _work(self) -> Iterator[Progress]:
        last = time.monotonic()
        loop = self.loop
        with _seldom_collected():
            for progress in loop:
                if time.monotonic() - last > 1.0:  # so that a killed run knows how long it had worked
                    last = time.monotonic()
                    self.archive.finish(self.number, "running", self.ledger.seconds)
                self._tell(progress.slot)
                yield progress

    def _tell(self, slot: int) -> None:
        """Has a person who answered know what came of it."""
        people = {model.name: model for model in self.models if isinstance(model, ManualModel)}
        row = self.archive.candidate(self.number, slot) if people else None
        if row is None or row.model not in people:
            return
        words = row.message if row.train_gap is None else f"{row.train_gap:.3f} % gap in training"
        source = "" if row.program is None else self.archive.find(row.program).source
        people[row.model].tell(slot, row.outcome, words, source)

    def report(self) -> Report:
        """Ends the search, opens the sealed test, and says what came of it. Raises Trouble."""
        state = self.loop.state
        if state.champion is None:
            raise Trouble(self._no_champion())
        settings, contestants = self.settings, finalists(state.champion, state.everyone.elites)
        seconds = settings.baseline_seconds
        by = Measuring(self.problem, self._executor, self.archive, seconds, self._doing)
        choosing = replace(by, problem=_reserved(self.problem, CHOSEN))
        finale = finish(self.number, contestants, state.train, self.supply.unseen, choosing)
        return make_report(
            self.number, settings.model, finale, state.train, self.supply.test, by, self.ledger
        )

    # Words

    def _no_champion(self) -> str:
        rows = self.archive.candidates(self.number).values()
        first = next((row for row in rows if row.outcome not in ("ok", "raced", "duplicate", "asked")), None)
        why = f"; the first failure: slot {first.slot}, {first.outcome}: {first.message}" if first else ""
        return f"run {self.number} has no program that solved all training and validation instances{why}"

    def _check_batches(self) -> None:
        if not batches_of(self.models):
            raise UsageTrouble(
                f"--batch is for models of openai: and anthropic:; found {self.settings.model}; leave it out, or "
                "name such a model with --model"
            )

    def _opened_models(self) -> tuple[Model, ...]:
        base_url = self.settings.base_url
        options = Options(batch=self.settings.batch)
        names = self.settings.models
        return tuple(open_model(name, base_url=base_url, options=options, stop=self._stop) for name in names)


def discover(
    problem: str | Problem,
    *,
    model: str | Model | Sequence[str | Model] = "offline",
    budget: Budget,
    archive: str | Archive = "archive.db",
    executor: Executor | None = None,
    strategies: Sequence[Strategy] = (),
    doing: Doing = silent,
    **settings: Any,
) -> Run:
    """A discovery job, ready to be iterated over; `settings` are the other fields of Settings."""
    asked = (model,) if isinstance(model, str) or not isinstance(model, Sequence) else tuple(model)
    named = Settings(
        problem=problem if isinstance(problem, str) else problem.name,
        models=tuple(each if isinstance(each, str) else each.name for each in asked),
        budget=budget,
        **settings,
    )
    words = all(isinstance(each, str) for each in asked)
    return Run(
        named,
        archive if isinstance(archive, Archive) else Archive(archive),
        problem=None if isinstance(problem, str) else problem,
        models=() if words else [open_model(each) if isinstance(each, str) else each for each in asked],
        executor=executor,
        strategies=strategies,
        doing=doing,
    )


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Keeps the collector from looking at all modules again and again, and at every candidate's tree."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()  # what a run leaves behind is collected when the next one begins


def _hurried(problem: Problem, most: float | None) -> Problem:
    """The problem with at most so many CPU seconds for an instance."""
    if most is None:
        return problem
    return replace(problem, cpu_seconds=lambda instance: min(most, problem.cpu_seconds(instance)))


def _reserved(problem: Problem, part: float) -> Problem:
    """The problem with a part of its CPU limit only."""
    return replace(problem, cpu_seconds=lambda instance: part * problem.cpu_seconds(instance))


def _switches(without: Sequence[str], problem: Problem) -> Switches:
    """What is on; the numbers in a formulation are no constants to be tuned: most of them make it right."""
    try:
        return Switches.without([*without, *(("tuning",) if is_formulation(problem) else ())])
    except KeyError as error:
        raise UsageTrouble(unknown("part of the search", error.args[0], list(vars(Switches())))) from None


def _tallies(state: SearchState) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "name": name,
            "tries": tally.tries,
            "gains": tally.gains,
            "reward": tally.reward,
            "cost": tally.cost,
        }
        for kind, bandit in state.tallies.items()
        for name, tally in bandit.tallies.items()
    ]
