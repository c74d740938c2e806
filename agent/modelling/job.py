"""A job, stored with its run for `resume`.

And the context in which it is worked on.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gapsmith.agent.archive import Archive, Lease
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.executors.registry import LOCAL, check_executor, open_executor
from gapsmith.agent.modelling.program import PRELOAD
from gapsmith.agent.modelling.session import PROBLEM, Session
from gapsmith.agent.models import Options, close_model, open_model
from gapsmith.agent.models.base import Model
from gapsmith.agent.models.hosted.batch.base import check_batches
from gapsmith.agent.models.hosted.prices import check_prices
from gapsmith.agent.runs.budget import Budget, Ledger
from gapsmith.agent.runs.ownership import MARK, add_mark
from gapsmith.agent.runs.settings import BATCH_WINDOW
from gapsmith.evaluators.base import UsageError
from gapsmith.sandbox import Level

MODEL, BENCH, SYNTHESISE = "model", "bench modelling", "synthesise"
MAX_SAMPLES = 100
PARALLEL = 8
"""Concurrent requests by default."""


@dataclass(frozen=True, kw_only=True)
class ModellingJob:
    """A job: the settings of a run.

    Attributes:
        verb: MODEL, BENCH or SYNTHESISE.
        about: settings of that command: a file, a problem, a count.
        model: the model that formulates, as on the command line.
        teller: the model that writes word problems; empty for other commands.
        samples: number of independent programs for a question, for the vote.
        budget: the hard limits.
        seed: seed of all random choices, except those of the model.
        cpu_seconds: CPU limit of a program, for all its threads together.
        parallel: maximum number of concurrent requests; see `window`.
        workers: number of sandboxes.
        base_url: address of a server that speaks a provider's API.
        minimum_level: the weakest isolation that is accepted.
        executor: where programs run, by name.
        batch: whether hosted models are asked in batches, at half the price; it may take hours.
    """

    verb: str
    about: Mapping[str, Any] = field(default_factory=dict)
    model: str
    teller: str = ""
    samples: int = 1
    budget: Budget
    seed: int = 0
    cpu_seconds: float = 30.0
    parallel: int | None = None
    workers: int = 2
    base_url: str | None = None
    minimum_level: int = int(Level.L2)
    executor: str = LOCAL
    batch: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= MAX_SAMPLES:
            raise UsageError(f"samples is {self.samples}; expected 1 to {MAX_SAMPLES}")
        for name in ("cpu_seconds", "parallel", "workers"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; expected more than 0")
        check_executor(self.executor)

    @property
    def window(self) -> int:
        """Number of samples that are worked on at once: with batches the size of one."""
        return self.parallel or (BATCH_WINDOW if self.batch else PARALLEL)

    @property
    def names(self) -> tuple[str, ...]:
        """The models, each once."""
        return tuple(dict.fromkeys(name for name in (self.teller, self.model) if name))

    def encode(self) -> dict[str, Any]:
        """Encodes the job for JSON."""
        return {**vars(self), "about": dict(self.about), "budget": dict(vars(self.budget))}

    @classmethod
    def decode(cls, plain: Mapping[str, Any]) -> "ModellingJob":
        """Decodes a job from JSON."""
        kept = {name: value for name, value in plain.items() if name != MARK}
        return cls(**{**kept, "budget": Budget(**plain["budget"])})


@dataclass(frozen=True)
class JobContext:
    """A run in progress.

    Attributes:
        run: its number in the archive.
        order: the job.
        archive: the archive.
        ledger: the spent and the remaining budget.
        session: sends requests and runs programs.
        stop: an event; once it is set, no more requests are sent.
    """

    run: int
    order: ModellingJob
    archive: Archive
    ledger: Ledger
    session: Session
    stop: threading.Event


@contextmanager
def open_job(
    order: ModellingJob,
    archive: Archive,
    number: int | None = None,
    models: Sequence[Model] = (),
    executor: Executor | None = None,
) -> Iterator[JobContext]:
    """Opens what a job needs: models, sandboxes, and its run.

    Args:
        order: the job.
        archive: the archive of the run.
        number: number of a run to resume; None starts a new one.
        models: used instead of the models that the job names.
        executor: used instead of the one that the job names; not closed.
    """
    stop = threading.Event()
    asked = tuple(models) or _open_models(order, stop)
    try:
        check_prices(asked, order.budget.usd)
        if order.batch:
            check_batches(asked)
        before = archive.run(number).seconds if number is not None else 0.0
        run = number or archive.start(PROBLEM, "+".join(order.names), order.seed, add_mark(order.encode()))
        ledger = Ledger(order.budget, before)
        with _record_status(archive, run, ledger, stop), _open_executor(order, executor) as found:
            session = Session(run, asked, archive, found, ledger, order.seed, stop, order.window)
            yield JobContext(run, order, archive, ledger, session, stop)
    finally:
        for model in asked:
            close_model(model)


@contextmanager
def _record_status(archive: Archive, run: int, ledger: Ledger, stop: threading.Event) -> Iterator[None]:
    with Lease(archive, run, stop.set) as lease:
        status = "stopped"
        archive.finish(run, "running", ledger.before)
        try:
            yield
            lease.check()
            status = "stopped" if stop.is_set() else "done"
        except Exception:  # whatever it is, the run is marked as failed; it is raised again
            status = "failed"
            raise
        finally:
            if not lease.lost:
                archive.finish(run, status, ledger.seconds)


@contextmanager
def _open_executor(order: ModellingJob, given: Executor | None) -> Iterator[Executor]:
    if given is not None:
        yield given
        return
    minimum = Level(order.minimum_level)
    with open_executor(order.executor, order.workers, minimum, PRELOAD) as executor:
        yield executor


def _open_models(order: ModellingJob, stop: threading.Event) -> tuple[Model, ...]:
    for name in order.names:
        if name == "offline":
            raise UsageError(
                "offline assembles heuristics and cannot read word problems; expected --model openai:NAME, "
                "anthropic:NAME, manual:FOLDER or replay:FILE"
            )
    options = Options(batch=order.batch)
    return tuple(
        open_model(name, base_url=order.base_url, options=options, stop=stop) for name in order.names
    )
