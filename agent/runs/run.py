"""A discovery job from its settings to its report.

Wires the parts, runs the loop, opens the sealed test once.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Self

from gapsmith.agent.archive import Archive, Lease
from gapsmith.agent.evaluation.baselines import ProgressCallback, ignore_progress
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.executors.registry import open_executor
from gapsmith.agent.evaluation.own.files import add_version
from gapsmith.agent.evaluation.own.versions import check_version, describe_unused_results
from gapsmith.agent.evaluation.problems import allow_packages, find_problem, limit_cpu, set_layout
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.agent.models import ManualModel, Options, close_model, open_model
from gapsmith.agent.models.base import Model
from gapsmith.agent.models.hosted.batch.base import check_batches
from gapsmith.agent.models.hosted.prices import check_prices
from gapsmith.agent.models.router import Pool
from gapsmith.agent.runs.budget import Ledger, derive_calls
from gapsmith.agent.runs.final.encoding import Finished
from gapsmith.agent.runs.final.entropy import draw_final_seed, find_source
from gapsmith.agent.runs.final.halving import estimate_by_leaving_out
from gapsmith.agent.runs.final.report import EarlyEnd, Report, make_report
from gapsmith.agent.runs.final.selection import choose_finalists, finish
from gapsmith.agent.runs.hints import add_heuristic, add_knowledge
from gapsmith.agent.runs.loop.batches import BatchStatus
from gapsmith.agent.runs.loop.loop import Loop
from gapsmith.agent.runs.loop.slot import Progress
from gapsmith.agent.runs.ownership import add_mark
from gapsmith.agent.runs.recording import import_recording
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.agent.search.operators import ASKED
from gapsmith.agent.search.state import SearchState
from gapsmith.agent.search.strategies import Strategy
from gapsmith.agent.search.switches import Switches
from gapsmith.evaluators.base import GapsmithError, Problem, UsageError, describe_unknown
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.sandbox import Level


def _open_archive(location: str, opened: ExitStack) -> Archive:
    """Opens an archive that is closed with the run."""
    store = Archive(location)
    opened.callback(store.close)
    return store


class RunStopped(GapsmithError):
    """A stop while instances are solved or the report is made.

    Finished work is kept.
    """


SEARCHED, CHOSEN = 0.6, 0.8
"""The parts of a CPU limit that training and validation allow, and the finale: the sealed test may fall on a slower
moment, and the winner's use on a slower day."""


