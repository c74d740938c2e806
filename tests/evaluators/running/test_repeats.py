"""A verdict of time-out rests on the least of three times, and on nothing that another run would see otherwise."""

import pytest

from gapsmith.evaluators.running.repeats import RETRY_LIMIT_FACTOR, TRIES, run
from gapsmith.sandbox import Answer, Ending, Job, Limits, Outcome

LIMIT = 1.0
JOB = Job(source="", entry="f", calls=({}, {}, {}), limits=Limits(cpu_seconds=LIMIT))


class Slow:
    """A sandbox in which the second call takes, from run to run, what it is told."""

    def __init__(self, *seconds: float, ending: Ending = Ending.OK) -> None:
        self.seconds, self.ending, self.jobs = seconds, ending, list[Job]()

    def run(self, job: Job) -> Outcome:
        """Stops a call that is over the job's limit."""
        seconds = self.seconds[len(self.jobs)]
        self.jobs.append(job)
        if seconds > job.limits.cpu_seconds:
            return Outcome(ending=Ending.TIMEOUT_CPU, answers=(Answer(0, 0.1),))
        answers = tuple(Answer(place, time) for place, time in enumerate((0.1, seconds, 0.1)))
        return Outcome(ending=self.ending, answers=answers if self.ending is Ending.OK else answers[:2])


def test_one_that_is_in_time_is_run_once() -> None:
    """Nothing is repeated where nothing ran out of time."""
    box = Slow(0.99)
    assert run(box, JOB).ending is Ending.OK
    assert box.jobs == [JOB]


@pytest.mark.parametrize("seconds", [(1.01, 0.99), (5.0, 1.1, 0.99), (1.1, 5.0, 0.9)])
def test_the_least_time_counts(seconds: tuple[float, ...]) -> None:
    """A program that once is quick enough is quick enough; what it returned is what one run returned."""
    box = Slow(*seconds)
    found = run(box, JOB)
    assert found.ending is Ending.OK
    assert [answer.value for answer in found.answers] == [0, 1, 2]
    assert found.answers[1].cpu_seconds == min(seconds)
    assert len(box.jobs) == len(seconds)


@pytest.mark.parametrize("seconds", [(1.05, 1.1, 1.15), (1.15, 1.05, 9.0), (9.0, 9.0, 9.0)])
def test_one_whose_least_time_is_over_the_limit_has_run_out_of_time(seconds: tuple[float, ...]) -> None:
    """More time for a measurement is no more time for the program."""
    box = Slow(*seconds)
    found = run(box, JOB)
    assert found.ending is Ending.TIMEOUT_CPU
    assert len(found.answers) == 1
    assert [job.limits.cpu_seconds for job in box.jobs] == [
        LIMIT,
        *[RETRY_LIMIT_FACTOR * LIMIT] * (TRIES - 1),
    ]
    assert all(job.calls == JOB.calls for job in box.jobs)


def test_another_failure_behind_the_late_call_is_its_failure() -> None:
    """A program that was late for the moment's sake alone fails as it would have failed."""
    found = run(Slow(1.1, 0.9, ending=Ending.CANDIDATE_EXCEPTION), JOB)
    assert found.ending is Ending.CANDIDATE_EXCEPTION
