"""Requests can be sent to other processes and give the same results there."""

import dataclasses
import pickle
import subprocess
import sys

import pytest

from gapsmith.agent.evaluation.compare import _Work as Compared
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.executors.requests import pack, unpack
from gapsmith.agent.evaluation.problems import find_problem, write_skeleton
from gapsmith.agent.evaluation.scores import _Work as Scored
from gapsmith.agent.evaluation.staged import Attempt, Probe, Race, Validation
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.evaluators.base import Baseline, GapsmithError, Split
from gapsmith.evaluators.catalogue import list_problems, load_problem


@pytest.fixture(scope="module")
def local():
    """A worker for all requests."""
    with LocalExecutor(workers=1, minimum=0) as executor:
        yield executor


def splits_of(problem, count=2):
    """A few instances, whose bounds are not solved for."""
    instances = problem.generate_instances(Split.TRAIN, 1, count)
    bounds = {instance.digest: Baseline(1, 10**9, None, "none", 0.0) for instance in instances}
    bench = InstanceSet.build(instances, bounds, problem.maximise)
    return Splits(problem, bench, bench)


def costs_of(result):
    """What is the same in every run: all but the times."""
    if hasattr(result, "costs"):
        return result.outcome, result.message, result.costs, dict(result.decisions)
    if hasattr(result, "loss"):
        return result.loss, result.run
    scores = [each[1] if isinstance(each, tuple) else each for each in result]
    return [(score.outcome, score.cost) for score in scores]


def sent(request):
    """The request as another process gets it, and how often instances were put."""
    put = {}
    packed = pack(request, put.setdefault)
    return unpack(packed, put), put


@pytest.mark.parametrize("name", list_problems())
def test_requests_of_every_problem_can_be_sent(name, local):
    """A pickled request runs elsewhere and gives the same result, whether its instances are apart or inside."""
    problem = find_problem(name)
    splits = splits_of(problem)
    request = Probe(splits, problem.rules[0].source(problem.entry.name), None, {})
    expected = costs_of(local.submit(request).result())
    other, put = sent(request)
    assert sorted(digest for digest, *_ in put) == sorted(i.digest for i in splits.train.instances)
    assert expected == costs_of(local.submit(other).result())
    assert expected == costs_of(local.submit(pickle.loads(pickle.dumps(request))).result())
    assert expected[0] == "ok"


def test_every_kind_of_request_can_be_sent(local):
    """Race, validation, trials of constants and the work of tables are plain requests too."""
    problem = find_problem("single_machine_tardiness")
    splits, source = splits_of(problem, 12), problem.rules[0].source(problem.entry.name)
    probe = local.submit(Probe(splits, source, None, {})).result()
    instances = splits.train.instances
    for request in (
        Race(splits, source, None, probe),
        Validation(splits, splits.validation, source, {}),
        Attempt(splits, source, (0, 3, 5)),
        Scored(problem, source, instances, whole=True),
        Compared(problem, source, instances, isolated=False),
    ):
        results = [local.submit(each).result() for each in (request, sent(request)[0])]
        assert costs_of(results[0]) == costs_of(results[1])
        assert pickle.loads(pickle.dumps(results[0])) == results[0]


ELSEWHERE = """
import pickle, sys
from pathlib import Path
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.executors.requests import unpack
packed, put = pickle.loads(Path(sys.argv[1]).read_bytes())
with LocalExecutor(workers=1, minimum=0) as executor:
    print(executor.submit(unpack(packed, put)).result().costs)
"""


def test_a_problem_of_ones_own_runs_in_another_process(tmp_path, local):
    """A file is found by its absolute path there; its limits and instances come with the request."""
    file = tmp_path / "mine.py"
    file.write_text(write_skeleton("mine"), "utf-8")
    problem = find_problem(str(file))
    request = Probe(splits_of(problem), problem.rules[0].source(problem.entry.name), None, {})
    expected, put = local.submit(request).result().costs, {}
    sending = tmp_path / "request"
    sending.write_bytes(pickle.dumps((pack(request, put.setdefault), put)))
    command = [sys.executable, "-c", ELSEWHERE, str(sending)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.strip() == str(expected)


def test_a_file_that_was_edited_is_not_run_as_another_version(tmp_path):
    """A request of an earlier version of a file is refused, never run with other rules."""
    file = tmp_path / "mine.py"
    file.write_text(write_skeleton("mine"), "utf-8")
    packed = pickle.dumps(find_problem(str(file)))
    file.write_text(write_skeleton("mine") + "# edited\n", "utf-8")
    with pytest.raises(GapsmithError, match=r"mine\.py has version [0-9a-f]+ here; expected"):
        pickle.loads(packed)


def test_limits_and_layouts_are_sent_with_a_problem():
    """What a run changes of a problem is data: a limit, a share of it and a layout."""
    problem = find_problem("single_machine_tardiness")
    instance = problem.generate_instances(Split.TRAIN, 1, 1)[0]
    for changed in (
        dataclasses.replace(problem, cpu_cap=7.0, cpu_share=0.5),
        dataclasses.replace(problem, cpu_share=0.6),
        find_problem("single_machine_tardiness", next(iter(problem.layouts), "")),
    ):
        other = pickle.loads(pickle.dumps(changed))
        assert other.compute_cpu_limit(instance) == changed.compute_cpu_limit(instance)
        assert other.reference == changed.reference


def test_a_problem_without_a_reference_says_so():
    """An object of the caller's own runs here only; sending it is refused in words."""
    with pytest.raises(
        pickle.PicklingError, match="problem tsp has no reference; expected one from find_problem"
    ):
        pickle.dumps(load_problem("tsp"))
