"""From a program to scores: what is sent, what comes back, and what is believed of it."""

from dataclasses import replace

import numpy as np
from helpers import CPU, NoSandbox, tiny

from gapsmith.evaluators.base import FollowUp
from gapsmith.evaluators.running.assess import assess, assess_all
from gapsmith.sandbox import Answer, Ending, Level, Outcome

GOOD = "def schedule(p, d):\n    return d.argsort()\n"
SECOND = "calls = []\ndef schedule(p, d):\n    calls.append(1)\n    return d.argsort() if len(calls) != 2 else 'no'\n"


class Fixed:
    """A sandbox that always sees the same."""

    def __init__(self, outcome):
        self.outcome, self.jobs = outcome, []

    def run(self, job):
        """What it was told to see."""
        self.jobs.append(job)
        return self.outcome


def test_all_instances_in_one_process():
    """One job holds all instances, in order, with the dearest limit among them."""
    runner, problem = NoSandbox(), tiny(cpu_seconds=lambda instance: float(len(instance.data["p"])))
    instances = problem.generate_instances("train")
    found = assess(problem, GOOD, instances, runner)
    assert found.outcome == "ok"
    (job,) = runner.jobs
    assert len(job.calls) == len(found.scores) == 14
    assert job.limits.cpu_seconds == 7.0
    assert (job.entry, job.source, job.driver) == ("schedule", GOOD, "")
    for instance, call in zip(instances, job.calls, strict=True):
        assert np.frombuffer(call["p"].data, call["p"].dtype).tolist() == instance.data["p"].tolist()


def test_costs_are_the_verifier_s():
    """The score's cost is what trusted code makes of the solution; the level of isolation is kept."""
    problem = tiny()
    (instance,) = problem.generate_instances("train", 0, 1)
    (score,) = assess(problem, GOOD, [instance], NoSandbox()).scores
    assert score.cost == problem.cost(instance, instance.data["d"].argsort().tolist())
    assert score.level is Level.L4


def test_it_stops_at_the_first_failure():
    """What comes after a failure is not priced, and the failure is named with its instance."""
    problem = tiny()
    found = assess(problem, SECOND, problem.generate_instances("train"), NoSandbox())
    assert [score.outcome for score in found.scores] == ["ok", "infeasible"]
    assert found.outcome == "infeasible"
    assert found.message.startswith("train-0-2: returned str")


def test_it_goes_on_where_all_are_wanted():
    """With `assess_all` every instance has a score, each failure its own."""
    problem = tiny()
    scores = assess_all(problem, SECOND, problem.generate_instances("train", 0, 5), NoSandbox())
    assert [score.outcome for score in scores] == ["ok", "infeasible", "ok", "infeasible", "ok"]
    alone = assess_all(problem, SECOND, problem.generate_instances("train", 0, 5), NoSandbox(), isolated=True)
    assert [score.outcome for score in alone] == ["ok"] * 5


def test_isolated_is_a_process_for_each():
    """Isolated, every job has one call."""
    runner, problem = NoSandbox(), tiny()
    assess_all(problem, GOOD, problem.generate_instances("train", 0, 5), runner, isolated=True)
    assert [len(job.calls) for job in runner.jobs] == [1] * 5


def test_the_sandbox_s_ending_is_the_outcome():
    """How the sandbox saw it end is the score of the instance that was under way."""
    problem = tiny()
    instances = problem.generate_instances("train", 0, 3)
    answers = (Answer(list(range(len(instances[0].data["p"]))), 0.02),)
    seen = Outcome(
        ending=Ending.TIMEOUT_CPU, message="too long", answers=answers, cpu_seconds=0.7, level=Level.L3
    )
    found = assess(problem, GOOD, instances, Fixed(seen))
    assert [score.outcome for score in found.scores] == ["ok", "timeout_cpu"]
    assert found.message == "train-0-2: too long"
    assert found.scores[1].cpu_seconds == 0.7


