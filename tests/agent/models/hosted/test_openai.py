"""What only OpenAI's two APIs have."""

import pytest
from loopback import Fault

from gapsmith.agent.models.base import ModelError

_NOTHING = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}

pytestmark = pytest.mark.usefixtures("waited")


def test_responses_caches_the_static_part(serve, connect, question):
    """The static part comes first, under a cache key of its own; the server is told to store nothing."""
    server = serve()
    model = connect(server, "responses")
    for slot, system in enumerate(["contract", "contract", "another"]):
        model.reply(question(slot, system=system, prompt=f"prompt {slot}"))
    bodies = [received.body for received in server.received]
    assert [body["instructions"] for body in bodies] == ["contract", "contract", "another"]
    keys = [body["prompt_cache_key"] for body in bodies]
    assert keys[0] == keys[1] != keys[2]
    assert not any(body["store"] for body in bodies)


@pytest.mark.parametrize(("way", "field"), [("responses", "max_output_tokens"), ("chat", "max_tokens")])
def test_the_output_limit_is_sent(serve, connect, question, way, field):
    """The limit of one reply reaches the server under the API's own name."""
    server = serve()
    connect(server, way, max_tokens=777).reply(question())
    assert server.received[0].body[field] == 777


def test_chat_sends_only_what_every_server_knows(serve, connect, question):
    """A compatible server gets the model, the messages, the limit and the key of its cache, and no other field."""
    server = serve()
    connect(server, "chat").reply(question())
    assert set(server.received[0].body) == {"model", "messages", "max_tokens", "prompt_cache_key"}
    assert [message["role"] for message in server.received[0].body["messages"]] == ["system", "user"]


@pytest.mark.parametrize("way", ["responses", "chat"])
def test_an_empty_static_part_is_left_out(serve, connect, question, way):
    """Without a static part none is sent: some servers refuse an empty one."""
    server = serve()
    connect(server, way).reply(question(system=""))
    body = server.received[0].body
    assert "instructions" not in body
    assert len(body.get("messages", ["one"])) == 1


