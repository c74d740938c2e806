"""Answers of servers are read whatever stands in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models.base import Reply
from gapsmith.agent.models.hosted.account import ProviderReply
from gapsmith.agent.models.hosted.anthropic import _read_reply as heard_message
from gapsmith.agent.models.hosted.openai import _read_completion, _read_response
from gapsmith.agent.models.hosted.transport.answers import MOST_TOKENS, read_finish, read_usage
from gapsmith.agent.models.hosted.transport.errors import Fault
from gapsmith.agent.models.storable import make_storable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "input_tokens": 9, "output_tokens": 2}
ANSWERS = {
    _read_completion: {
        "id": "c",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
        "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 1}},
    },
    _read_response: {
        "id": "r",
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}],
        "usage": {**USAGE, "input_tokens_details": {"cached_tokens": 1}},
    },
    heard_message: {
        "id": "m",
        "content": [{"type": "text", "text": "yes"}],
        "stop_reason": "end_turn",
        "usage": {**USAGE, "cache_read_input_tokens": 1},
    },
}


def _places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*path, key))


def _changed(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("heard", ANSWERS, ids=["chat", "responses", "messages"])
@given(data=st.data(), new=JSON)
def test_no_answer_is_too_odd_to_be_read(heard, data, new):
    """An answer with anything at any place is read or is a fault, and what is kept of it can be stored."""
    places = [path for path in _places(ANSWERS[heard]) if path]
    found = heard(_changed(ANSWERS[heard], data.draw(st.sampled_from(places)), new))
    assert isinstance(found, ProviderReply | Fault)
    if isinstance(found, ProviderReply):
        kept = make_storable(Reply(text=found.text, id=found.id, detail={"reason": found.reason}))
        json.dumps(vars(kept)).encode()
        "".join([kept.text, kept.id, *kept.detail.values()]).encode()
        assert found.usage is None or 1 <= found.usage.tokens_in <= 3 * MOST_TOKENS


@given(given_=JSON, said=JSON, cached=JSON, total=JSON)
def test_usage_is_a_count_or_none(given_, said, cached, total):
    """What a server reports is taken as a usage only where it can be one of a reply with a text."""
    usage = read_usage("yes", tokens_in=given_, tokens_out=said, cached=cached, total=total)
    if usage is not None:
        assert usage.tokens_in >= 1
        assert usage.tokens_out >= 1
        assert 0 <= usage.cached <= usage.tokens_in


@pytest.mark.parametrize(
    "wrong", [{}, {"tokens_in": 0, "tokens_out": 0}, {"tokens_in": "9"}, {"tokens_out": -1}, {"cached": -1}]
)
def test_an_unusable_usage_is_none(wrong):
    """Zeros, strings, counts below nothing and missing counts say nothing of what a reply cost."""
    counts = {"tokens_in": 9, "tokens_out": 2} | wrong if wrong else {"tokens_in": None, "tokens_out": None}
    assert read_usage("yes", **counts) is None


def test_reasoning_that_the_total_alone_counts_is_output():
    """Some servers leave reasoning out of the output: it is paid all the same."""
    usage = read_usage("yes", tokens_in=10, tokens_out=2, reasoning=30, total=42)
    assert (usage.tokens_out, usage.reasoning) == (32, 30)


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "model_length", "max_output_tokens"])
def test_all_words_for_a_limit_are_truncated(reason):
    """Providers have many words for a reply that was cut at its limit."""
    assert read_finish(reason) == "truncated"


@given(st.integers() | st.floats() | st.text() | st.none())
def test_what_is_stored_is_in_bounds(odd):
    """A reply of any model has counts that fit a database and a price that is one, or is unknown."""
    kept = make_storable(Reply(text="yes\ud800", tokens_in=odd, usd=odd, seconds=odd, id="\ud800"))
    assert 0 <= kept.tokens_in <= MOST_TOKENS
    assert kept.usd is None or 0 <= kept.usd < 1e7
    assert kept.id == "?"
    assert kept.text == "yes?"
