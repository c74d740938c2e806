"""The contract of a problem: instances, splits, rules, baselines."""

import copy
import pickle

import numpy as np
import pytest
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models.finish import Finish
from gapsmith.evaluators.base import Baseline, Instance, Split, UsageError
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.sandbox import Ending

numbers = st.lists(st.integers(-(2**53), 2**53), max_size=6)


@given(numbers, numbers)
def test_a_digest_names_the_data(one, other):
    """Equal data, equal digest; other data, another; whatever the name, the stratum and the kind of integers."""
    first = Instance("a", {"p": np.array(one, dtype=np.int64)})
    second = Instance("b", {"p": np.array(other, dtype=np.int64)}, "c")
    assert (first.digest == second.digest) == (one == other)
    assert Instance("c", {"p": np.array(one, dtype=object)}).digest == first.digest


def test_a_digest_tells_arguments_apart():
    """The same numbers under other names, or in another shape, are other data."""
    data = np.arange(4)
    assert Instance("a", {"p": data}).digest != Instance("a", {"d": data}).digest
    assert Instance("a", {"p": data}).digest != Instance("a", {"p": data.reshape(2, 2)}).digest


def test_generated_instances_are_spread_over_strata_and_sizes():
    """A split visits every class in turn, with every size, and says so in its instances."""
    problem = tiny()
    found = problem.generate_instances(Split.TRAIN, 5, 12)
    assert [instance.stratum for instance in found] == list(problem.strata) * 4
    assert [len(instance.data["p"]) for instance in found] == [6, 6, 6, 7, 7, 7] * 2
    assert [instance.name for instance in found[:2]] == ["train-5-1", "train-5-2"]


def test_more_instances_are_the_same_and_more():
    """A longer split begins with the shorter one."""
    problem = tiny()
    short, long = problem.generate_instances("test", 0, 4), problem.generate_instances("test", 0, 9)
    assert [i.digest for i in short] == [i.digest for i in long[:4]]
    assert len(problem.generate_instances("test")) == problem.counts[Split.TEST]


def test_fresh_instances_go_on_where_the_split_ends():
    """What starts at the split's end shares no instance with it, and is what a longer split goes on with."""
    problem = tiny()
    count = problem.counts[Split.VALIDATION]
    split = problem.generate_instances("validation", 3)
    fresh = problem.generate_instances("validation", 3, 5, start=count)
    assert [i.digest for i in fresh] == [
        i.digest for i in problem.generate_instances("validation", 3, count + 5)[count:]
    ]
    assert not {i.digest for i in fresh} & {i.digest for i in split}
    assert [i.name for i in fresh[:1]] == [f"validation-3-{count + 1}"]


def test_rules_are_found_by_name():
    """Capitals do not matter; a stranger is a KeyError."""
    assert tiny().find_rule("mdd") is tiny().find_rule("MDD") or tiny().find_rule("mdd").name == "MDD"
    with pytest.raises(KeyError):
        tiny().find_rule("nobody")


def test_problem_files_may_use_the_short_names():
    """`instances` and `rule`, which files of users call, are `generate_instances` and `find_rule`."""
    (short,), (long,) = tiny().instances("train", 1, 1), tiny().generate_instances("train", 1, 1)
    assert short.digest == long.digest
    assert tiny().rule("MDD").name == tiny().find_rule("MDD").name


def test_rules_run_as_candidates():
    """The source of every rule of the real problem defines the entry point, without our modules."""
    from gapsmith.agent.evaluation.problems import find_problem

    problem = find_problem("single_machine_tardiness")
    (instance,) = tiny().generate_instances("train", 0, 1)
    for rule in problem.rules:
        source, space = rule.source("schedule"), {}
        assert "gapsmith" not in source
        exec(compile(source, rule.name, "exec"), space)
        result = [int(job) for job in space["schedule"](instance.data["p"], instance.data["d"])]
        assert result == [int(job) for job in rule.function(instance.data["p"], instance.data["d"])]
        assert rule.citation


@pytest.mark.parametrize(
    ("lower", "upper", "status"),
    [
        (3, 3, "optimal"),
        (0, 0, "optimal"),
        (2, 3, "bound"),
        (2, float("inf"), "bound"),
        (float("-inf"), 3, "bound"),
        (float("-inf"), float("inf"), "unknown"),
    ],
)
def test_the_status_of_a_baseline(lower, upper, status):
    """Proven where the bounds meet, a bound where one is known, else unknown."""
    baseline = Baseline(lower, upper, None, "hand", 0.0)
    assert baseline.status == status
    assert baseline.proven == (status == "optimal")


def test_usage_is_a_kind_of_trouble():
    """Whoever catches GapsmithError catches slips of usage too."""
    from gapsmith.evaluators.base import GapsmithError

    assert issubclass(UsageError, GapsmithError)


OUTCOMES = {
    # outcome: failure, sandbox failure, without program, repairable
    "asked": (False, False, False, False),
    "ok": (False, False, False, False),
    "raced": (False, False, False, False),
    "twin": (False, False, False, False),
    "duplicate": (False, False, False, False),
    "no_code": (True, False, True, False),
    "truncated": (True, False, True, False),
    "syntax_error": (True, False, False, True),
    "infeasible": (True, False, False, True),
    "timeout_cpu": (True, False, False, True),
    "a word of a problem's author": (True, False, False, True),
    "zygote_died": (True, True, False, False),
    "harness_failure": (True, True, False, False),
}


@pytest.mark.parametrize(("word", "expected"), OUTCOMES.items(), ids=list(OUTCOMES))
def test_outcomes_say_what_they_mean(word, expected):
    """Every word of an archive is an outcome, and equals its own text."""
    found = CandidateOutcome(word)
    assert found == word == str(found)
    assert (
        found.is_failure,
        found.is_sandbox_failure,
        found.is_without_program,
        found.repairable,
    ) == expected
    assert pickle.loads(pickle.dumps(found)) == copy.copy(found) == found


def test_outcomes_of_replies_and_of_the_sandbox_are_known():
    """How a hosted reply ends, and the sandbox's own failures, are named in one place."""
    incomplete = [finish for finish in Finish if finish is not Finish.COMPLETE]
    assert all(CandidateOutcome(finish).is_without_program for finish in incomplete)
    assert all(CandidateOutcome(end).is_sandbox_failure == end.is_sandbox_failure for end in Ending)
