"""Frames on the job socket.

One byte of type, four of length, then the payload.

Host and guest both use this file. The host reads bytes that a candidate wrote, so `FrameBuffer` and
`strict_json` refuse everything that is not exactly what was requested.
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from gapsmith.sandbox.job import Array, Call, Json, Value

HEADER = struct.Struct("!cI")
TOKEN_BYTES = 8
ERROR_BYTES = 16_384
DEPTH = 64

JOB, CALL = b"J", b"C"
"""Frames of the host: the program with its limits, then one frame per call."""
READY, LOADED, RESULT, ERROR, CODE = b"G", b"O", b"R", b"X", b"M"
"""Frames of the child: locked down, module loaded, an answer, a failure, machine code of the program's functions."""

_DTYPE = re.compile(
    r"[<>=|]?(?P<kind>[biufc])(?P<size>\d{1,2})|(?P<word>bool|u?int|float|complex)(?P<bits>\d{1,3})?"
)
_ALIGN = 16
_ARRAY = "__array__"
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class BadFrame(Exception):
    """Bytes on the job socket that are not a requested frame."""


class OversizeFrame(BadFrame):
    """A frame whose announced length exceeds its limit.

    Refused before its payload is read.
    """


def build_frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Builds a frame, ready to be written."""
    return HEADER.pack(kind, len(payload)) + payload


class FrameBuffer:
    """A buffer that cuts the candidate's bytes into frames.

    Holds little more than one.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Adds bytes that were read."""
        self._bytes += data

    def take(self, expected: bytes, limit: int) -> tuple[bytes, bytes] | None:
        """Takes the next frame; returns None while it is incomplete.

        `expected` lists the kinds of frames that may come.

        Raises:
            BadFrame: for another kind.
            OversizeFrame: for a length over its limit.
        """
        if len(self._bytes) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._bytes)
        _check_header(kind, length, expected, limit)
        if len(self._bytes) < HEADER.size + length:
            return None
        payload = bytes(self._bytes[HEADER.size : HEADER.size + length])
        del self._bytes[: HEADER.size + length]
        return kind, payload


def _check_header(kind: bytes, length: int, expected: bytes, limit: int) -> None:
    if kind not in expected:
        raise BadFrame(f"a frame of kind {kind!r} came where one of {expected!r} was expected")
    if length > (ERROR_BYTES if kind == ERROR else limit):
        raise OversizeFrame(f"a frame of {length} bytes came; the limit is {limit}")


def decode_json(payload: bytes) -> Json:
    """Decodes JSON that a candidate wrote, and accepts no deviation.

    It follows RFC 8259 with finite floats, 64-bit integers, bounded depth and no duplicate keys.

    Raises:
        ValueError: with the reason, in words for the next prompt.
    """
    text = payload.decode("utf-8")  # UnicodeDecodeError is a ValueError.
    _check_depth(payload)
    try:
        value: Json = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_parse_finite,
            parse_int=_parse_int64,
            object_pairs_hook=_make_object,
        )
    except RecursionError:
        raise ValueError("the result is nested too deeply") from None
    if _SURROGATE.search(payload):
        json.dumps(
            value, ensure_ascii=False
        ).encode()  # A lone surrogate raises UnicodeEncodeError, a ValueError.
    return value


def _check_depth(payload: bytes) -> None:
    """Checks the depth of nesting in linear time.

    Each byte is read a fixed number of times, so that unclosed strings cause no backtracking.
    """
    if payload.count(b"[") + payload.count(b"{") <= DEPTH:
        return
    outside_strings = b"".join(_ESCAPED.sub(b"", payload).split(b'"')[::2])
    depth = 0
    for bracket in outside_strings.translate(None, _NO_BRACKET):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise ValueError(f"the result is nested more than {DEPTH} deep")


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"the result holds {word}; only finite numbers are allowed")


def _parse_finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:40]} is too large for a float")
    return value


def _parse_int64(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else 2**64
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"the integer {digits[:40]} does not fit in 64 bits")
    return value


def _make_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object of the result has the same key twice")
    return value


def encode_job(job: Mapping[str, Any], code: bytes) -> bytes:
    """Encodes a job: the length of its JSON, the JSON, machine code."""
    text = json.dumps(job).encode()
    return struct.pack("!I", len(text)) + text + code


def decode_job(payload: memoryview) -> tuple[dict[str, Any], bytes]:
    """Decodes a job and its machine code inside the guest."""
    (length,) = struct.unpack_from("!I", payload)
    job: dict[str, Any] = json.loads(bytes(payload[4 : 4 + length]))
    return job, bytes(payload[4 + length :])


def encode_call(call: Call) -> bytes:
    """Encodes the arguments of a call, without its token.

    The payload is the length of the JSON, the JSON, then the bytes of the arrays, aligned.

    Raises:
        ValueError: for an array whose bytes, shape and dtype disagree.
    """
    blobs: list[bytes] = []
    offset = 0

    def plain(value: Value) -> Any:
        nonlocal offset
        if isinstance(value, Array):
            _check_array(value)
            place = {_ARRAY: [value.dtype, list(value.shape), offset]}
            padding = -len(value.data) % _ALIGN
            blobs.append(value.data + bytes(padding))
            offset += len(value.data) + padding
            return place
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return value

    text = json.dumps([plain(value) for value in call.values()]).encode()
    return struct.pack("!I", len(text)) + text + b"".join(blobs)


def _check_array(array: Array) -> None:
    count = math.prod(array.shape)
    if len(array.data) != count * _count_item_bytes(array.dtype):
        raise ValueError(f"an array of {array.dtype} {array.shape} has {len(array.data)} bytes")


def _count_item_bytes(dtype: str) -> int:
    match = _DTYPE.fullmatch(dtype)
    if match is None:
        raise ValueError(f"an array has dtype {dtype!r}; expected bool, int, float or complex")
    if match["size"]:
        return int(match["size"])
    return 1 if match["word"] == "bool" else int(match["bits"] or "64") // 8


def decode_call(payload: memoryview) -> list[Any]:
    """Decodes the arguments of a call inside the guest.

    Arrays are fresh copies and writable.
    """
    (length,) = struct.unpack_from("!I", payload)
    blobs = payload[4 + length :]
    return [_restore(value, blobs) for value in json.loads(bytes(payload[4 : 4 + length]))]


def _restore(value: Any, blobs: memoryview) -> Any:
    if isinstance(value, list):
        return [_restore(item, blobs) for item in value]
    if isinstance(value, dict):
        if _ARRAY in value:
            dtype, shape, offset = value[_ARRAY]
            return _restore_array(dtype, shape, offset, blobs)
        return {key: _restore(item, blobs) for key, item in value.items()}
    return value


def _restore_array(dtype: str, shape: list[int], offset: int, blobs: memoryview) -> Any:
    import sys

    # The zygote has imported it; an import at the top would make this package depend on numpy.
    numpy = sys.modules["numpy"]
    count = math.prod(shape)
    return numpy.frombuffer(blobs, numpy.dtype(dtype), count, offset).reshape(shape).copy()
