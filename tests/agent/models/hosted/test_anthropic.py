"""What only the Messages API has."""

import pytest
from loopback import Fault

pytestmark = pytest.mark.usefixtures("waited")


def test_the_static_part_is_cached(serve, connect, question):
    """The static part is one block marked for the prompt cache; what changes comes after it, unmarked."""
    server = serve()
    connect(server, "messages", max_tokens=321).reply(question(system="contract", prompt="now this"))
    body = server.received[0].body
    assert body["system"] == [{"type": "text", "text": "contract", "cache_control": {"type": "ephemeral"}}]
    assert body["messages"] == [{"role": "user", "content": "now this"}]
    assert body["max_tokens"] == 321


def test_an_empty_static_part_is_left_out(serve, connect, question):
    """Without a static part none is sent: the API refuses an empty block."""
    server = serve()
    connect(server, "messages").reply(question(system=""))
    assert "system" not in server.received[0].body


def test_long_replies_need_no_streaming(serve, connect, question):
    """A limit for which the SDK's default would demand streaming is simply asked for."""
    assert connect(serve(), "messages", max_tokens=128_000).reply(question()).text


def _message(**changes):
    usage = {"input_tokens": 30, "output_tokens": 50}
    text = [{"type": "text", "text": "fine"}]
    return {"id": "m", "type": "message", "role": "assistant", "content": text, "usage": usage, **changes}


def _said(serve, connect, question, body):
    return connect(serve(faults=[Fault(200, body)]), "messages").reply(question())


def test_cache_reads_and_writes_are_input(serve, connect, question):
    """Tokens read from and written to the cache are counted as input, and each is priced at its own rate."""
    usage = {
        "input_tokens": 30,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 60,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 40},
    }
    reply = _said(serve, connect, question, _message(usage=usage, stop_reason="end_turn"))
    assert (reply.tokens_in, reply.tokens_cached, reply.tokens_out) == (100, 10, 50)
    assert (reply.detail["tokens_reasoning"], reply.detail["tokens_written"]) == ("40", "60")
    assert reply.usd == pytest.approx((30 * 2 + 10 * 0.2 + 60 * 2.5 + 50 * 10) / 1e6, rel=1e-12)


def test_thinking_is_not_text(serve, connect, question):
    """Only text blocks are the reply's text, joined in their order."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "one "},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "two"},
    ]
    assert _said(serve, connect, question, _message(content=blocks, stop_reason="end_turn")).text == "one two"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "complete"),
        ("stop_sequence", "complete"),
        ("model_context_window_exceeded", "truncated"),
        ("pause_turn", "truncated"),
        ("refusal", "refused"),
    ],
)
def test_ends_of_a_message(serve, connect, question, reason, finish):
    """Every stop reason has its own end, and is told."""
    reply = _said(serve, connect, question, _message(stop_reason=reason))
    assert (reply.detail["finish"], reply.detail["reason"]) == (finish, reason)
