"""On-line problems.

A candidate decides on each event when it arrives, and must not see later ones.

An on-line instance holds its events in arrays, one row per event in the order of arrival; its numbers are known
from the start; a solution is a list with one decision per event. The driver of such a problem defines
`begin(*numbers)`, which starts an instance, and `step(*event)`, which calls the global `candidate` and returns
the decision; `driver` adds the loop. The loop saves five thousand round trips and proves nothing, since it runs
in the candidate's process: a frame or the garbage collector shows the later events.

So `foresight` runs the candidate again, each time in a process of its own, from the trusted side:

- *Other futures.* The first t events are kept, those after them are replaced. A program that uses only the past
  decides the first t alike. A few short runs catch most programs that look ahead.
- *Event by event.* The next event is sent only when the decision on the one before has come back. Such a decision
  cannot depend on the future, whatever a candidate does to its process; so equal decisions prove that the
  solution that was priced did not use it. It costs a few ten microseconds per event.

Neither proves anything about another instance: a candidate may look ahead only where it is not checked. So
every figure that is reported or claimed comes from runs event by event on every instance (`stepwise`), and this
check merely gives the reason of a rejection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from gapsmith.evaluators.base import Datum, Instance, Problem
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running import repeats, stepwise
from gapsmith.evaluators.running.assess import Runner
from gapsmith.evaluators.running.calls import convert_datum, make_warm_up
from gapsmith.evaluators.running.stepwise import select_arrays
from gapsmith.sandbox import Ending, Job, Limits, Outcome

Data: TypeAlias = Mapping[str, Datum]
Future: TypeAlias = Callable[[np.random.Generator, Data, int], Data]
"""`(rng, data, kept) -> data`: the same first `kept` events, and others after them."""

FORESIGHT = CandidateOutcome.FORESIGHT
UNSTEADY = CandidateOutcome.UNSTEADY

_LOOP = '''

pending = iter((begin,))


def drive(*data):
    """Decides on all events of an instance, one after another, or on one; then the first call is the beginning."""
    if not any(hasattr(value, "shape") for value in data):
        return next(pending, step)(*data)
    begin(*(value for value in data if not hasattr(value, "shape")))
    events = zip(*(value.tolist() for value in data if hasattr(value, "shape")))
    return [step(*event) for event in events]
'''


@dataclass(frozen=True)
class ForesightResult:
    """The result of the check.

    Attributes:
        outcome: "ok"; "foresight" when a decision depends on later events; "unsteady" when equal runs decide
            unequally; else the ending of the run that failed.
        message: the reason, in words for the next prompt, when not ok.
        decisions: the decisions of the first run; None where it failed.
    """

    outcome: str
    message: str = ""
    decisions: Sequence[Any] | None = None

    @property
    def honest(self) -> bool:
        """Whether all decisions hold without knowledge of the future."""
        return self.outcome == Ending.OK

    @property
    def is_sandbox_failure(self) -> bool:
        """Whether the sandbox failed, so that the result says nothing about the program."""
        return self.outcome in (Ending.HARNESS_FAILURE, Ending.ZYGOTE_DIED)


def build_driver(source: str) -> str:
    """Returns a problem's `driver`: `begin` and `step` with the event loop."""
    return source + _LOOP