def test_a_server_without_a_key_gets_a_placeholder(serve, connect, question, monkeypatch):
    """Without a key nothing of the process's own environment is sent in its place."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-process")
    server = serve()
    connect(server, "chat", key=None).reply(question())
    assert server.received[0].headers["authorization"] == "Bearer no-key-needed"


def _completion(**changes):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        **changes,
    }


def _said(serve, connect, question, body, way="chat"):
    return connect(serve(faults=[Fault(200, body)]), way).reply(question())


def test_a_server_that_counts_no_tokens(serve, connect, question):
    """Without reported usage the cost is unknown, not zero, and the reply says why."""
    reply = _said(serve, connect, question, _completion())
    assert (reply.text, reply.usd, reply.detail["usage"]) == ("fine", None, "not reported")


def test_usage_without_details(serve, connect, question):
    """A server that reports totals alone is counted by them."""
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    reply = _said(serve, connect, question, _completion(usage=usage))
    assert (reply.tokens_in, reply.tokens_cached, reply.tokens_out) == (10, 0, 4)


def test_reasoning_and_written_tokens_are_told(serve, connect, question):
    """Reasoning is part of the output and is told apart; cache writes are told and priced."""
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 60},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 40},
        "total_tokens": 150,
    }
    body = {"id": "r", "object": "response", "status": "completed", "output": [], "usage": usage}
    model = connect(serve(faults=[Fault(200, body)]), "responses", name="gpt-6.1-sol")
    reply = model.reply(question())
    assert (reply.detail["tokens_reasoning"], reply.detail["tokens_written"]) == ("40", "60")
    assert reply.usd == pytest.approx((30 * 2 + 10 * 0.1 + 60 * 2.5 + 50 * 10) / 1e6, rel=1e-12)


@pytest.mark.parametrize("message", [None, {"role": "assistant"}, {"role": "assistant", "content": ["odd"]}])
def test_odd_messages_are_empty(serve, connect, question, message):
    """A message without text is an empty reply, whatever is there instead."""
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    assert _said(serve, connect, question, _completion(choices=choices)).detail["finish"] == "empty"


def test_a_refusal_in_the_message(serve, connect, question):
    """A refusal that is not in the finish reason but in the message is one too."""
    message = {"role": "assistant", "content": None, "refusal": "no"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    assert _said(serve, connect, question, _completion(choices=choices)).detail["finish"] == "refused"


def test_a_gateways_error_with_status_200(serve, connect, question):
    """A body with an error and no choices is a failure with that error."""
    server = serve(faults=[Fault(200, {"error": {"message": "upstream is away"}})])
    reply = connect(server, "chat", retries=0).reply(question())
    assert reply.detail["finish"] == "failed"
    assert "upstream is away" in reply.detail["error"]


@pytest.mark.parametrize(("code", "requests"), [(429, 2), (502, 2), (400, 1), ("odd", 2)])
def test_a_gateways_error_is_repeated_by_its_own_status(serve, connect, question, code, requests):
    """What the server behind a gateway said decides whether the request is sent again."""
    server = serve(faults=[Fault(200, {"error": {"message": "from upstream", "code": code}})])
    connect(server, "chat").reply(question())
    assert server.record_tallies.requests == requests


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_a_failed_response_that_nobody_billed_is_repeated(serve, connect, question, code):
    """A response that failed and reports no tokens is as good as a refusal: the answer comes with the next."""
    failed = {"id": "r", "object": "response", "output": [], "status": "failed"}
    server = serve(faults=[Fault(200, {**failed, "error": {"code": code, "message": "x"}})])
    reply = connect(server, "responses").reply(question())
    assert (reply.detail["finish"], server.record_tallies.requests) == ("complete", 2)


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refused"),
        ({"status": "incomplete", "incomplete_details": None}, "truncated"),
        (
            {"status": "failed", "error": {"code": "server_error", "message": "x"}, "usage": _NOTHING},
            "failed",
        ),
        ({"status": "cancelled"}, "failed"),
    ],
)
def test_ends_of_a_response(serve, connect, question, body, finish):
    """Every status of a response has its own end."""
    whole = {"id": "r", "object": "response", "output": [], **body}
    assert _said(serve, connect, question, whole, "responses").detail["finish"] == finish


@pytest.mark.parametrize("way", ["responses", "chat"])
@pytest.mark.parametrize(
    "said",
    [
        (400, {"error": {"message": "Unrecognized request argument supplied: prompt_cache_key"}}),
        (422, {"detail": [{"loc": ["body", "prompt_cache_key"], "msg": "Extra inputs are not permitted"}]}),
    ],
)
def test_a_server_that_refuses_the_cache_key_gets_none(serve, connect, question, way, said):
    """A server that knows no key of the cache is asked again without it, and never offered one any more."""
    server = serve(faults=[Fault(*said)])
    model = connect(server, way)
    assert [model.reply(question(slot)).detail["finish"] for slot in range(2)] == ["complete"] * 2
    assert ["prompt_cache_key" in received.body for received in server.received] == [True, False, False]


def test_a_model_without_a_system_role_gets_one_message(serve, connect, question):
    """Where a server refuses the system role, the static part becomes the beginning of the question, from then on."""
    server = serve(lambda prompt: "yes", faults=[Fault(400, {"message": "System role not supported"})])
    model = connect(server, "chat")
    assert [model.reply(question(slot)).text for slot in (0, 1)] == ["yes", "yes"]
    sent = [request.body["messages"] for request in server.received]
    assert [[message["role"] for message in each] for each in sent] == [
        ["system", "user"],
        ["user"],
        ["user"],
    ]
    assert sent[1][0]["content"] == "the contract\n\nplease improve"


def test_no_room_in_the_context_names_the_option(serve, connect, question):
    """A model that never had room for an answer ends the run in a line that says what to lower."""
    full = Fault(
        400, {"message": "This model's maximum context length is 8192 tokens. However, 19000 were requested."}
    )
    model = connect(serve(lambda prompt: "yes", faults=[full, full]), "chat")
    assert "max_tokens=" in model.reply(question(0)).detail["error"]
    with pytest.raises(ModelError, match="max_tokens=4000"):
        model.reply(question(1))
