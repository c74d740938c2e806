"""Repeats a job that ran out of time.

So the result depends on the program, not on the load.

Disturbances only add to a measurement of CPU time: the least of up to three times counts, as is usual. The
second and the third run have a fifth more time, so that a program that is a little late is measured to its end.
All runs make the same calls from the first on: the results of a program do not depend on how often it was
measured. No rule makes a measurement exact: a program whose least time is within a few hundredths of the limit
may still end either way.
"""

from dataclasses import replace

from gapsmith.evaluators.base import Runner
from gapsmith.sandbox import Answer, Ending, Job, Outcome

TRIES = 3
RETRY_LIMIT_FACTOR = 1.2
TIMEOUTS = (Ending.TIMEOUT_CPU, Ending.TIMEOUT_WALL)


def run(runner: Runner, job: Job, tries: int = TRIES) -> Outcome:
    """Runs a job, and again while it runs out of time.

    Returns the run that got furthest, with the least time of each call.
    """
    found = [runner.run(job)]
    wider = replace(job, limits=replace(job.limits, cpu_seconds=RETRY_LIMIT_FACTOR * job.limits.cpu_seconds))
    while (least := _least(job, found)).ending in TIMEOUTS and len(found) < tries:
        found.append(runner.run(wider))
    return least


def _least(job: Job, found: list[Outcome]) -> Outcome:
    """Returns the run that got furthest, with the least time per call.

    Answers count up to the first whose least time exceeds the limit.
    """
    if len(found) == 1:
        return found[0]
    furthest = max(found, key=lambda outcome: (outcome.ending not in TIMEOUTS, len(outcome.answers)))
    answers = tuple(_select_quickest(place, answer, found) for place, answer in enumerate(furthest.answers))
    limit = job.limits.cpu_seconds
    late = next((place for place, answer in enumerate(answers) if answer.cpu_seconds > limit), None)
    if late is None or job.limits.together:
        return replace(furthest, answers=answers)
    words = f"took {answers[late].cpu_seconds:.2f} s of CPU time at best; the limit is {limit:g} s"
    return replace(furthest, ending=Ending.TIMEOUT_CPU, message=words, answers=answers[:late])


def _select_quickest(place: int, answer: Answer, found: list[Outcome]) -> Answer:
    times = [outcome.answers[place].cpu_seconds for outcome in found if place < len(outcome.answers)]
    return Answer(answer.value, min(times))