def test_null_seconds_are_taken_off_and_never_below_zero():
    """CPU seconds are the kernel's account of the call, less a null call's."""
    problem = tiny()
    instances = problem.generate_instances("train", 0, 2)
    for spent, expected in ((0.0, CPU), (CPU / 2, CPU / 2), (1.0, 0.0)):
        scores = assess(problem, GOOD, instances, NoSandbox(), spent).scores
        assert [score.cpu_seconds for score in scores] == [expected] * 2


def test_more_answers_than_asked_are_not_believed():
    """A sandbox that claims more answers than calls gives no more scores than there are instances."""
    problem = tiny()
    (instance,) = problem.generate_instances("train", 0, 1)
    answer = Answer(list(range(len(instance.data["p"]))), 0.1)
    seen = Outcome(ending=Ending.OK, answers=(answer,) * 5)
    assert len(assess(problem, GOOD, [instance], Fixed(seen)).scores) == 1


def test_a_driver_is_sent_along():
    """The problem's own driver runs beside the candidate."""
    runner = Fixed(Outcome(ending=Ending.NO_RESULT, message="nothing"))
    problem = replace(tiny(), driver="def drive(*a): ...")
    assess(problem, GOOD, problem.generate_instances("train", 0, 1), runner)
    assert runner.jobs[0].driver == "def drive(*a): ..."


def test_an_answer_without_a_follow_up_ends_nothing():
    """Where there is nothing to ask after one answer, the others are asked about all the same."""
    names, seen = [], []
    problem = replace(
        tiny(),
        cost=lambda instance, pair: seen.append(pair) or 0,
        follow_up=FollowUp(
            "schedule", "", lambda instance, _: None if names.pop() == "skip" else instance.data
        ),
    )
    instances = problem.generate_instances("train", 0, 3)
    names[:] = ["ask", "skip", "ask"]
    found = assess(problem, GOOD, instances, NoSandbox())
    assert (found.outcome, len(found.scores)) == ("ok", 3)
    assert [second is None for _, second in seen] == [False, True, False]
    assert seen[2][1] == instances[2].data["d"].argsort().tolist()


KEEPS = "calls = []\ndef schedule(p, d):\n    calls.append(1)\n    return d.argsort() if len(calls) == 1 else 'no'\n"


def test_an_on_line_instance_begins_with_a_new_module():
    """What a program keeps within an on-line instance never reaches the next, which has a process of its own."""
    runner, problem = (
        NoSandbox(),
        tiny(online=True, cpu_seconds=lambda instance: float(len(instance.data["p"]))),
    )
    instances = [replace(instance, whole=True) for instance in problem.generate_instances("train")]
    assert assess(problem, KEEPS, instances, runner).outcome == "ok"
    assert [len(job.calls) for job in runner.jobs] == [1] * len(instances)
    assert [job.limits.cpu_seconds for job in runner.jobs] == [
        problem.compute_cpu_limit(each) for each in instances
    ]


def test_an_on_line_program_that_fails_ends_at_that_instance():
    """Nothing is run after the first on-line instance that fails."""
    runner, problem = NoSandbox(), tiny(online=True)
    instances = [replace(instance, whole=True) for instance in problem.generate_instances("train")]
    small = "def schedule(p, d):\n    return d.argsort() if len(p) < 6 else 1 // 0\n"
    found = assess(problem, small, instances, runner)
    assert found.scores[-1].outcome == found.outcome == "candidate_exception"
    assert len(runner.jobs) == len(found.scores) < len(instances)


def test_an_instance_that_is_alone_has_a_process_of_its_own():
    """Nothing of other instances is left in it, its limit allows it to warm up, and its scores are kept apart."""
    runner, problem = NoSandbox(), tiny(cpu_seconds=lambda instance: 0.5)
    instances = problem.generate_instances("train")
    alone = [replace(instance, alone=True) for instance in instances]
    found = assess(problem, KEEPS, alone, runner)
    assert [len(job.calls) for job in runner.jobs] == [1] * len(alone)
    assert {job.limits.cpu_seconds for job in runner.jobs} == {1.0}
    assert len(found.scores) == len(alone)
    digests = {each.digest for each in (*instances, *alone)}
    assert len(digests) == 2 * len({each.digest for each in instances})
    assert all(len(digest) == 32 for digest in digests)
