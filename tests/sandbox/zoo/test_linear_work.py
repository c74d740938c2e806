"""Whatever a candidate writes, reading it takes time in proportion to its length, and no more."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.sandbox.endings import clean, read_report, read_status
from gapsmith.sandbox.frames import ERROR, RESULT, BadFrame, FrameBuffer, build_frame, decode_json

TIMES = 16
SLACK_SECONDS = 0.01
SIZE = 500
FRAGMENTS = [b"[", b"]", b"{", b"}", b'"', b"\\", b'\\"', b"\\\\", b",", b":", b"0", b"-1e9", b"a", b"\xff"]
FRAGMENTS += [b"\\ud800", b'{"":', b"\x00", b"\n", b"[[", b"\x1b[", "\u202e".encode(), "\ud7a3".encode()]

pieces = st.lists(st.sampled_from(FRAGMENTS), max_size=4).map(b"".join)
shapes = st.tuples(st.sampled_from([b"", b"[" * 65, b"[" * 65 + b'"', b"{" * 65]) | pieces, pieces, pieces)
FUZZ = settings(max_examples=100, deadline=None, database=None, derandomize=True)


def json_of(data):
    """Reads a result."""
    with contextlib.suppress(ValueError):
        decode_json(data)


def error_of(data):
    """Reads a report of an error."""
    read_report(data, trusted=False)


def words_of(data):
    """Reads what was printed."""
    clean(data.decode("utf-8", "replace"), len(data))
    read_status(6, data.decode("utf-8", "replace"))


def frames_of(data):
    """Cuts bytes into frames, though they come a few at a time."""
    buffer = FrameBuffer()
    stream = build_frame(RESULT, data)
    with contextlib.suppress(BadFrame):
        for place in range(0, len(stream), 64):
            buffer.feed(stream[place : place + 64])
            buffer.take(RESULT + ERROR, len(stream))


def seconds(read, data):
    """The least CPU time of three readings: what disturbs one only adds to it."""
    found = []
    for _ in range(3):
        begun = time.thread_time()
        read(data)
        found.append(time.thread_time() - begun)
    return min(found)


def assert_linear(read, shape):
    """Sixteen times the length takes at most sixty-four times the work; what is quadratic takes 256 times."""
    head, body, tail = shape
    few, many = (head + body * count + tail for count in (SIZE, TIMES * SIZE))
    assert seconds(read, many) <= 4 * TIMES * seconds(read, few) + SLACK_SECONDS


READERS = [json_of, error_of, words_of, frames_of]


@pytest.mark.parametrize("read", READERS)
def test_a_string_of_escaped_quotes_without_an_end_is_read_once(read):
    """A hundred kilobytes of this shape once held the host for minutes."""
    assert_linear(read, (b"[" * 65 + b'"', b'\\"', b""))


@pytest.mark.parametrize("read", READERS)
@FUZZ
@given(shape=shapes)
def test_work_grows_with_the_length_alone(read, shape):
    """No shape of bytes makes a reader go back over what it has read."""
    assert_linear(read, shape)
