"""Elites are examined: state, labels, chance and the future must not matter."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gapsmith.evaluators.base import Split
from gapsmith.evaluators.integrity.audit import examine
from gapsmith.evaluators.outcomes import IntegrityResult
from gapsmith.evaluators.problems.online_bin_packing.problem import problem as online_bin_packing
from gapsmith.evaluators.problems.single_machine_tardiness.problem import problem
from gapsmith.evaluators.running.assess import assess
from gapsmith.sandbox import Answer, Ending, Job, Level, Outcome, Sandbox, open_sandbox

INSTANCES = problem.generate_instances(Split.TRAIN, 3, 20)

COUNTS = """
import numpy as np
calls = 0
def schedule(p, d):
    global calls
    calls += 1
    return np.argsort(d, kind="stable") if calls % 3 else np.argsort(-d, kind="stable")
"""
CHANCE = """
import numpy as np
def schedule(p, d):
    return np.random.default_rng().permutation(len(p))
"""
# It knows the instances by their first job, as one that has learnt answers by heart would.
BY_HEART = """
import numpy as np
KNOWN = {known}
def schedule(p, d):
    return np.argsort(d, kind="stable") if (int(p[0]), int(d[0])) in KNOWN else np.argsort(p, kind="stable")[::-1]
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all."""
    with open_sandbox(minimum=Level.L1) as box:
        yield box


def found(source: str, sandbox: Sandbox) -> IntegrityResult:
    """What examination says of a program after its run in one process."""
    scores = assess(problem, source, INSTANCES, sandbox).scores
    return examine(problem, source, INSTANCES, [score.cost or 0 for score in scores], sandbox)


@pytest.mark.parametrize("name", [rule.name for rule in problem.rules])
def test_rules_are_honest(name: str, sandbox: Sandbox) -> None:
    """Every reference rule passes, ties by job number and all."""
    assert found(problem.find_rule(name).source("schedule"), sandbox) == IntegrityResult("ok")


COMPILED = """
import numpy as np
from numba import njit
@njit
def pick(p, k): return p[k]
def schedule(p, d):
    pick(p, len(p))
    return np.argsort(d, kind="stable")
"""


class Compiling:
    """Answers by due date; compiled functions that check their indices fail as told."""

    def __init__(self, ending: Ending, message: str) -> None:
        self.ending, self.message, self.checked = ending, message, 0

    def run(self, job: Job) -> Outcome:
        """Runs a job."""
        if job.checked:
            self.checked += 1
            assert len(job.calls) == 2
            return Outcome(ending=self.ending, message=self.message, level=Level.L4)
        count = [np.frombuffer(call["d"].data, call["d"].dtype) for call in job.calls]
        answers = tuple(Answer(np.argsort(d, kind="stable").tolist(), 0.001) for d in count)
        return Outcome(ending=Ending.OK, answers=answers, level=Level.L4)


@pytest.mark.parametrize(
    ("source", "ending", "message", "outcome", "checked"),
    [
        (COMPILED, Ending.CANDIDATE_EXCEPTION, "IndexError: index is out of bounds", "out_of_bounds", 1),
        (COMPILED, Ending.CANDIDATE_EXCEPTION, "ValueError: something else", "ok", 1),
        (COMPILED, Ending.TIMEOUT_CPU, "more than 5 s", "ok", 1),
        (COMPILED.replace("numba", "other"), Ending.CANDIDATE_EXCEPTION, "IndexError", "ok", 0),
    ],
)
def test_compiled_functions_are_run_with_their_indices_checked(source, ending, message, outcome, checked):
    """A read beside an array is found by a run with checks; that this run is slower is no finding."""
    compiling = replace(problem.choose_packages(("numba",)), relabel=None)
    runner = Compiling(ending, message)
    scores = assess(compiling, source, INSTANCES, runner).scores
    result = examine(compiling, source, INSTANCES, [score.cost or 0 for score in scores], runner)
    assert (result.outcome, runner.checked) == (outcome, checked)


def test_state_is_found(sandbox: Sandbox) -> None:
    """A program whose result depends on how often it was called is marked."""
    assert found(COUNTS, sandbox).outcome == "state_dependent"


def test_chance_is_found(sandbox: Sandbox) -> None:
    """A program that does not do the same twice is marked."""
    assert found(CHANCE, sandbox).outcome == "state_dependent"


def test_answers_by_heart_are_found(sandbox: Sandbox) -> None:
    """A program that recognises instances by the order of their jobs is marked."""
    known = {(int(i.data["p"][0]), int(i.data["d"][0])) for i in INSTANCES}
    assert found(BY_HEART.format(known=known), sandbox).outcome == "label_dependent"


# It sums up all items, those to come too, and packs by whether the sum is odd.
PEEKS = """
import sys
import numpy as np
def priority(item, bins):
    frame, total = sys._getframe(), 0
    while frame is not None:
        if "data" in frame.f_locals:
            total = int(sum(value.sum() for value in frame.f_locals["data"] if hasattr(value, "shape")))
            break
        frame = frame.f_back
    return -bins if total % 2 else bins - 1000.0 * (bins == bins[-1])
"""


def test_who_sees_the_future_is_found(sandbox: Sandbox) -> None:
    """An on-line program that looks at the items to come is marked, though its packing is feasible."""
    instances = online_bin_packing.generate_instances(Split.TRAIN, 1, 4)
    result = assess(online_bin_packing, PEEKS, instances, sandbox)
    assert result.outcome == "ok"
    costs = [score.cost or 0 for score in result.scores]
    assert examine(online_bin_packing, PEEKS, instances, costs, sandbox).outcome == "foresight"


PEEKING = (Path(__file__).parents[2] / "data" / "peeking_packing.py").read_text()


def test_one_that_peeks_on_large_instances_only_is_priced_without_its_plan(sandbox: Sandbox) -> None:
    """What is told or claimed of it is what it reaches when each event comes after the decision before."""
    instances = online_bin_packing.generate_instances(Split.TEST, 0, 4)
    rule = online_bin_packing.find_rule("Best Fit").source("priority")
    plain = [score.cost for score in assess(online_bin_packing, rule, instances, sandbox).scores]
    wholes = [replace(instance, whole=True) for instance in instances]
    seen = [score.cost for score in assess(online_bin_packing, PEEKING, wholes, sandbox).scores]
    told = [score.cost for score in assess(online_bin_packing, PEEKING, instances, sandbox).scores]
    assert sum(cost or 0 for cost in seen) < sum(cost or 0 for cost in plain)
    assert told == plain
    verdict = examine(online_bin_packing, PEEKING, instances, [cost or 0 for cost in told], sandbox)
    assert verdict.outcome == "foresight"


def test_scores_of_whole_instances_are_never_taken_for_others() -> None:
    """An instance whose events come in one call has a digest of its own."""
    (instance,) = online_bin_packing.generate_instances(Split.TRAIN, 1, 1)
    assert replace(instance, whole=True).digest != instance.digest
    assert replace(instance, whole=True).plain == instance.plain
