"""Frames and strict JSON: what is sent arrives, and nothing else is accepted."""

import contextlib
import json
import os
import socket
import struct
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapsmith.sandbox import Array, Limits, conversation, frames
from gapsmith.sandbox.conversation import ChannelClosed, Conversation
from gapsmith.sandbox.endings import Stopped

TOKEN = b"\x00tokens\xff"
FUZZ = settings(
    max_examples=5_000,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

integers = st.integers(-(2**63), 2**63 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | integers | finite | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


class StoppedClock:
    """A clock of a process that uses no time."""

    def read(self) -> float:
        """No time."""
        return 0.0


@dataclass
class Puppet:
    """A child whose bytes the test writes."""

    job: socket.socket
    theirs: socket.socket
    out: int
    err: int
    clock: StoppedClock = field(default_factory=StoppedClock)


@pytest.fixture
def pipes():
    """Two silent output streams."""
    ends = [*os.pipe(), *os.pipe()]
    os.set_blocking(ends[0], False)
    os.set_blocking(ends[2], False)
    yield ends[0], ends[2]
    for end in ends:
        os.close(end)


@contextlib.contextmanager
def puppet(pipes, data):
    """A child that has written `data` and gone."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        yield Puppet(ours, theirs, *pipes)


def _asked(pipes, monkeypatch, data):
    """What the host makes of the bytes as the answer to a call; None if it is no answer."""
    monkeypatch.setattr(conversation.secrets, "token_bytes", lambda _: TOKEN)
    with puppet(pipes, data) as child:
        try:
            return Conversation(child, Limits()).ask({})
        except (Stopped, ChannelClosed):
            return None


@FUZZ
@given(data=st.binary(max_size=200))
def test_random_bytes_are_no_answer(pipes, monkeypatch, data):
    """Five thousand random byte strings on the result socket: no crash, no hang, nothing accepted."""
    assert _asked(pipes, monkeypatch, data) is None


PAYLOADS = [
    b"1",
    b"[1,2,3]",
    b'{"a":[0.5,null],"b":true}',
    b'"text \\u00e9"',
    b"-1e-5",
    b"[[],{}]",
    b"[0,9223372036854775807]",
]
PATCHES = [
    b"",
    b"NaN",
    b"[",
    b"}",
    b"1e999",
    b'"',
    b"\\ud800",
    b"\xff",
    b" ",
    b",1",
    b"00000000000000000000",
    b"\x00",
]
KINDS = [b"R"] * 12 + [b"X", b"O", b"G", b"J"]


def mutated(script):
    """A right frame with bytes changed, lost or put in, as the script says; mostly with a right length."""
    payload = bytearray(TOKEN + PAYLOADS[script[0] % len(PAYLOADS)])
    for position, length, patch in zip(script[3::3], script[4::3], script[5::3], strict=False):
        place = position % (len(payload) + 1)
        payload[place : place + length % 4] = PATCHES[patch % len(PATCHES)]
    length = len(payload) if script[1] % 8 else int.from_bytes(script[-4:], "big")
    return struct.pack("!cI", KINDS[script[2] % len(KINDS)], length) + bytes(payload)


@FUZZ
@given(script=st.binary(min_size=4, max_size=15))
def test_mutated_frames_are_no_forgery(pipes, monkeypatch, script):
    """Five thousand mutated frames: what is accepted is exactly one frame with the token and valid JSON."""
    data = mutated(script)
    answer = _asked(pipes, monkeypatch, data)
    if answer is not None:
        kind, length = struct.unpack_from("!cI", data)
        assert (kind, length) == (b"R", len(data) - 5)
        assert data[5:13] == TOKEN
        assert json.loads(data[13:], parse_constant=pytest.fail) == answer.value


def test_right_frame_is_an_answer(pipes, monkeypatch):
    """The fuzzing above would notice an acceptance: a right frame is accepted."""
    answer = _asked(pipes, monkeypatch, frames.build_frame(b"R", TOKEN + b'{"a": [1, 2.5]}'))
    assert answer is not None
    assert answer.value == {"a": [1, 2.5]}


def test_something_after_the_answer_is_a_violation(pipes, monkeypatch):
    """A right frame with one byte after it is refused."""
    assert _asked(pipes, monkeypatch, frames.build_frame(b"R", TOKEN + b"1") + b"R") is None


@given(value=values)
def test_values_survive(value):
    """Every value of strict JSON is decoded as it was."""
    assert frames.decode_json(json.dumps(value).encode()) == value


@given(data=st.binary(max_size=60), pieces=st.lists(st.integers(1, 9)))
def test_frames_do_not_depend_on_their_pieces(data, pieces):
    """A frame is the same in whatever pieces it comes."""
    buffer, stream = frames.FrameBuffer(), frames.build_frame(b"R", data)
    for piece in [*pieces, len(stream)]:
        buffer.feed(stream[:piece])
        stream = stream[piece:]
        if stream:
            assert buffer.take(b"R", 100) is None
    assert buffer.take(b"R", 100) == (b"R", data)
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"NaN", "NaN"),
        (b"1e999", "too large"),
        (b"9223372036854775808", "64 bits"),
        (b"[" * 65 + b"]" * 65, "deep"),
        (b'{"a":1,"a":1}', "twice"),
    ],
)
def test_refusals_say_why(payload, word):
    """The reason of a refusal is in words that a prompt can quote."""
    with pytest.raises(ValueError, match=word):
        frames.decode_json(payload)


@pytest.mark.parametrize(
    "payload", [b"9223372036854775807", b"[" * 64 + b"]" * 64, b'["' + b"[" * 100 + b'"]', b"1e308"]
)
def test_boundaries_are_accepted(payload):
    """What is just inside the limits is accepted; brackets in strings are no depth."""
    frames.decode_json(payload)


def _array(array):
    return Array(array.dtype.str, array.shape, array.tobytes())


@pytest.mark.parametrize(
    "dtype", ["<i8", "<i4", "u1", "<f8", "<f4", "?", "c16", ">i2", "int64", "float32", "bool"]
)
def test_arrays_arrive(dtype):
    """Arrays arrive with their type, shape and values, writable and their own."""
    array = np.arange(12).reshape(3, 4).astype(dtype)
    name = dtype if dtype.isalnum() and dtype[0] in "ifb" and len(dtype) > 2 else array.dtype.str
    sent = Array(name, array.shape, array.tobytes())
    first, second = frames.decode_call(memoryview(frames.encode_call({"a": sent, "b": [{"c": sent}]})))
    assert (first == array).all()
    assert first.dtype == array.dtype
    assert first.flags.writeable
    assert first.flags.owndata
    assert (second[0]["c"] == array).all()


def test_empty_arrays_arrive():
    """Arrays without elements or without dimensions arrive."""
    sent = {"a": _array(np.zeros((0, 3))), "b": _array(np.array(7))}
    first, second = frames.decode_call(memoryview(frames.encode_call(sent)))
    assert first.shape == (0, 3)
    assert second[()] == 7


@pytest.mark.parametrize(
    "array",
    [
        Array("<f8", (3,), b"short"),
        Array("O", (1,), bytes(8)),
        Array("<U3", (1,), bytes(12)),
        Array("<M8[s]", (1,), bytes(8)),
        Array("object", (1,), bytes(8)),
    ],
)
def test_arrays_that_cannot_travel(array):
    """An array of objects, or whose bytes do not fit its shape, is refused at the door."""
    with pytest.raises(ValueError, match="array"):
        frames.encode_call({"a": array})
