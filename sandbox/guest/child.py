"""The child process that owns one candidate.

This code runs after the fork.

The host trusts nothing here: a candidate may replace every function of this file.
"""

import fcntl
import json
import linecache
import os
import random
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from gapsmith.sandbox import frames
from gapsmith.sandbox.guest import clocks, compiler
from gapsmith.sandbox.isolation import rlimits
from gapsmith.sandbox.isolation.lockdown import Lockdown

CHANNEL = 3
"""The job socket's descriptor; 0, 1 and 2 are an empty input and two pipes, and there are no others."""

_MESSAGE = 800
_NAMES = {"candidate": "<candidate>", "driver": "<driver>"}


class Refused(Exception):
    """The candidate's work cannot continue.

    The name of the ending and its message.
    """

    def __init__(self, ending: str, message: str) -> None:
        super().__init__(message)
        self.ending = ending


def main(descriptors: tuple[int, int, int], lockdown: Lockdown) -> NoReturn:
    """Runs the zygote until the host closes the stream."""
    try:
        _adopt(*descriptors)
        lockdown.apply_at_birth()
        _serve(lockdown)
    finally:
        os._exit(0)


def _adopt(job: int, out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.dup2(job, CHANNEL)
    os.closerange(CHANNEL + 1, rlimits.DESCRIPTORS)


def _serve(lockdown: Lockdown) -> None:
    job, code = frames.decode_job(_read_frame())
    try:
        lockdown.apply_before_candidate(job)
    except OSError as error:
        _write(frames.ERROR, _encode_error("harness_failure", f"the child could not be locked down: {error}"))
        return
    _write(frames.READY)
    clocks.hide()
    random.seed(0)  # CPython reseeds it in every forked child; equal programs must behave equally.
    compiler.prepare(job["checked"])
    entry = _guard(b"", partial(_load, job, code))
    _write(frames.LOADED)
    kind, work = (frames.CODE, _compile) if job["compile"] else (frames.RESULT, _answer)
    while True:
        token, arguments = _read_call()
        _write(kind, token + _guard(token, partial(work, entry, arguments, job)))


def _read_call() -> tuple[bytes, list[Any]]:
    payload = _read_frame()
    return bytes(payload[: frames.TOKEN_BYTES]), frames.decode_call(payload[frames.TOKEN_BYTES :])


def _guard(token: bytes, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Refused as refusal:
        ending, message = refusal.ending, str(refusal)
    except MemoryError:
        ending, message = "memory_limit", "MemoryError: the memory limit was reached"
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything, SystemExit included
        ending, message = "candidate_exception", describe(error)
    _flush()
    _write(frames.ERROR, token + _encode_error(ending, message))
    os._exit(0)


def _load(job: dict[str, Any], code: bytes = b"") -> Callable[..., Any]:
    candidate = _make_module("candidate", job["source"])
    if code:
        compiler.install(vars(candidate), code)
    entry = getattr(candidate, job["entry"], None)
    if not callable(entry):
        raise Refused("no_entry", f"the module defines no function {job['entry']!r}")
    _flush()
    if not job["driver"]:
        return _check_function(entry)
    driver = _make_module("driver", job["driver"], candidate=entry)
    return _check_function(driver.drive)


def _check_function(entry: Any) -> Callable[..., Any]:
    checked: Callable[..., Any] = entry
    return checked


def _make_module(name: str, source: str, **given: Any) -> types.ModuleType:
    file = _NAMES[name]
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        code = compile(source, file, "exec")
    except (SyntaxError, ValueError, RecursionError, SystemError) as error:
        # ValueError: null bytes, lone surrogates; SystemError: what CPython itself stumbles over
        raise Refused("syntax_error", _describe_syntax_error(error)) from None
    module = types.ModuleType(name)
    module.__dict__.update(given)
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module


def _describe_syntax_error(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return (
            f"{type(error).__name__}: {error.msg} (line {error.lineno}: {(error.text or '').strip()[:200]})"
        )
    return f"{type(error).__name__}: {error}"


def _answer(entry: Callable[..., Any], arguments: list[Any], job: dict[str, Any]) -> bytes:
    value = entry(*arguments)
    _flush()
    try:
        text = json.dumps(value, allow_nan=False, default=_convert, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused("malformed_result", f"the result cannot be used: {_explain(error)}") from None
    if len(text) > job["result_bytes"]:
        raise Refused(
            "result_too_large", f"the result has {len(text)} bytes; the limit is {job['result_bytes']}"
        )
    return text


def _compile(entry: Callable[..., Any], arguments: list[Any], job: dict[str, Any]) -> bytes:
    """Makes the call and returns what it compiled, not what it gave."""
    entry(*arguments)
    _flush()
    return compiler.encode(vars(sys.modules["candidate"]), job["code_bytes"])


def _convert(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if (
        numpy is not None
        and isinstance(value, numpy.generic | numpy.ndarray)
        and not isinstance(value.tolist(), type(value))
    ):
        return value.tolist()
    raise TypeError(f"it holds a {type(value).__name__}; return numbers, strings, lists, dicts or arrays")


def _explain(error: Exception) -> str:
    if "JSON compliant" in str(error):
        return "it holds nan or infinity"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def describe(error: BaseException) -> str:
    """Describes an error for the next prompt.

    The text holds its type, its message and the candidate's own line.
    """
    text = f"{type(error).__name__}: {error}"[:_MESSAGE]
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in _NAMES.values():
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()[:200]
            place = f" (line {trace.tb_lineno}, in {code.co_name}: {line})"
        trace = trace.tb_next
    return text + place


def _encode_error(ending: str, message: str) -> bytes:
    return json.dumps({"ending": ending, "message": message[: _MESSAGE + 400]}).encode()


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None and not stream.closed:
            stream.flush()


def _write(kind: bytes, payload: bytes = b"") -> None:
    rest = memoryview(frames.build_frame(kind, payload))
    while rest:
        rest = rest[os.write(CHANNEL, rest) :]


def _read_frame() -> memoryview:
    _, length = frames.HEADER.unpack(_read(frames.HEADER.size))
    return memoryview(_read(length))


def _read(count: int) -> bytearray:
    data = bytearray()
    while len(data) < count:
        piece = os.read(CHANNEL, count - len(data))
        if not piece:
            os._exit(0)  # The host has closed the socket: there is nothing left to answer.
        data += piece
    return data


def keep_open(descriptor: int) -> int:
    """Returns a duplicate above the child's own descriptors, closed on exec."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
