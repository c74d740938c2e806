"""Attacks on the result channel: forged, malformed and endless frames."""

import pytest

from gapsmith.sandbox import Ending

pytestmark = pytest.mark.one_mode

MALFORMED = {
    "nan": "b'NaN'",
    "infinity": "b'[-Infinity]'",
    "huge_float": "b'1e999'",
    "huge_integer": "b'9' * 30",
    "very_huge_integer": "b'9' * 100000",
    "integer_of_65_bits": "b'18446744073709551616'",
    "deep": "b'[' * 100000 + b']' * 100000",
    "deep_objects": "b'{\"a\":' * 500 + b'1' + b'}' * 500",
    "bad_utf8": "b'\"\\xff\\xfe\"'",
    "overlong_utf8": "b'\"\\xc0\\x80\"'",
    "half_a_surrogate": "b'\"\\\\ud800\"'",
    "empty": "b''",
    "two_values": "b'1 2'",
    "trailing_comma": "b'[1,]'",
    "comment": "b'1 // one'",
    "single_quotes": "b\"'a'\"",
    "duplicate_keys": 'b\'{"cost": 1, "cost": 2}\'',
    "pickle": "__import__('pickle').dumps([1])",
    "nothing_but_space": "b'   '",
    "control_character": "b'\"\\x01\"'",
    "byte_order_mark": "b'\\xef\\xbb\\xbf1'",
    "hexadecimal": "b'0x10'",
    "leading_zero": "b'012'",
}


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_malformed_answer(guest, name):
    """An answer that is not strict JSON is refused, even in a perfect frame with the right token."""
    outcome = guest.attack(f"send(b'R', token() + {MALFORMED[name]}); time.sleep(60)")
    assert outcome.ending is Ending.MALFORMED_RESULT
    assert outcome.answers == ()


def test_forged_answer_is_merely_a_solution(guest):
    """A valid frame sent behind the harness's back is an answer like any other: it proves nothing."""
    outcome = guest.attack("send(b'R', token() + b'[1]'); time.sleep(60)")
    assert outcome.ending is Ending.OK
    assert outcome.answers[0].value == [1]


def test_answer_before_the_question(guest):
    """An answer sent ahead of its call is found out."""
    source = "def attack(k):\n    send(b'R', token() + b'0'); send(b'R', token() + b'0'); time.sleep(60)"
    outcome = guest.run(source, {"k": 1}, {"k": 2})
    assert outcome.ending is Ending.PROTOCOL_VIOLATION
    assert len(outcome.answers) <= 1


def test_answer_without_a_token(guest):
    """An answer must name the call it answers."""
    outcome = guest.attack("send(b'R', b'12345678[1]'); time.sleep(60)")
    assert outcome.ending is Ending.PROTOCOL_VIOLATION


def test_answer_shorter_than_a_token(guest):
    """An answer too short to name its call is a violation."""
    assert guest.attack("send(b'R', b''); time.sleep(60)").ending is Ending.PROTOCOL_VIOLATION


def test_answer_while_loading(guest):
    """An answer before the module is loaded is a violation."""
    outcome = guest.run("send(b'R', b'12345678[1]')\ndef attack(): return 1")
    assert outcome.ending is Ending.PROTOCOL_VIOLATION


def test_second_loading(guest):
    """A module that says twice that it is loaded is a violation."""
    outcome = guest.run("send(b'O')\ndef attack(): return 1")
    assert outcome.ending is Ending.PROTOCOL_VIOLATION


def test_claiming_to_be_locked_down(guest):
    """A candidate cannot speak for the harness."""
    assert guest.attack("send(b'G'); time.sleep(60)").ending is Ending.PROTOCOL_VIOLATION


@pytest.mark.parametrize("kind", ["D", "S", "J", "C", "\\x00", "\\xff"])
def test_unknown_kind(guest, kind):
    """Frames of other kinds, the host's own among them, are violations."""
    outcome = guest.attack(f"send(b'{kind}', b'x'); time.sleep(60)")
    assert outcome.ending is Ending.PROTOCOL_VIOLATION


def test_giant_announcement(guest):
    """A frame that announces four gigabytes is refused before any of it is read."""
    outcome = guest.attack("send(b'R', b'', length=0xFFFFFFFF); time.sleep(60)")
    assert outcome.ending is Ending.RESULT_TOO_LARGE


def test_giant_error_report(guest):
    """Reports of errors have a limit too."""
    outcome = guest.attack("send(b'X', token() + b'x' * 20000); time.sleep(60)")
    assert outcome.ending is Ending.RESULT_TOO_LARGE


def test_half_a_frame_and_out(guest):
    """A frame that breaks off with the process is no answer."""
    outcome = guest.attack("os.write(3, b'R\\x00\\x00'); os._exit(0)")
    assert outcome.ending is Ending.NO_RESULT


