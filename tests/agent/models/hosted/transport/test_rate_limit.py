"""The pace of requests to one server: who waits for how long, and how many are sent."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Fault as Served

from gapsmith.agent.models.hosted.transport.errors import LONGEST_WAIT_SECONDS, Fault
from gapsmith.agent.models.hosted.transport.rate_limit import LAST_WAIT_SECONDS, AimdLimiter

BUSY = Fault(status=429, code="rate_limit_error", message="slow down", wait=10.0)
STUMBLE = Fault(status=500, code="api_error", message="internal error")


@pytest.fixture
def pace():
    """A pace that nobody ends."""
    return AimdLimiter(lambda: False)


def send(pace, *heard, tries=0):
    """Sends requests that are all under way together; the first to begin ends first."""
    after = []

    def ask(rest):
        if len(rest) > 1:
            inner = pace.send(lambda: ask(rest[:-1]), float("-inf"), tries)
            after.append(inner[1])
        return rest[-1]

    after.append(pace.send(lambda: ask(heard), float("-inf"), tries)[1])
    return after


def together(pace, most=64):
    """How many requests may be under way at once, up to a bound; asks until one would have to wait."""
    count = 0
    while count < most and pace._seconds(float("-inf")) == 0:
        count += 1
        pace._under_way += 1
    pace._under_way -= count
    return count


def test_nobody_waits_for_a_server_that_answers(pace, waited):
    """Without a refusal any number of requests is under way at once, and none waits."""
    send(pace, *["answer"] * 40)
    assert (together(pace), waited.seconds) == (64, 0.0)


def test_a_refusal_stops_everybody_until_the_wait_is_over(pace, waited):
    """After a refusal nothing is sent before the server's own wait is over, by whomever it would be sent."""
    send(pace, BUSY)
    sent = []
    pace.send(lambda: sent.append(waited.seconds), float("-inf"), 0)
    assert sent == [10.0]


def test_refusals_of_one_round_halve_the_pace_once(pace, waited):
    """Sixteen requests that were under way together and are all refused leave room for eight, not for none."""
    send(pace, *[BUSY] * 16)
    waited.seconds += 10
    assert together(pace) == 8


def test_every_round_halves_again_down_to_one(pace, waited):
    """A server that refuses round after round is asked by one at a time in the end, and never by nobody."""
    left = []
    for under_way in (16, 8, 4, 2, 1, 1):
        send(pace, *[BUSY] * under_way)
        waited.seconds += 10
        left.append(together(pace))
    assert left == [8, 4, 2, 1, 1, 1]


def test_a_round_of_answers_makes_room_for_one_more(pace, waited):
    """The pace grows by about one for each round of answers, as long as somebody waits for it."""
    send(pace, *[BUSY] * 8)
    waited.seconds += 10
    grown, pace._waiting = [], 1
    for _ in range(4):
        grown.append(together(pace))
        send(pace, *["answer"] * grown[-1])
    assert grown == [4, 4, 5, 6]


def test_answers_below_the_limit_do_not_raise_it(pace, waited):
    """As long as nobody has to wait, answers teach nothing about how many more there could be."""
    send(pace, *[BUSY] * 8)
    waited.seconds += 10
    for _ in range(100):
        send(pace, "answer", "answer")
    assert together(pace) == 4


def test_a_stumble_makes_only_its_own_call_wait(pace, waited):
    """A server error among answers sends its own call back for a moment, and nobody else."""
    after = send(pace, *["answer"] * 5, STUMBLE)
    assert max(after) > waited.seconds
    assert together(pace) == 64


def test_waits_double_up_to_a_limit(pace, waited):
    """The wait of a call that stumbles again and again doubles, up to eight seconds."""
    waits = []
    for tries in range(6):
        send(pace, "answer", "answer")
        waits += [max(send(pace, "answer", STUMBLE, tries=tries)) - waited.seconds]
    assert all(0.375 * 2**tries <= wait <= 0.5 * 2**tries for tries, wait in enumerate(waits[:4]))
    assert all(0.75 * LAST_WAIT_SECONDS <= wait <= LAST_WAIT_SECONDS for wait in waits[4:])


def test_a_server_that_answers_nobody_is_asked_by_few(pace, waited):
    """Nothing but errors, to all that are under way, is taken for trouble: all wait, and fewer ask."""
    send(pace, *[STUMBLE] * 16)
    assert together(pace) == 0
    waited.seconds += LAST_WAIT_SECONDS
    assert together(pace) < 16


def test_who_waits_is_let_go_when_all_ends(waited):
    """A request that waits for its turn when the run is stopped is not sent."""
    ended = threading.Event()
    pace = AimdLimiter(ended.is_set)
    send(pace, BUSY)
    waited.then = ended.set
    assert pace.send(lambda: pytest.fail("was sent"), float("-inf"), 0) is None
    assert waited.seconds < 10


def test_an_error_of_ours_frees_the_place(pace, waited):
    """A request that ends in an exception is not under way for ever."""
    send(pace, BUSY)
    waited.seconds += 10

    def fail():
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            pace.send(fail, float("-inf"), 0)
    assert together(pace) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["answer", BUSY, STUMBLE]), min_size=1, max_size=6), max_size=20))
def test_no_history_stops_a_pace_for_good(rounds):
    """Whatever came back before, something may be sent again once the longest wait is over."""
    pace = AimdLimiter(lambda: False)
    for heard in rounds:
        pace._open_at = float("-inf")
        send(pace, *heard[: together(pace)])
    pace._open_at = float("-inf")
    assert together(pace) >= 1
    assert pace._under_way == 0


@pytest.mark.parametrize(
    ("way", "status"),
    [("responses", 429), ("chat", 429), ("messages", 429), ("chat", 503), ("messages", 529)],
)
def test_no_retry_storm(serve, connect, question, waited, way, status):
    """Sixteen threads before a server that refuses for a minute send about one request a wait, not sixteen."""
    moments = []

    def refuse():
        while waited.seconds < 60:
            moments.append(waited.seconds)
            yield Served(status, {"error": {"message": "slow down"}}, {"retry-after": "10"})

    server = serve(lambda prompt: f"{prompt}!", faults=refuse())
    model = connect(server, way)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(model.reply, [question(slot, prompt=f"q{slot}") for slot in range(32)]))
    assert [reply.text for reply in replies] == [f"q{slot}!" for slot in range(32)]
    # Six waits of ten seconds: at most all 16 at first, then half as many each time, then one by one.
    assert len(moments) <= 16 + 8 + 4 + 2 + 1 + 1 + 1
    assert server.record_tallies.requests - server.record_tallies.answered == len(moments)


def test_waits_longer_than_a_run_should_take_are_not_passing():
    """A fault that asks for two minutes may pass; one that asks for more does not."""
    waits = [LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS + 1]
    assert [Fault(status=429, code="", message="", wait=wait).is_transient for wait in waits] == [True, False]
