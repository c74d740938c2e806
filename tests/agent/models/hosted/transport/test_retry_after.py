"""How long servers ask to be left alone, in every form that they have for it."""

import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.models.hosted.transport.retry_after import LONGEST_RESET_SECONDS, read_retry_after

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def openai_window(left, reset, what="requests"):
    """Headers of one of OpenAI's windows."""
    return {f"x-ratelimit-remaining-{what}": left, f"x-ratelimit-reset-{what}": reset}


def anthropic_window(left, reset, what="requests"):
    """Headers of one of Anthropic's windows."""
    return {f"anthropic-ratelimit-{what}-remaining": left, f"anthropic-ratelimit-{what}-reset": reset}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "99"}, 1.5),
        ({"retry-after": email.utils.formatdate(NOW + 33, usegmt=True)}, 33.0),
        ({"retry-after": "7200"}, 7200.0),
        (openai_window("0", "6s"), 6.0),
        (openai_window("0", "120ms", "tokens"), 0.12),
        (openai_window("0", "1m0.5s"), LONGEST_RESET_SECONDS),
        (openai_window("0", "8h3m"), LONGEST_RESET_SECONDS),
        (openai_window("0", "2s") | openai_window("0", "5s", "tokens"), 5.0),
        (openai_window("0", "2s") | openai_window("7", "5s", "tokens"), 2.0),
        (anthropic_window("0", "2027-01-15T08:00:12Z", "output-tokens"), 12.0),
        (anthropic_window("0", "2027-01-15T09:00:12+01:00", "input-tokens"), 12.0),
        ({"retry-after": "3"} | openai_window("0", "50s"), 3.0),
    ],
)
def test_every_form_is_read(headers, seconds):
    """Seconds, milliseconds, durations and dates; what is said outright goes before what a window says."""
    assert read_retry_after(headers, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": ""},
        {"retry-after": "soon"},
        {"retry-after": "0"},
        {"retry-after": "-5"},
        {"retry-after": "nan"},
        {"retry-after": email.utils.formatdate(NOW - 33, usegmt=True)},
        {"retry-after": "Mon, 99 Foo 2027 99:99:99 GMT"},
        openai_window("3", "6s"),
        openai_window("0", ""),
        anthropic_window("0", "yesterday"),
        anthropic_window("0", "2020-01-01T00:00:00Z"),
    ],
)
def test_what_asks_for_nothing_is_none(headers):
    """Nothing, nonsense, a time that is over, and a window with room left ask for no wait."""
    assert read_retry_after(headers, NOW) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_it(first, second):
    """Whatever a server writes, the wait is a number above 0 or none."""
    headers = {"retry-after": first} | openai_window("0", second) | anthropic_window("0", second)
    wait = read_retry_after(headers, NOW)
    assert wait is None or wait > 0