def test_frame_in_small_pieces(guest):
    """A frame that comes byte by byte is a frame."""
    body = """
for byte in struct.pack('!cI', b'R', 11) + token() + b'[2]':
    os.write(3, bytes([byte]))
time.sleep(60)
"""
    assert guest.attack(body).answers[0].value == [2]


def test_garbage(guest):
    """Noise is a violation, or too large a frame; never an answer."""
    outcome = guest.attack("os.write(3, bytes(range(256)) * 100); time.sleep(60)")
    assert outcome.ending in {Ending.PROTOCOL_VIOLATION, Ending.RESULT_TOO_LARGE}


@pytest.mark.parametrize("ending", ["ok", "zygote_died", "harness_failure", "killed", "nonsense"])
def test_claiming_an_ending(guest, ending):
    """A candidate cannot claim success, nor blame the sandbox to be run again for nothing."""
    body = f'send(b\'X\', token() + b\'{{"ending": "{ending}", "message": "x"}}\'); time.sleep(60)'
    assert guest.attack(body).ending is Ending.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    "report", ["[]", "{}", "{", '{"ending": [], "message": 1}', "[" * 5000, '{"ending": 9e999}']
)
def test_unreadable_report(guest, report):
    """A report of an error that makes no sense is a violation."""
    outcome = guest.attack(f"send(b'X', token() + {report.encode()!r}); time.sleep(60)")
    assert outcome.ending is Ending.PROTOCOL_VIOLATION


def test_closing_the_channel(guest):
    """A program that closes its channel has given no answer."""
    outcome = guest.attack("os.close(3)\nwhile True: pass", cpu_seconds=5)
    assert outcome.ending is Ending.NO_RESULT


def test_replacing_the_channel(guest):
    """The channel cannot be replaced by another descriptor."""
    assert guest.refuses("os.dup2(1, 3)")


def test_large_result(guest):
    """A result over the limit is refused with its size."""
    outcome = guest.attack("return 'x' * 2000", result_bytes=1000)
    assert outcome.ending is Ending.RESULT_TOO_LARGE
    assert "1000" in outcome.message


def test_result_at_the_limit(guest):
    """A result of exactly the limit is taken."""
    assert guest.attack("return 'x' * 998", result_bytes=1000).ending is Ending.OK


def test_hundred_megabytes(guest):
    """A result of a hundred megabytes is stopped by one limit or another."""
    outcome = guest.attack("return list(range(10 ** 7)) * 2", memory_mb=1024)
    assert outcome.ending in {Ending.RESULT_TOO_LARGE, Ending.TIMEOUT_CPU, Ending.MEMORY_LIMIT}


@pytest.mark.parametrize("stream", [1, 2])
def test_output_flood(guest, stream):
    """Printing without end is stopped, and little of it kept."""
    outcome = guest.attack(
        f"while True: os.write({stream}, b'x' * 65536)", output_bytes=10_000, cpu_seconds=5
    )
    assert outcome.ending is Ending.OUTPUT_FLOOD
    assert len(outcome.stdout) + len(outcome.stderr) <= 20_100


def test_flood_in_the_last_call(guest):
    """Output that is still in the pipe when the answer comes counts as well."""
    outcome = guest.attack("os.write(1, b'x' * 30000); return 1", output_bytes=10_000)
    assert outcome.ending is Ending.OUTPUT_FLOOD


def test_output_limit_is_one_calls(guest):
    """Every call may print as much as the limit says."""
    source = "def attack(k):\n    print('x' * 600)\n    return k"
    outcome = guest.run(source, *({"k": k} for k in range(5)), output_bytes=1000)
    assert outcome.ending is Ending.OK
    assert len(outcome.stdout) <= 1010


def test_output_is_kept(guest):
    """What a program prints on either stream comes back with the outcome."""
    outcome = guest.attack("print('out'); print('err', file=sys.stderr); return 1")
    assert (outcome.stdout, outcome.stderr) == ("out\n", "err\n")


def test_closed_outputs(guest):
    """A program that closes its outputs is answered all the same."""
    assert guest.attack("os.close(1); os.close(2); return 1").answers[0].value == 1


def test_terminal_escapes(guest):
    """Control characters are taken out of what is shown and quoted."""
    outcome = guest.attack("print('\\x1b[2J\\x07\\u202e'); raise ValueError('\\x1b]0;owned\\x07\\x00')")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(outcome.message + outcome.stdout)


def test_long_message(guest):
    """The message of an exception is cut."""
    outcome = guest.attack("raise ValueError('\\U0001f600' * 10 ** 6)")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert 100 < len(outcome.message) < 1500


def test_long_names(guest):
    """The name of an exception is cut as well."""
    outcome = guest.attack("raise type('E' * 10 ** 6, (Exception,), {})")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert len(outcome.message) < 1500
