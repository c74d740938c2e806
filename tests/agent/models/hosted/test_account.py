"""What holds for every hosted model, through the real SDKs, over a socket."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from loopback import BROKEN, DROPPED, RATE_LIMITED, Fault, Shaped

from gapsmith.agent.models import ModelError, Stopped
from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.account import PATIENCE, ProviderReply, drop_implausible
from gapsmith.agent.models.hosted.prices import Usage

WAYS = ("responses", "chat", "messages")

pytestmark = pytest.mark.usefixtures("waited")


@pytest.fixture(params=WAYS)
def way(request):
    """Each way of talking to a hosted model."""
    return request.param


def _sums(replies):
    return tuple(
        sum(getattr(reply, name) for reply in replies)
        for name in ("tokens_in", "tokens_cached", "tokens_out")
    )


def _billed(server):
    return (
        server.record_tallies.tokens_in,
        server.record_tallies.tokens_cached,
        server.record_tallies.tokens_out,
    )


def test_text_and_prompt_arrive_unchanged(serve, connect, question, way):
    """Prompt and answer go over the wire byte for byte, odd letters and line ends included."""
    server = serve(lambda prompt: f"<{prompt}>")
    prompt = "1‖ΣTj\r\n\t```python\n\x00 ‘x’\n"
    assert connect(server, way).reply(question(prompt=prompt)).text == f"<{prompt}>"


def test_tokens_are_the_servers_own_count(serve, connect, question, way):
    """Input, cached and output tokens of many calls add up to what the server counted."""
    server = serve()
    model = connect(server, way)
    replies = [model.reply(question(slot, prompt="word " * slot)) for slot in range(1, 6)]
    assert _sums(replies) == _billed(server)
    assert server.record_tallies.tokens_cached > 0


def test_dollars_follow_the_tokens(serve, connect, question, way):
    """A call is priced by its reported tokens: cached input at the cached rate, output at the output rate."""
    server = serve(lambda _: "five words are said here")
    model = connect(server, way)
    model.reply(question(system="a b c d", prompt="e f"))
    warm = model.reply(question(system="a b c d", prompt="e f"))
    fresh, cached, output = {"messages": (2.0, 0.2, 10.0)}.get(way, (1.25, 0.125, 10.0))
    assert warm.usd == pytest.approx((2 * fresh + 4 * cached + 5 * output) / 1e6, rel=1e-12)


def test_an_unknown_price_is_not_zero(serve, connect, question, way):
    """A model that is not in the table costs None, which is not the same as nothing, before a call and after."""
    model = connect(serve(), way, name="house-model")
    assert model.bound_usd(0) is None
    assert model.reply(question()).usd is None


def test_no_call_costs_more_than_was_set_aside(serve, connect, question, way):
    """A reply of the full length costs no more than the model said, for a prompt of whatever length."""
    server = serve(lambda _: "word " * 500)
    model = connect(server, way, max_tokens=500)
    for words in (1, 8_000):
        # Two bytes a token, by this server's count: as dense as text can nearly be.
        cold = model.reply(question(system="a " * words, prompt="b " * words))
        assert (cold.tokens_in, cold.tokens_out) == (2 * words, 500)
        assert 0 < cold.usd <= model.bound_usd(4 * words)


@pytest.mark.parametrize("finish", ["truncated", "refused"])
def test_bad_ends_are_replies(serve, connect, question, way, finish):
    """A truncated or refused reply is returned, paid for, and says what it is."""
    reply = connect(serve(lambda _: Shaped("def f(", finish)), way).reply(question())
    assert reply.detail["finish"] == finish
    assert reply.tokens_out == 2
    assert reply.usd > 0


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_empty_replies_say_so(serve, connect, question, way, text):
    """A reply without a word is marked empty, not complete."""
    assert connect(serve(lambda _: text), way).reply(question()).detail["finish"] == "empty"


def test_a_good_reply_is_complete(serve, connect, question, way):
    """An ordinary reply is marked complete and carries the server's id."""
    reply = connect(serve(), way).reply(question())
    assert (reply.detail["finish"], reply.id) == ("complete", "id-1")


