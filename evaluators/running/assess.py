"""Runs a program in the sandbox, verifies and prices its solutions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gapsmith.evaluators.base import FollowUp, Infeasible, Instance, Problem
from gapsmith.evaluators.base import Runner as Runner
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running import repeats, stepwise
from gapsmith.evaluators.running.calls import convert_datum, make_call, make_warm_up
from gapsmith.evaluators.running.repeats import TRIES
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Answer, Job, Limits, Outcome

ALONE_LIMIT_FACTOR = 2.0
"""Factor on the CPU limit of an instance that is alone: each process must warm up."""


@dataclass(frozen=True)
class Assessment:
    """The scores of a program, up to the first failure.

    In the order of the instances.

    Attributes:
        outcome: "ok" when all instances were solved, else that of the first failure.
        message: the reason, in words.
        scores: one per instance that was tried.
        solutions: the returned values, plain data, untrusted; up to the first failure.
    """

    outcome: str
    message: str
    scores: tuple[Score, ...]
    solutions: tuple[Any, ...] = ()


def assess(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    runner: Runner,
    null_cpu_seconds: float = 0.0,
    tries: int = TRIES,
) -> Assessment:
    """Runs the instances in one process; stops at the first failure.

    An on-line instance has a process of its own, and so has one that is alone.

    Args:
        problem: provides the entry point and the verifier that prices.
        source: the program.
        instances: the instances, run in this order.
        runner: the sandbox.
        null_cpu_seconds: CPU seconds of a null candidate's call, subtracted from every call.
        tries: total runs of a program that runs out of time; see `repeats`.
    """
    outcome = _run(problem, source, instances, runner, null_cpu_seconds, tries)
    solutions = tuple(answer.value for answer in outcome.answers)
    scores: list[Score] = []
    for instance, answer in zip(instances, outcome.answers, strict=False):
        scores.append(_price(problem, instance, answer, outcome, null_cpu_seconds))
        if scores[-1].outcome != CandidateOutcome.OK:
            return Assessment(scores[-1].outcome, f"{instance.name}: {scores[-1].message}", tuple(scores))
    if len(scores) == len(instances):
        return Assessment(CandidateOutcome.OK, "", tuple(scores), solutions)
    failed = Score(
        outcome.ending, outcome.message, None, outcome.cpu_seconds, outcome.level, outcome.compile_seconds
    )
    return Assessment(failed.outcome, f"{instances[len(scores)].name}: {failed.message}", (*scores, failed))


def assess_all(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    runner: Runner,
    null_cpu_seconds: float = 0.0,
    isolated: bool = False,
) -> tuple[Score, ...]:
    """Scores all instances, and continues after failures.

    Args:
        problem: provides the entry point and the verifier that prices.
        source: the program.
        instances: the instances, run in this order.
        runner: the sandbox.
        null_cpu_seconds: CPU seconds of a null candidate's call, subtracted from every call.
        isolated: whether every instance gets a process of its own, so that no information is carried over.
    """
    scores: list[Score] = []
    while len(scores) < len(instances):
        left = instances[len(scores) :]
        scores += assess(problem, source, left[:1] if isolated else left, runner, null_cpu_seconds).scores
    return tuple(scores)


def _run(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    runner: Runner,
    null_cpu_seconds: float,
    tries: int,
) -> Outcome:
    if instances and (problem.online or any(instance.alone for instance in instances)):
        return _run_apart(problem, source, instances, runner, null_cpu_seconds, tries)
    return _run_together(problem, source, instances, runner, tries)


def _run_together(
    problem: Problem, source: str, instances: Sequence[Instance], runner: Runner, tries: int
) -> Outcome:
    """Runs the instances in one process, a call for each."""
    calls = tuple(make_call(instance) for instance in instances)
    limits = Limits(
        cpu_seconds=max((problem.compute_cpu_limit(instance) for instance in instances), default=1.0)
    )
    job = Job(
        source=source,
        entry=problem.entry.name,
        calls=calls,
        limits=limits,
        driver=problem.driver,
        warm_up=make_warm_up(problem, source, instances[0]) if instances else None,
    )
    first = repeats.run(runner, job, tries)
    if problem.follow_up is None or not first.answers:
        return first
    return _run_follow_up(
        problem.follow_up, replace(job, entry=problem.follow_up.entry, warm_up=None), instances, first, runner
    )


def _run_apart(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    runner: Runner,
    null_cpu_seconds: float,
    tries: int,
) -> Outcome:
    """Runs each instance in a process of its own.

    It stops at the first that fails. State that a program keeps between events never reaches another instance.
    """
    answers: list[Answer] = []
    patient = replace(problem, cpu_share=ALONE_LIMIT_FACTOR * problem.cpu_share)
    for instance in instances:
        if stepwise.is_stepwise(problem, source, instance):
            outcome = _run_stepwise(problem, source, instance, runner, null_cpu_seconds, tries)
        else:
            limited = patient if instance.alone else problem
            outcome = _run_together(limited, source, [instance], runner, tries)
        if not outcome.answers:
            break
        answers += outcome.answers
    return replace(outcome, answers=tuple(answers))


def _run_stepwise(
    problem: Problem, source: str, instance: Instance, runner: Runner, null_cpu_seconds: float, tries: int
) -> Outcome:
    """Runs an instance event by event; the decisions become one answer."""
    outcome = repeats.run(runner, stepwise.make_job(problem, source, instance), tries)
    if (decided := stepwise.list_decisions(outcome)) is None:
        return replace(outcome, answers=())
    # The cost of all calls but one; the last is subtracted where the instance is priced.
    used = sum(answer.cpu_seconds for answer in outcome.answers) - null_cpu_seconds * len(decided)
    return replace(outcome, answers=(Answer(decided, max(0.0, used)),))


def _run_follow_up(
    follow_up: FollowUp, job: Job, instances: Sequence[Instance], first: Outcome, runner: Runner
) -> Outcome:
    """Makes the second call for each first answer, and pairs the answers.

    The pairs end at the first failure of the second entry. A first answer without a second call is paired with
    None.
    """
    asked = [
        follow_up.arguments(instance, answer.value)
        for instance, answer in zip(instances, first.answers, strict=False)
    ]
    calls = tuple(
        {key: convert_datum(datum) for key, datum in data.items()} for data in asked if data is not None
    )
    second = repeats.run(runner, replace(job, calls=calls, driver=follow_up.driver))
    others = iter(second.answers)
    pairs: list[Answer] = []
    for answer, data in zip(first.answers, asked, strict=False):
        other = next(others, None) if data is not None else replace(answer, value=None, cpu_seconds=0.0)
        if other is None:
            return replace(second, answers=tuple(pairs))
        pairs.append(_pair(answer, other))
    return replace(first, answers=tuple(pairs))


def _pair(one: Answer, other: Answer) -> Answer:
    return Answer([one.value, other.value], one.cpu_seconds + other.cpu_seconds)


def _price(
    problem: Problem, instance: Instance, answer: Answer, outcome: Outcome, null_cpu_seconds: float
) -> Score:
    seconds = max(0.0, answer.cpu_seconds - null_cpu_seconds)
    word, message = CandidateOutcome.OK, ""
    try:
        cost: Any = problem.cost(instance, answer.value)
        if problem.charge is not None:
            cost = problem.charge(cost, seconds)
    except Infeasible as reason:
        word, message, cost = CandidateOutcome.INFEASIBLE, str(reason), None
    return Score(word, message, cost, seconds, outcome.level, outcome.compile_seconds)
