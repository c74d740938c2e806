"""Names of generated instances say where they come from, and digests whether that is so."""

import pytest

from gapsmith.agent.archive import RunRow
from gapsmith.agent.web.facts.instances import (
    find_built_in,
    find_problem_of,
    find_sense,
    make_instance,
    parse_name,
)
from gapsmith.agent.web.facts.programs import Result
from gapsmith.evaluators.base import Baseline, Split

NAME = "single_machine_tardiness"


@pytest.mark.parametrize("scale", ["small", "medium"])
@pytest.mark.parametrize("split", list(Split))
def test_a_generated_instance_is_made_again(scale, split):
    """Its class and its data follow from its name, its digest proves it."""
    problem = find_built_in(NAME, scale)
    for original in problem.generate_instances(split, 7, 3, 5):
        origin = parse_name(original.name, problem)
        assert (origin.split, origin.seed, origin.stratum) == (split, 7, original.stratum)
        assert make_instance(original.name, original.digest, problem).digest == original.digest


@pytest.mark.parametrize(
    "name", ["own", "train-1", "train-x-1", "other-1-2", "train-1-2-3", "medium-train-1-2", ""]
)
def test_other_names_say_nothing(name):
    """Instances of one's own files have no class."""
    assert parse_name(name, find_built_in(NAME)) is None
    assert parse_name("train-1-2", None) is None


def test_a_forged_digest_makes_no_instance():
    """A name alone does not make an instance that was met."""
    assert make_instance("train-1-2", "0" * 32, find_built_in(NAME)) is None


def test_problem_files_are_not_loaded(tmp_path):
    """An archive of others may name a file: its code is not run."""
    path = tmp_path / "evil.py"
    path.write_text("raise SystemExit('loaded')\n")
    assert find_built_in(str(path)) is None
    assert find_problem_of(RunRow(problem=str(path), model="m", seed=0, started=0.0)) is None


def test_an_unknown_scale_is_the_small_one():
    """Whatever an archive says, a built-in problem has a scale."""
    assert find_built_in(NAME, "gigantic").scale == "small"


def result(cost, lower, upper):
    """A result with bounds."""
    return Result("d", "i", "ok", "", cost, 0.0, Baseline(lower, upper, None, "s", 0.0))


def test_the_sense_follows_from_costs_where_no_problem_is_loaded():
    """Costs of minimisation are above the bounds, of maximisation below."""
    assert find_sense(None, [result(12.0, 10.0, 10.0)]) is False
    assert find_sense(None, [result(8.0, 10.0, 10.0)]) is True
    assert find_sense(None, [result(10.0, 10.0, 10.0)]) is False
    assert find_sense(find_built_in("independent_set"), []) is True
