"""Problem files that were written before modules moved still find what they import."""

import importlib

import pytest

from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.solutions import permutation


def test_the_verifiers_are_found_under_their_former_name():
    """`from gapsmith.evaluators.verify import permutation` is what the former skeleton said."""
    assert importlib.import_module("gapsmith.evaluators.verify").permutation is permutation


@pytest.mark.parametrize("name", list_problems())
def test_a_problem_is_found_under_its_former_name(name):
    """The very module, not a copy: its classes are the same."""
    former = importlib.import_module(f"gapsmith.evaluators.{name}")
    assert former is importlib.import_module(f"gapsmith.evaluators.problems.{name}.problem")


def test_an_unknown_name_is_unknown():
    """What never was there raises what Python raises."""
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("gapsmith.evaluators.nonsense")
