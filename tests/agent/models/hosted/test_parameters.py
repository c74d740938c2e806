"""Effort, temperature and limits: sent where the model takes them, left out where it refuses them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from loopback import Fault

pytestmark = pytest.mark.usefixtures("waited")

SENT = {
    "responses": {"reasoning": {"effort": "high"}, "temperature": 0.7},
    "chat": {"reasoning_effort": "high", "temperature": 0.7},
    "messages": {
        "output_config": {"effort": "high"},
        "thinking": {"type": "adaptive"},
        "temperature": 0.7,
    },
}


def refusing(server, *names):
    """Has a server refuse, as the real ones do, requests that have one of these fields in their body."""
    handle = server.handle

    def refuse(request):
        for name in names:
            if name in request.body:
                server.record_tallies.requests += 1
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return (
                    400,
                    {"error": {"type": "invalid_request_error", "message": message, "param": None}},
                    {},
                )
        return handle(request)

    server.handle = refuse
    return server


def of(body):
    """The optional parameters in a request's body."""
    return {
        name: body[name] for name in {**SENT["messages"], **SENT["chat"], **SENT["responses"]} if name in body
    }


@pytest.fixture(params=SENT)
def way(request):
    """Each way of talking to a hosted model."""
    return request.param


def test_nothing_is_sent_that_was_not_asked_for(serve, connect, question, way):
    """Without options a request leaves effort and temperature to the model."""
    server = serve()
    connect(server, way).reply(question())
    assert of(server.received[0].body) == {}


def test_each_api_gets_its_own_form(serve, connect, question, way):
    """Effort and temperature reach the server under the names and in the places that its API has for them."""
    server = serve()
    reply = connect(server, way, effort="high", temperature=0.7).reply(question())
    assert of(server.received[0].body) == SENT[way]
    assert "left_out" not in reply.detail


def test_what_the_model_refuses_is_left_out_and_told_once(serve, connect, question, way):
    """A refused temperature costs one request in a run; the rest is sent still, and one reply's record tells."""
    server = refusing(serve(), "temperature")
    model = connect(server, way, effort="high", temperature=0.7)
    replies = [model.reply(question(slot)) for slot in range(4)]
    assert [reply.detail.get("left_out") for reply in replies] == ["temperature", None, None, None]
    assert all(reply.detail["finish"] == "complete" for reply in replies)
    assert (server.record_tallies.requests, server.record_tallies.answered) == (5, 4)
    expected = {name: value for name, value in SENT[way].items() if name != "temperature"}
    assert all(of(received.body) == expected for received in server.received)


def test_all_may_be_refused(serve, connect, question, way):
    """A model that takes none of the options is asked without any."""
    server = refusing(serve(), *SENT[way])
    reply = connect(server, way, effort="high", temperature=0.7).reply(question())
    assert reply.detail["finish"] == "complete"
    assert set(reply.detail["left_out"].split()) >= {"effort", "temperature"}
    assert of(server.received[0].body) == {}


def test_many_threads_tell_it_once(serve, connect, question, way):
    """Of eight calls that are refused at the same time, one records what was left out."""
    server = refusing(serve(), "temperature")
    model = connect(server, way, temperature=0.7)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(model.reply, [question(slot) for slot in range(8)]))
    assert [reply.detail.get("left_out") for reply in replies].count("temperature") == 1
    assert server.record_tallies.answered == 8


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) is supported.",
        "`temperature` is deprecated for this model.",
        "`temperature` may only be set to 1 when thinking is enabled.",
        "temperature: Extra inputs are not permitted",
    ],
)
def test_the_words_of_real_servers(serve, connect, question, message):
    """However a server words it, the parameter that it names first is the one that is left out."""
    server = serve(faults=[Fault(400, {"error": {"type": "invalid_request_error", "message": message}})])
    model = connect(server, "messages", effort="low", temperature=0.7)
    assert model.reply(question()).detail["left_out"] == "temperature"
    assert server.received[1].body["output_config"] == {"effort": "low"}


def test_another_refusal_leaves_nothing_out(serve, connect, question, way):
    """A request that is refused for what it asks fails as before, and keeps its options for the next."""
    server = serve(faults=[Fault(400, {"error": {"message": "the prompt is too long"}})])
    model = connect(server, way, effort="high", temperature=0.7)
    first, second = model.reply(question(0)), model.reply(question(1))
    assert (first.detail["finish"], second.detail["finish"]) == ("failed", "complete")
    assert of(server.received[1].body) == SENT[way]


def test_the_limit_is_renamed_but_never_dropped(serve, connect, question):
    """A server that wants the newer name of the output limit gets the limit under it, in this and later calls."""
    words = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server = serve(faults=[Fault(400, {"error": {"message": words, "param": "max_tokens"}})])
    model = connect(server, "chat", max_tokens=777)
    details = [model.reply(question(slot)).detail for slot in range(2)]
    assert all(received.body["max_completion_tokens"] == 777 for received in server.received[1:])
    assert not any("max_tokens" in received.body for received in server.received[1:])
    assert not any("left_out" in detail for detail in details)


def test_a_limit_that_is_too_large_stays(serve, connect, question):
    """A limit that the model finds too large is no parameter to be left out: the call fails and says so."""
    words = "max_tokens is too large: 777. This model supports at most 512 completion tokens."
    server = serve(faults=[Fault(400, {"error": {"message": words, "param": "max_tokens"}})])
    model = connect(server, "chat", max_tokens=777)
    assert "too large" in model.reply(question(0)).detail["error"]
    model.reply(question(1))
    assert server.received[1].body["max_tokens"] == 777
