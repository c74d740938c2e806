"""Scores outside the search: a call that ran out of time is given two more tries, and no third one."""

from dataclasses import replace

import pytest
from helpers import Inline, NoSandbox, tiny

from gapsmith.agent import Archive
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Split
from gapsmith.sandbox import Ending

SOURCE = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(d)\n"


class Crowded(NoSandbox):
    """Ends every run at one call, as often as it is told to, in the way that it is told."""

    def __init__(self, at, times, ending):
        super().__init__()
        self._get_reply, self._times, self._ending = at, times, ending

    def run(self, job):
        """The first calls of the job, whose others it has no time for."""
        done = super().run(job)
        at = self._get_reply - (self.calls - len(job.calls))
        if self._times and at >= 0:
            self._times -= 1
            return replace(done, ending=self._ending, answers=done.answers[:at])
        return done

    calls = 6


def measured(place, times, ending=Ending.TIMEOUT_CPU):
    """What is found of a program on six instances, the fourth of which ends so often in that way."""
    problem, archive = tiny(), Archive(place)
    number, _ = archive.add_program(problem.name, "h", SOURCE, 9)
    instances = problem.generate_instances(Split.TRAIN, 0, Crowded.calls)
    by = Scorer(problem, Inline(Crowded(3, times, ending)), archive)
    (found,) = by.run([Elite(number, SOURCE, 9, 0.0, ())], instances)
    return found


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("ending", [Ending.TIMEOUT_CPU, Ending.TIMEOUT_WALL])
def test_two_more_tries_are_given(place, times, ending):
    """A program that the second or third time is quick enough has solved all instances, each of them once."""
    found = measured(place, times, ending)
    assert found.outcome == "ok"
    assert len(found.scores) == Crowded.calls


def test_no_third_one_is_given(place):
    """Who runs out of time three times on an instance has failed on it; what was solved before is kept."""
    found = measured(place, 3)
    assert found.outcome == Ending.TIMEOUT_CPU
    assert [score.outcome for score in found.scores] == ["ok"] * 3 + [Ending.TIMEOUT_CPU]


def test_other_failures_are_final(place):
    """A program that raises would raise again."""
    assert measured(place, 1, Ending.CANDIDATE_EXCEPTION).outcome == Ending.CANDIDATE_EXCEPTION