@pytest.mark.parametrize("fault", [RATE_LIMITED, BROKEN, Fault(503), Fault(529), DROPPED])
def test_passing_faults_are_retried(serve, connect, question, way, fault):
    """After rate limits, server errors and dropped connections the answer comes whole and is counted once."""
    server = serve(faults=[fault, fault])
    reply = connect(server, way).reply(question())
    assert reply.text == "answer to please improve"
    assert (server.record_tallies.requests, server.record_tallies.answered) == (3, 1)
    assert _sums([reply]) == _billed(server)


@pytest.mark.parametrize("header", [{"retry-after": "17"}, {"retry-after-ms": "17000"}])
def test_the_servers_wait_is_honoured(serve, connect, question, way, waited, header):
    """A rate limit's retry-after is waited for, to the second."""
    connect(serve(faults=[Fault(429, headers=header)]), way).reply(question())
    assert waited.seconds == 17.0


@pytest.mark.parametrize("header", ["retry-after", "retry-after-ms"])
def test_a_wait_of_hours_ends_the_run(serve, connect, question, way, waited, header):
    """A server that asks for a wait of hours gets no second request; one line says when to resume."""
    server = serve(faults=[Fault(429, headers={header: "7200000"})] * 2)
    with pytest.raises(ModelError, match=r"asks to wait 7200(000)? s .*; resume after that"):
        connect(server, way).reply(question())
    assert (waited.seconds, server.record_tallies.requests) == (0.0, 1)


def test_retries_end(serve, connect, question, way):
    """A server that only fails is asked as often again as the options say; the reply is marked failed."""
    server = serve(faults=[BROKEN] * 9)
    reply = connect(server, way, retries=2).reply(question())
    assert server.record_tallies.requests == 3
    assert (reply.text, reply.detail["finish"], reply.usd) == ("", "failed", 0.0)
    assert reply.detail["error"].startswith("500: ")


def test_a_server_that_is_gone_ends_the_run(serve, connect, question, way):
    """Failures without an answer between them end in one line that names the server and the last failure."""
    server = serve(faults=[Fault(503, {"error": {"message": "down for repairs"}})] * (2 * PATIENCE))
    model = connect(server, way, retries=0)
    for slot in range(PATIENCE - 1):
        model.reply(question(slot))
    with pytest.raises(ModelError, match=r"8 calls in a row failed at 127\.0\.0\.1:\d+; .*down for repairs"):
        model.reply(question(PATIENCE))


def test_an_answer_renews_patience(serve, connect, question, way):
    """Failures with an answer between them never end the run."""
    server = serve(faults=([BROKEN] * (PATIENCE - 1) + [None]) * 3)
    model = connect(server, way, retries=0)
    finishes = [model.reply(question(slot)).detail["finish"] for slot in range(3 * PATIENCE)]
    assert finishes.count("complete") == 3


def test_nobody_at_the_address(serve, connect, question, way):
    """A refused connection ends a run that nobody has answered yet, and its reason is told."""
    server = serve()
    model = connect(server, way, retries=0)
    server.close()
    with pytest.raises(
        ModelError, match=r"no server answers at 127\.0\.0\.1:\d+ \(.*refused.*\); check the base URL"
    ):
        model.reply(question())


def test_a_server_that_goes_away_is_not_a_wrong_address(serve, connect, question, way):
    """A connection that is refused after there were answers fails the call alone, by its kind."""
    server = serve()
    model = connect(server, way, retries=1)
    model.reply(question(0))
    server.close()
    detail = model.reply(question(1)).detail
    assert (detail["finish"], detail["reason"]) == ("failed", "nobody there")
    assert "refused" in detail["error"]