def draw_future(rng: np.random.Generator, data: Data, kept: int) -> Data:
    """Keeps the first events and draws the rest anew.

    Rows are drawn from all rows, in random or sorted order, and the sequence is sometimes cut short. Rows stay
    whole, so that relations inside an event still hold. A problem whose events depend on each other (arrival
    times that never decrease) needs a function of its own.
    """
    total = _count_events(data)
    drawn = rng.integers(0, total, total - kept)
    order = rng.integers(4)
    if order < 2:  # the next event is the least, or the greatest: a program that looks one ahead must react
        keys = [value.reshape(total, -1)[drawn, 0] for value in select_arrays(data).values()]
        drawn = drawn[np.lexsort(keys)][:: 1 if order else -1]
    elif order == 2:
        drawn = drawn[: 1 + len(drawn) // 2]
    rows = np.concatenate((np.arange(kept), drawn))
    return {key: value[rows] if isinstance(value, np.ndarray) else value for key, value in data.items()}


def check_foresight(
    problem: Problem,
    source: str,
    instance: Instance,
    runner: Runner,
    futures: int = 8,
    other: Future = draw_future,
    seed: int = 0,
) -> ForesightResult:
    """Checks that a program's decisions do not depend on later events.

    Args:
        problem: on-line, with a driver that `driver` made.
        source: the program.
        instance: at least two events.
        runner: the sandbox; it gets `futures` + 2 jobs, each a process of its own.
        futures: the number of other futures tried before the events are sent one by one.
        other: makes another future.
        seed: determines where futures part and which events follow. A candidate never sees it.
    """
    check = _Check(problem, source, instance, runner)
    first = check.run_whole(instance.data)
    if not first.honest:
        return first
    rng = np.random.default_rng([seed, check.events])
    for kept in _draw_places(rng, check.events, futures):
        again = check.run_whole(other(rng, instance.data, kept))
        if (found := check.explain_difference(first, again, kept)) is not None:
            return found
    return check.explain_difference(first, check.run_stepwise(), check.events) or first


@dataclass(frozen=True)
class _Check:
    """A program on an instance, run in several ways.

    Each time in a new process.
    """

    problem: Problem
    source: str
    instance: Instance
    runner: Runner

    @property
    def events(self) -> int:
        return _count_events(self.instance.data)

    def run_whole(self, data: Data) -> ForesightResult:
        """Runs all events in one call, as programs are scored."""
        call = {key: convert_datum(datum) for key, datum in data.items()}
        limits = Limits(cpu_seconds=self.problem.compute_cpu_limit(self.instance))
        entry = self.problem.entry.name
        job = Job(
            source=self.source,
            entry=entry,
            calls=(call,),
            limits=limits,
            driver=self.problem.driver,
            warm_up=make_warm_up(self.problem, self.source, self.instance),
        )
        outcome = repeats.run(self.runner, job)
        return _make_result(outcome, lambda: outcome.answers[0].value, _count_events(data))

    def run_stepwise(self) -> ForesightResult:
        """Runs event by event: each is sent after the decision before."""
        outcome = repeats.run(self.runner, stepwise.make_job(self.problem, self.source, self.instance))
        return _make_result(outcome, lambda: stepwise.list_decisions(outcome), self.events)

    def explain_difference(
        self, first: ForesightResult, again: ForesightResult, kept: int
    ) -> ForesightResult | None:
        """Explains how two runs differ; None where required decisions are equal."""
        if first.decisions is None or again.decisions is None:
            return ForesightResult(
                again.outcome, f"with other events, or none, after the known ones: {again.message}"
            )
        pairs = zip(first.decisions[:kept], again.decisions[:kept], strict=True)
        place = next((k for k, (old, new) in enumerate(pairs) if old != new), None)
        if place is None:
            return None
        # Only now is it worth a run to see whether chance, not the future, causes the difference.
        if self.run_whole(self.instance.data).decisions != first.decisions:
            words = "two runs on the same instance decide differently; seed every random generator"
            return ForesightResult(UNSTEADY, words, first.decisions)
        return ForesightResult(
            FORESIGHT,
            _describe_difference(place, first.decisions[place], again.decisions[place]),
            first.decisions,
        )


def _describe_difference(place: int, old: Any, new: Any) -> str:
    return (
        f"the decision on event {place + 1} is {old!r:.40}, but {new!r:.40} after the same events when later ones "
        "differ or are not yet known; decide by the past alone"
    )


def _count_events(data: Data) -> int:
    """Counts the events. Raises ValueError where the arrays disagree."""
    lengths = {len(value) for value in select_arrays(data).values()}
    if len(lengths) != 1:
        raise ValueError(
            f"the arrays of an on-line instance have {sorted(lengths)} rows; expected equal numbers."
        )
    return lengths.pop()


def _draw_places(rng: np.random.Generator, total: int, count: int) -> list[int]:
    """Draws where futures part: one place in each of `count` equal stretches.

    So early and late ones are tried.
    """
    ends = np.linspace(1, total, count + 1).astype(int)
    return [int(rng.integers(low, max(low + 1, high))) for low, high in pairwise(ends)]


def _make_result(outcome: Outcome, decisions: Callable[[], Any], events: int) -> ForesightResult:
    if outcome.ending is not Ending.OK:
        return ForesightResult(outcome.ending, outcome.message)
    value = decisions()
    if not isinstance(value, list) or len(value) != events:
        return ForesightResult(
            CandidateOutcome.INFEASIBLE, f"it returned no list of {events} decisions, one per event"
        )
    return ForesightResult(Ending.OK, "", value)