class Run:
    """A discovery job.

    Iterate over it while it works, or call `report`: either finishes it.

    Use it in a `with` statement, or call `close`: the sandboxes, models and archives that it opened are closed then.

    Args:
        settings: what to do.
        archive: what is remembered; an open archive, or where it is.
        number: of a run to go on with; None starts a new one.
        problem: in place of the settings' name.
        models: in place of the settings' names; objects of the caller's are not closed.
        executor: in place of the one that the settings name; not closed.
        strategies: in place of the portfolio that the budget gives.
        progress: called during work before and after the loop.

    Attributes:
        edited: one line where the archive knows another version of the problem, whose results are not used; or empty.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive | str,
        number: int | None = None,
        problem: Problem | None = None,
        models: Sequence[str | Model] = (),
        executor: Executor | None = None,
        strategies: Sequence[Strategy] = (),
        progress: ProgressCallback = ignore_progress,
    ) -> None:
        self._progress = progress
        self._stop, self._over = threading.Event(), threading.Event()
        self._strategies = strategies
        self._searched, self._report = False, None  # type: bool, Report | None
        self._leaves = (
            True  # whether a stop ends what is being done, in place of the search after its open requests
        )
        with ExitStack() as opened:  # what is opened is closed again where something else fails
            self.archive = archive if isinstance(archive, Archive) else _open_archive(archive, opened)
            named = problem or find_problem(settings.problem)
            self._scales = (named.scale, *named.scales)
            scaled = add_version(set_layout(named, settings.layout)).scale_to(settings.scale)
            self.settings = replace(settings, scale=scaled.scale)
            self.problem = limit_cpu(allow_packages(scaled, settings.allow), settings.cpu_seconds)
            self._switches = _make_switches(settings.without, self.problem)
            self.problem = add_knowledge(self.problem, settings.start, settings.notes, not settings.instances)
            if settings.heuristic:
                self.problem = add_heuristic(self.problem, settings.heuristic)
            self.models = tuple(self._model(each, opened) for each in models or settings.models)
            self._pool = Pool.build([model.name for model in self.models], settings.models, ASKED)
            self._check_models()
            self.supply = self._supply()
            self._executor = executor or self._own_executor(opened)
            self.edited = self._describe_versions(number)
            self._finished = Finished.find(self.archive, number)
            self.number = self.supply.run = self._start_run() if number is None else number
            self.ledger = Ledger(settings.budget, self._finished.seconds, most_calls=self._derive_calls())
            self._resources = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Progress]:
        yield from self.search()
        if not self.stopped:
            self.report()

    def search(self) -> Iterator[Progress]:
        """Searches until the budget is used up, or a stop. No report."""
        with Lease(self.archive, self.number, self.stop) as lease:
            status = "stopped"  # also where the caller leaves its loop, or a signal leaves at once
            try:
                self.archive.finish(self.number, "running", self.ledger.before)
                yield from self._work()
                lease.check()
                self._searched = not self.stopped
                status = "searched" if self._searched else "stopped"
            except RunStopped:
                pass  # before the first question
            except Exception:  # whatever it is, the run is marked as failed; it is raised again
                status = "failed"
                raise
            finally:
                if not lease.lost:
                    self._end_search(status)

    def _end_search(self, status: str) -> None:
        self.archive.finish(self.number, status, self.ledger.seconds)
        if self._begun:
            self.archive.record_tallies(self.number, self.loop.state.list_tallies())

    @property
    def _solver_seconds(self) -> float:
        return self.settings.baseline_seconds or self.problem.solver_seconds

    @property
    def _begun(self) -> bool:
        return "loop" in vars(self)

    @cached_property
    def loop(self) -> Loop:
        """The loop; making it solves the training and validation instances."""
        splits = self.supply.splits
        return Loop(
            self.number,
            splits,
            self.models,
            self._pool,
            self.archive,
            self._executor,
            self.ledger,
            SearchState(
                splits,
                self._strategies,
                self.settings.size,
                self._switches,
                self.settings.whole_budget,
                self.settings.patience,
                seeks_speed=not all(model.deterministic for model in self.models),
            ),
            seed=self.settings.seed,
            stop=self._stop,
            over=self._over,
            seeds=self.settings.seeds,
            next_instances=self.supply.exchange,
            window=self.settings.window,
            operators=[each for strategy in self._strategies for each in getattr(strategy, "operators", ())],
        )

    @property
    def waiting(self) -> list[BatchStatus]:
        """The batches of questions that are waited for, or that a stop left at work."""
        return self.loop.waiting if self._begun else []

    @property
    def left_behind(self) -> int:
        """Questions that were sent and not answered when the time was used up."""
        return self.loop.left_behind if self._begun else 0

    def stop(self) -> None:
        """Asks nothing more; what is under way is kept."""
        self._stop.set()
        self._over.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def close(self) -> None:
        """Closes the sandboxes, models and archive that this run opened."""
        self._resources.close()

    def _work(self) -> Iterator[Progress]:
        loop, last = self.loop, time.monotonic()
        self._leaves = False
        for progress in loop:
            if time.monotonic() - last > 1.0:  # so that a killed run knows how long it had worked
                last = time.monotonic()
                self.archive.finish(self.number, "running", self.ledger.seconds)
            self._tell(progress.slot)
            yield progress

    def _tell(self, slot: int) -> None:
        """Writes the result beside a manual answer."""
        people = {model.name: model for model in self.models if isinstance(model, ManualModel)}
        row = self.archive.find_candidate(self.number, slot) if people else None
        if row is None or row.model not in people:
            return
        words = row.message if row.train_gap is None else f"{row.train_gap:.3f} % gap in training"
        source = "" if row.program is None else self.archive.find(row.program).source
        people[row.model].tell(slot, row.outcome, words, source)

    def report(self) -> Report:
        """Finishes the run and returns its report.

        It searches first unless that is done, and opens the sealed test once.

        Raises GapsmithError where no program solved all training and validation instances, and RunStopped where a
        stop is asked for meanwhile.
        """
        if self._report is None:
            if not self._begun:
                for _ in self.search():
                    pass
            self._leaves = not self.stopped  # what was found before a stop is reported all the same
            with Lease(self.archive, self.number, self.stop):
                self._report = self._make_report()
                self._finished.keep(self.archive, self._report, "done" if self._searched else "stopped")
        return self._report

    def _repr_html_(self) -> str:
        return self._report._repr_html_() if self._report else f"<p>Run {self.number}: no report yet</p>"

    def _show(self, task: str, done: int, whole: int) -> None:
        """Shows progress. Raises RunStopped where a stop ends what is being done."""
        if self._leaves and self.stopped:
            raise RunStopped(f"run {self.number} was stopped while it was {task}; resume continues it")
        self._progress(task, done, whole)

    def _make_report(self) -> Report:
        state = self.loop.state
        if state.champion is None:
            raise GapsmithError(self._explain_no_champion())
        settings, contestants = self.settings, choose_finalists(state.champion, state.all_elites.elites)
        seconds = self._solver_seconds
        by = Scorer(
            self.problem, self._executor, self.archive, seconds, self._show, self.number, settings.workers
        )
        choosing = replace(by, problem=_reserve_cpu(self.problem, CHOSEN))
        drawn = draw_final_seed(self.archive, self.number, self.models, settings.seed)
        finale = finish(self.number, contestants, state.train, self.supply.draw_unseen(drawn), choosing)
        test, source = self.supply.test(drawn), find_source(self.models)
        learnt = self.supply.crossed and not settings.test
        left_out = estimate_by_leaving_out(state.train, contestants) if learnt else None
        return make_report(
            self.number,
            settings.model,
            finale,
            self.supply.splits,
            test,
            by,
            self.ledger,
            source,
            left_out,
            self._describe_early_end(),
            self.supply,
        )

    def _describe_early_end(self) -> EarlyEnd | None:
        """Describes a search that ended with its training solved; else None."""
        best, own = self.loop.state.best, bool(self.settings.instances)
        if best is None or not self.loop.state.is_solved:
            return None
        larger = self._scales[self._scales.index(self.problem.scale) + 1 :]
        scale = "" if own or not larger else larger[0]
        count, unspent = len(self.supply.splits.train.instances), self.ledger.unspent
        return EarlyEnd(best.program, count, unspent, scale, own, self.loop.state.speed.slots)

    # Words

    def _explain_no_champion(self) -> str:
        rows = self.archive.read_candidates(self.number).values()
        first = next((row for row in rows if CandidateOutcome(row.outcome).is_failure), None)
        why = f"; the first failure: slot {first.slot}, {first.outcome}: {first.message}" if first else ""
        return f"run {self.number} has no program that solved all training and validation instances{why}"

    # Parts

    def _model(self, asked: str | Model, opened: ExitStack) -> Model:
        """Returns a given model, or opens the one of that name."""
        if not isinstance(asked, str):
            return asked
        options = Options(batch=self.settings.batch)
        model = open_model(asked, base_url=self.settings.base_url, options=options, stop=self._over)
        opened.callback(close_model, model)
        return model

    def _own_executor(self, opened: ExitStack) -> Executor:
        """Opens the executor that the settings name, closed with the run."""
        wanted, preload = self.settings, self.problem.guest
        return opened.enter_context(
            open_executor(wanted.executor, wanted.workers, Level(wanted.minimum_level), preload)
        )

    def _check_models(self) -> None:
        """Raises UsageError for models without batches or without needed prices."""
        check_prices(self.models, self.settings.budget.usd)
        if self.settings.batch:
            check_batches(self.models)

    def _derive_calls(self) -> int | None:
        """Computes the limit of calls that the budget implies; else None."""
        if all(model.deterministic for model in self.models):
            return None
        dearest = max(model.bound_usd(0) or 0.0 for model in self.models)
        return derive_calls(self.settings.budget, dearest)

    def _supply(self) -> InstanceSupply:
        wanted = self.settings
        return InstanceSupply(
            _reserve_cpu(self.problem, SEARCHED),
            wanted.instances,
            wanted.test,
            wanted.seed,
            self.archive,
            self._solver_seconds,
            self._show,
            wanted.dealt_by_place,
            wanted.workers,
            wanted.known,
        )

    def _describe_versions(self, number: int | None) -> str:
        """Describes results of other versions. Raises UsageError if incompatible."""
        called = self.settings.problem
        if number is None:
            return describe_unused_results(self.archive, self.problem, called)
        return check_version(self.archive, self.archive.run(number), self.problem, called)

    def _start_run(self) -> int:
        """Starts a new run in the archive; returns its number."""
        wanted = self.settings
        number = self.archive.start(
            self.problem.name, wanted.model, wanted.seed, add_mark(wanted.encode()), self.problem.version
        )
        import_recording(self.archive, number, self.problem, wanted.seeds, self.models)
        return number


def _reserve_cpu(problem: Problem, part: float) -> Problem:
    """Reduces the CPU limit to a part of it."""
    return replace(problem, cpu_share=part * problem.cpu_share)


def _make_switches(without: Sequence[str], problem: Problem) -> Switches:
    """Returns what is on; no tuning where numbers must stay."""
    try:
        return Switches.switch_off([*without, *(() if problem.editable else ("tuning",))])
    except KeyError as error:
        raise UsageError(
            describe_unknown("part of the search", error.args[0], list(vars(Switches())))
        ) from None