def test_a_wrong_key_is_one_line_without_the_key(serve, connect, question, way, waited):
    """A refused key ends the run at once, in one line that names the variable and hides the echoed key."""
    server = serve(key="sk-the-right-one-77")
    with pytest.raises(ModelError) as caught:
        connect(server, way, key="sk-wrong-and-secret-1").reply(question())
    line = str(caught.value)
    assert f"{'ANTHROPIC' if way == 'messages' else 'OPENAI'}_API_KEY" in line
    assert "Incorrect API key provided: [key]" in line
    assert "secret" not in line
    assert "\n" not in line
    assert (waited.seconds, server.record_tallies.requests) == (0.0, 1)


def test_no_key_in_the_chain_of_errors(serve, connect, question, way):
    """A traceback of a refused key holds no error of the SDK, which would show the echo."""
    with pytest.raises(ModelError) as caught:
        connect(serve(key="right"), way).reply(question())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (
            429,
            {"code": "insufficient_quota", "message": "You exceeded your current quota"},
            "credit or quota",
        ),
        (
            429,
            {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}},
            "credit or quota",
        ),
        (402, {"message": "pay"}, "credit or quota"),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is too low"},
            "credit or quota",
        ),
        (403, {"type": "permission_error", "message": "region"}, "may not do this"),
        (404, {"type": "not_found_error", "message": "no gpt-9"}, "knows no such model"),
    ],
)
def test_permanent_faults_end_the_run_at_once(serve, connect, question, way, waited, status, error, words):
    """No credit, no permission, no such model: one request, no sleep, one line that says what to do."""
    server = serve(faults=[Fault(status, {"type": "error", "error": error}, {})] * 9)
    with pytest.raises(ModelError, match=words):
        connect(server, way).reply(question())
    assert (waited.seconds, server.record_tallies.requests) == (0.0, 1)


def test_a_rejected_request_is_a_reply(serve, connect, question, way):
    """A request that the server finds bad fails alone: another one may be good."""
    server = serve(faults=[Fault(400, {"error": {"type": "invalid_request_error", "message": "too long"}})])
    model = connect(server, way)
    first, second = model.reply(question(0)), model.reply(question(1))
    assert (first.detail["finish"], first.detail["error"]) == ("failed", "400: too long")
    assert second.detail["finish"] == "complete"


def test_a_page_is_not_an_answer(serve, connect, question, way):
    """A web page with status 200 is taken for a wrong base URL, not for a reply."""
    server = serve(faults=[Fault(200, "<html>welcome</html>")])
    with pytest.raises(ModelError, match=r"does not speak this API .*check the base URL"):
        connect(server, way).reply(question())


def test_a_servers_words_cannot_touch_the_terminal(serve, connect, question, way):
    """Escape sequences and line ends in an error's text are gone, and its length is limited."""
    evil = "\x1b[2Jgone\r\nfake: ok\u202e" + "x" * 5000
    server = serve(faults=[Fault(400, {"error": {"message": evil}})])
    error = connect(server, way).reply(question()).detail["error"]
    assert error.isprintable()
    assert len(error) <= 300


def test_calls_overlap(serve, connect, question, way):
    """One model serves many threads at the same time: no answer is given before all questions are there."""
    together = threading.Barrier(8, timeout=60)
    server = serve(lambda prompt: f"{prompt}:{together.wait() >= 0}")
    model = connect(server, way)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(model.reply, [question(slot, prompt=f"q{slot}") for slot in range(8)]))
    assert [reply.text for reply in replies] == [f"q{slot}:True" for slot in range(8)]
    assert _sums(replies) == _billed(server)


def test_a_hundred_calls_with_faults_are_all_accounted_for(serve, connect, question, way):
    """Of a hundred calls from four threads, some struck, each is answered once and every token is counted."""
    struck = [
        [None, RATE_LIMITED, None, BROKEN, None, None, DROPPED, None][place % 8] for place in range(120)
    ]
    server = serve(lambda prompt: prompt + " indeed", faults=struck)
    # As many attempts as there are faults: however the threads interleave, no question runs out of them.
    model = connect(server, way, retries=len(struck))
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(model.reply, [question(slot, prompt=f"q{slot}") for slot in range(100)]))
    assert [reply.text for reply in replies] == [f"q{slot} indeed" for slot in range(100)]
    assert server.record_tallies.answered == len({reply.id for reply in replies}) == 100
    assert _sums(replies) == _billed(server)


