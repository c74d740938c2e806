"""Offline, formulations are subsets of a library of patterns."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import ModelError, Request
from gapsmith.agent.models.offline.formulations import PROPOSALS, find_patterns
from gapsmith.agent.models.offline.model import OfflineModel
from gapsmith.evaluators.catalogue import load_formulation

NAME = "tardiness_interval"
LIBRARY = load_formulation(NAME).patterns
NAMES = [pattern.name for pattern in LIBRARY]


def asked(operator="explore", seed=0, parents=(), name=NAME):
    """The program that comes back."""
    problem = find_problem(name)
    request = Request(
        slot=0, operator=operator, system="", prompt="", seed=seed, problem=problem, parents=tuple(parents)
    )
    found = extract(OfflineModel().reply(request).text, problem.entry)
    return found.source


@given(st.sampled_from([*PROPOSALS, "another"]), st.integers(0, 10_000), st.integers(0, 3))
@settings(max_examples=40)
def test_every_answer_is_a_subset_that_passes_the_screen(operator, seed, count):
    """Whatever is asked for, the answer calls patterns of the library, at least one, and may be run."""
    parents = [asked(seed=seed + k) for k in range(count)]
    source = asked(operator, seed, parents)
    assert screen(source, find_problem(NAME).entry).outcome == "ok"
    assert find_patterns(source, NAMES)
    assert source == asked(operator, seed, parents)


def test_equal_subsets_are_equal_programs():
    """The order of patterns is the library's, whatever way led to the subset."""
    sources = {find_patterns(source, NAMES): source for source in (asked(seed=k) for k in range(200))}
    again = [asked(seed=k) for k in range(200)]
    assert set(again) == set(sources.values())


def test_refining_changes_a_pattern_or_two():
    """A refinement of a parent differs from it by one pattern more, less or another."""
    parent = asked(seed=1)
    before = find_patterns(parent, NAMES)
    for seed in range(20):
        after = find_patterns(asked("refine", seed, [parent]), NAMES)
        assert 1 <= len(before ^ after) <= 2


def test_simplifying_leaves_one_out():
    """A simplification of a parent of several patterns has one less, and no other."""
    parent = next(s for s in (asked(seed=k) for k in range(50)) if len(find_patterns(s, NAMES)) > 2)
    after = find_patterns(asked("simplify", 3, [parent]), NAMES)
    assert after < find_patterns(parent, NAMES)
    assert len(after) == len(find_patterns(parent, NAMES)) - 1


def test_inventing_takes_what_no_parent_has():
    """An invention shares no pattern with its parents while there are others."""
    parent = asked(seed=1)
    assert not find_patterns(asked("invent", 2, [parent]), NAMES) & find_patterns(parent, NAMES)


def test_programs_that_are_not_ours_are_no_obstacle():
    """A parent that calls no pattern, or is no Python, counts as one that adds nothing."""
    assert find_patterns(asked("refine", 1, ["def augment(", "x = 1"]), NAMES)


def test_whole_models_are_those_of_the_library():
    """Where whole models are searched for, an alternative to the base comes back."""
    builds = find_problem("tardiness_positional").formulation.builds
    source = asked(name="tardiness_positional:build")
    assert any(rule.function.__doc__ in source for rule in builds[1:])


@pytest.mark.parametrize("name", [NAME, "tardiness_positional:build"])
def test_no_library_is_said(name):
    """Without patterns and whole models there is nothing to combine, and the message says what to do."""
    problem = find_problem(name)
    bare = replace(problem, formulation=replace(problem.formulation, patterns=(), builds=()))
    request = Request(slot=0, operator="explore", system="", prompt="", seed=0, problem=bare)
    with pytest.raises(ModelError, match="use another model"):
        OfflineModel().reply(request)
