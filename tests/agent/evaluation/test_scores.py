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


COUNTING = (
    "calls = []\n\n\ndef schedule(p, d):\n    calls.append(1)\n"
    "    order = d.argsort(kind='stable')\n    return order[::-1] if len(calls) == 3 else order\n"
)


def test_each_instance_alone_shows_a_program_that_counts_its_calls(place):
    """Where a program costs something else in a process of its own, that instance is no longer solved."""
    problem, archive = tiny(), Archive(place)
    number, _ = archive.add_program(problem.name, "h", COUNTING, 9)
    instances = problem.generate_instances(Split.TRAIN, 0, 6)
    runner = NoSandbox()
    by = Scorer(problem, Inline(runner), archive)
    elite = Elite(number, COUNTING, 9, 0.0, ())
    found = by.run_alone(elite, instances)
    assert [score.outcome for score in found.scores] == ["ok"] * 2 + ["state_dependent"] + ["ok"] * 3
    assert found.outcome == "state_dependent"
    assert found.scores[2].cost is None
    assert [len(job.calls) for job in runner.jobs] == [6] + [1] * 6
    assert by.run_alone(elite, instances) == found
    assert len(runner.jobs) == 7  # both kinds of scores are kept, apart from each other
    (plain,) = by.run([elite], instances)
    assert plain.outcome == "ok"


@pytest.mark.parametrize("changed", ["name", "online", "expensive"])
def test_rules_and_on_line_programs_are_not_run_twice(place, changed):
    """Rules are ours, on-line instances have a process of their own in any case, and some programs take too long."""
    problem, archive, runner = tiny(), Archive(place), NoSandbox()
    number, _ = archive.add_program(problem.name, "h", SOURCE, 9)
    elite = Elite(number, SOURCE, 9, 0.0, (), name="rule" if changed == "name" else "")
    instances = problem.generate_instances(Split.TRAIN, 0, 3)
    if changed != "name":
        problem = replace(problem, **{changed: True})
    instances = [replace(each, whole=problem.online) for each in instances]
    assert Scorer(problem, Inline(runner), archive).run_alone(elite, instances).outcome == "ok"
    assert sum(len(job.calls) for job in runner.jobs) == 3
