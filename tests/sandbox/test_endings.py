"""Endings: what a wait status and a child's report become, and what a message may hold."""

import json
import signal
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.sandbox import Ending
from gapsmith.sandbox.endings import MESSAGE_CHARACTERS, REPORTED, clean, read_report, read_status


def exited(code):
    """The wait status of a process that exited with a code."""
    return code << 8


@given(st.integers(0, 255))
def test_a_normal_exit_is_no_result(code):
    """A process that exits by itself has given no answer, whatever its code says."""
    for sealed in (False, True):
        stopped = read_status(exited(code), "", sealed)
        assert stopped.ending is Ending.NO_RESULT
        assert f"exit code {code} " in str(stopped)


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (signal.SIGSYS, Ending.FORBIDDEN_SYSCALL),
        (signal.SIGSEGV, Ending.CRASH_SEGV),
        (signal.SIGABRT, Ending.CRASH_ABORT),
        (signal.SIGBUS, Ending.CRASH_BUS),
        (signal.SIGFPE, Ending.CRASH_FPE),
        (signal.SIGXCPU, Ending.TIMEOUT_CPU),
        (signal.SIGILL, Ending.KILLED),
        (signal.SIGTRAP, Ending.KILLED),
    ],
)
def test_signals_that_a_program_causes_are_its_own(number, ending):
    """What a program can do to itself is charged to it, sealed or not."""
    assert read_status(number, "").ending is ending
    assert read_status(number, "", sealed=True).ending is ending


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_from_outside_is_no_fact_about_a_sealed_program(number):
    """A sealed program cannot send it, so that the sandbox is at fault and the job is tried again."""
    assert read_status(number, "", sealed=True).ending is Ending.HARNESS_FAILURE
    assert read_status(number, "", sealed=False).ending is Ending.KILLED


@pytest.mark.parametrize(
    "text", ["terminate called: std::bad_alloc", "MemoryError", "Cannot allocate memory"]
)
def test_an_abort_for_lack_of_memory_is_the_memory_limit(text):
    """Libraries that abort when memory ends say so on the error stream; other crashes are not excused by words."""
    assert read_status(signal.SIGABRT, text).ending is Ending.MEMORY_LIMIT
    assert read_status(signal.SIGSEGV, text).ending is Ending.CRASH_SEGV


@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.parametrize("trusted", [True, False])
def test_a_child_reports_failures_of_its_own_only(ending, trusted):
    """A report may name a failure of the program; the sandbox's own only before the program has run."""
    found = read_report(json.dumps({"ending": ending.value, "message": "said"}).encode(), trusted).ending
    allowed = ending in REPORTED or (trusted and ending is Ending.HARNESS_FAILURE)
    assert found is (ending if allowed else Ending.PROTOCOL_VIOLATION)


def test_success_cannot_be_reported():
    """No report makes a run succeed, and none makes the host try again after the program has run."""
    assert Ending.OK not in REPORTED
    assert not any(ending.is_sandbox_failure for ending in REPORTED)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"ending": "ok"}',
        b'{"ending": 3, "message": ""}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_report_that_cannot_be_read_is_a_violation(payload):
    """Whatever stands in a report, the host neither fails nor believes it."""
    assert read_report(payload, trusted=True).ending is Ending.PROTOCOL_VIOLATION


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_report_of_a_failure(payload, trusted):
    """Arbitrary bytes never raise and never become a success."""
    assert read_report(payload, trusted).ending is not Ending.OK


@given(st.text(max_size=60), st.integers(1, 40))
def test_clean_text_is_short_and_harmless(text, length):
    """At most the given length, but for the mark of the cut, and no control or formatting characters."""
    found = clean(text, length)
    assert len(found) <= length + len(" [cut]")
    assert found.endswith(" [cut]") or len(text) <= length
    assert not any(unicodedata.category(letter)[0] == "C" for letter in found if letter not in "\n\t")


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=50))
def test_harmless_text_is_kept(text):
    """What needs no cleaning is kept as it is, and cleaning twice changes nothing more."""
    assert clean(text) == text
    assert clean(clean(text)) == clean(text)


def test_escape_sequences_do_not_reach_the_terminal():
    """Colours, bells, erased lines and text that runs backwards are spaces."""
    found = clean("a\x1b[31mred\x07\r\u202ebackwards\x00")
    assert "\x1b" not in found
    assert not {"\x07", "\r", "\u202e", "\x00"} & set(found)
    assert clean("x" * (MESSAGE_CHARACTERS + 1)).endswith("x [cut]")
