"""What a child says of errors and results; none of it is believed, but it goes into prompts."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.sandbox.frames import decode_json
from gapsmith.sandbox.guest import child
from gapsmith.sandbox.guest.child import Refused, describe

JOB = {"result_bytes": 200, "source": "", "entry": "f", "driver": ""}
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def answer_of(value, limit=10_000):
    """What is sent for a value that a program returned."""
    return child._answer(lambda: value, [], JOB | {"result_bytes": limit})


def failing(source):
    """The error that a candidate's source raises when it is run."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it is
        child._make_module("candidate", source)
    return caught.value


@given(plain)
def test_plain_data_comes_back_as_it_is(value):
    """What a program returns is what the host reads."""
    found = decode_json(answer_of(value))
    assert found == value
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(7), 7),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.arange(3), [0, 1, 2]),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ([np.int32(1), (2, 3)], [1, [2, 3]]),
        ({"a": np.zeros(2)}, {"a": [0.0, 0.0]}),
    ],
)
def test_numbers_and_arrays_of_numpy_become_plain(value, expected):
    """A heuristic may return what numpy gives it."""
    assert decode_json(answer_of(value)) == expected


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (math.nan, "nan"),
        ([math.inf], "infinity"),
        (np.array([math.nan]), "nan"),
        (object(), "object"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (np.array([object()]), "object"),
        (1j, "complex"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(value, word):
    """The reason names what was found, for the next prompt."""
    with pytest.raises(Refused, match=word) as caught:
        answer_of(value)
    assert caught.value.ending == "malformed_result"


def test_a_result_that_holds_itself_is_refused():
    """Neither a list in itself nor one of endless depth ends the child without a word."""
    endless = []
    endless.append(endless)
    deep = 0
    for _ in range(100_000):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(Refused) as caught:
            answer_of(value)
        assert caught.value.ending == "malformed_result"


@given(st.integers(0, 300))
def test_a_result_is_as_long_as_allowed_and_no_longer(length):
    """The limit is that of the bytes that would be sent."""
    if length + 2 <= 200:
        assert len(answer_of("x" * length, 200)) == length + 2
    else:
        with pytest.raises(Refused, match=f"{length + 2} bytes") as caught:
            answer_of("x" * length, 200)
        assert caught.value.ending == "result_too_large"


@pytest.mark.parametrize(
    ("source", "word"),
    [("x = (", "line 1"), ("def f(:\n", "line 1"), ("a\0b", "null"), ("x = 1\n  y = 2\n", "line 2")],
)
def test_source_that_does_not_compile_is_a_syntax_error(source, word):
    """With the line, and the ending that asks for a repair."""
    error = failing(source)
    assert isinstance(error, Refused)
    assert error.ending == "syntax_error"
    assert word in str(error)


def test_an_error_names_the_candidate_s_own_line():
    """The line is the last one of the program's, not that of a library under it."""
    text = describe(failing("import json\n\ndef f():\n    return json.loads('[')\n\nf()\n"))
    assert "line 4, in f: return json.loads('[')" in text
    assert text.startswith("JSONDecodeError: ")


def test_a_long_error_is_cut():
    """A message of a million characters does not fill a prompt."""
    assert len(describe(failing("raise ValueError('x' * 1_000_000)"))) < 1_500


def test_a_module_without_the_entry_has_its_own_ending():
    """It says which function is missing; something that cannot be called is none."""
    for source in ("def g(): ...", "f = 7"):
        with pytest.raises(Refused, match="'f'") as caught:
            child._load(JOB | {"source": source})
        assert caught.value.ending == "no_entry"


def test_a_driver_calls_the_candidate():
    """It finds the entry point under its own name, and takes its place."""
    job = JOB | {
        "source": "def f(x): return x + 1",
        "driver": "def drive(x): return [candidate(x), candidate(x + 1)]",
    }
    assert child._load(job)(1) == [2, 3]