def test_a_reply_on_its_way_survives_closing(serve, connect, question, way):
    """Closing a model while it waits loses nothing that was paid for, and nothing new is sent."""
    asked, closed = threading.Event(), threading.Event()
    server = serve(lambda _: "late" if not asked.set() and closed.wait(60) else "never")
    model = connect(server, way)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(model.reply, question())
        asked.wait(60)
        model.close()
        with pytest.raises(Stopped):
            model.reply(question(1))
        closed.set()
        assert waiting.result(60).text == "late"
    assert model._api._client.is_closed()
    with pytest.raises(Stopped):
        model.reply(question(2))
    assert server.record_tallies.requests == 1


def test_a_stop_ends_retries(serve, connect, question, way, waited):
    """A call that waits to be repeated when the run is stopped is not repeated, and is nobody's reply."""
    server = serve(faults=[DROPPED] * 9)
    model = connect(server, way)
    waited.then = model.close
    with pytest.raises(Stopped, match="stopped before an answer came; resume asks again"):
        model.reply(question())
    assert server.record_tallies.requests == 1


def test_names_are_those_of_the_command_line(serve, connect, way):
    """A model is called what the user called it, and is known to answer differently each time."""
    model = connect(serve(), way)
    assert model.name == ("anthropic:claude-sonnet-5" if way == "messages" else "openai:gpt-5")
    assert not model.deterministic


def test_nothing_shows_the_key(serve, connect, question, way):
    """Neither a model, nor what it is made of, nor a reply shows the key when printed."""
    model = connect(serve(), way, key="sk-hide-me-please")
    shown = f"{model!r} {model._api._server!r} {model._queue!r} {model.reply(question())!r}"
    assert "hide" not in shown


@pytest.mark.parametrize(("room", "requests"), [(9, 4), (1, 2), (0, 1)])
def test_a_lost_answer_is_asked_for_again_where_there_is_room(serve, connect, question, way, room, requests):
    """Before each attempt after one that may be billed the dollars for it are asked for."""
    server, left = serve(faults=[DROPPED] * 3), iter([True] * room)
    asked = replace(question(), may_repeat=lambda: next(left, False))
    reply = connect(server, way).reply(asked)
    assert server.record_tallies.requests == requests
    assert (reply.usd is None) == (requests < 4)


def test_faults_that_cost_nothing_need_no_room(serve, connect, question, way):
    """An error of the server is not billed, and repeated whatever dollars are left."""
    server = serve(faults=[BROKEN] * 2)
    reply = connect(server, way).reply(replace(question(), may_repeat=lambda: False))
    assert reply.text == "answer to please improve"


@pytest.mark.parametrize(
    ("asked", "answered", "known"), [(64, 64, True), (65, 64, False), (64, 65, False), (0, 0, True)]
)
def test_too_few_tokens_for_the_texts_are_no_usage(question, asked, answered, known):
    """A server that reports a token for pages of text is not believed, so that what was set aside stays spent."""
    heard = ProviderReply(
        text="x" * answered, finish=Finish.COMPLETE, reason="", usage=Usage(tokens_in=1, tokens_out=1), id=""
    )
    found = drop_implausible(heard, question(prompt="x" * asked, system=""))
    assert (found.usage is not None) == known
    assert found.text == heard.text


def test_a_usual_call_costs_less_than_the_dearest(serve, connect, way):
    """The estimate grows with the prompt and stays below the bound; a model without a price has none."""
    model = connect(serve(), way)
    few, many = model.estimate_usd(4000), model.estimate_usd(40_000)
    assert 0 < few < many < model.bound_usd(40_000)
