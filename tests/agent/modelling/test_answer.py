"""Answers of programs: what is read, what is malformed, and when two numbers are equal."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.modelling.answer import (
    STATUSES,
    Answer,
    Kind,
    MalformedAnswer,
    is_close,
    judge_outcome,
    read_answer,
)
from gapsmith.sandbox import Answer as Returned
from gapsmith.sandbox import Ending, Outcome

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def test_an_answer_has_status_objective_and_values():
    """Whole numbers, fractions and truth values all become numbers."""
    found = read_answer({"status": "optimal", "objective": 3, "values": {"x": True, "y": 1.5}})
    assert found == Answer("optimal", 3.0, {"x": 1.0, "y": 1.5})
    assert found.find_value("y") == 1.5
    assert found.find_value("not there") == 3.0


@pytest.mark.parametrize("status", STATUSES[1:])
def test_only_an_optimum_has_a_value(status):
    """What is reported beside another status is no answer."""
    assert read_answer({"status": status, "objective": 3}) == Answer(status, None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3.0, "solve returned 3.0"),
        ([], "solve returned"),
        ({}, "status is None"),
        ({"status": "OPTIMAL", "objective": 3}, "status is 'OPTIMAL'; expected one of optimal, "),
        ({"status": ["optimal"], "objective": 3}, "status is"),
        ({"status": "optimal"}, "objective is None"),
        ({"status": "optimal", "objective": "3"}, "objective is '3'"),
        ({"status": "optimal", "objective": True}, "objective is True"),
        ({"status": "optimal", "objective": 10**400}, "objective is 1000"),
        ({"status": "optimal", "objective": 10**5000}, "objective is a number of thousands of digits"),
        ({"status": "optimal", "objective": 3, "values": [1]}, "values is [1]"),
        ({"status": "optimal", "objective": 3, "values": {"x": None}}, "None for 'x'"),
        (
            {"status": "optimal", "objective": 3, "values": dict.fromkeys(map(str, range(2001)), 1)},
            "2001 entries",
        ),
    ],
)
def test_what_is_no_answer_is_malformed(value, words):
    """The reason says what was found and what was expected, for the next prompt."""
    with pytest.raises(MalformedAnswer) as refused:
        read_answer(value)
    assert words in str(refused.value)


@given(VALUES, st.dictionaries(st.sampled_from(["status", "objective", "values"]), VALUES))
def test_whatever_a_program_returns_is_an_answer_or_malformed(value, parts):
    """Nothing that JSON can hold does any harm."""
    for result in (value, {"status": "optimal", "objective": 1.0, **parts}):
        try:
            answer = read_answer(result)
        except MalformedAnswer:
            continue
        assert answer.status in STATUSES
        assert answer.objective is None or math.isfinite(answer.objective)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (10000, 10001, True),
        (10000, 10001.1, False),
        (-5, 5, False),
        (0, 1e-7, True),
        (0, 1e-5, False),
        (1e-9, -1e-9, True),
    ],
)
def test_the_tolerance(left, right, equal):
    """One in ten thousand of the larger, and a millionth near 0; whichever comes first."""
    assert is_close(left, right) is is_close(right, left) is equal


@pytest.mark.parametrize("ending", [ending for ending in Ending if not ending.is_sandbox_failure])
def test_every_ending_has_a_kind(ending):
    """However a run ends, it is a kind of failure, and only a proven optimum is an answer."""
    result = {"status": "optimal", "objective": 1.0}
    verdict = judge_outcome(Outcome(ending=ending, message="why", answers=(Returned(result, 0.1),)))
    assert (verdict.kind is Kind.ANSWERED) is (ending is Ending.OK)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_kind(status):
    """The words of a program are told apart."""
    outcome = Outcome(ending=Ending.OK, answers=(Returned({"status": status, "objective": 1}, 0.1),))
    assert judge_outcome(outcome).kind == ("answered" if status == "optimal" else status)
