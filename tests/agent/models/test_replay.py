"""Recordings: written, read back, served."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.models import ModelError, Recorded, ReplayModel, Reply, read_recording, write_recording


def _lines(tmp_path, *lines):
    path = tmp_path / "recording.jsonl"
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8"
    )
    return path


def _texts(model, question, slots):
    return [model.reply(question(slot)).text for slot in slots]


COUNTS = st.integers(0, 10**9)
REPLIES = st.builds(
    Reply,
    text=st.text(st.characters(codec=None)),
    tokens_in=COUNTS,
    tokens_cached=COUNTS,
    tokens_out=COUNTS,
    usd=st.none() | st.floats(0, 1e6),
    seconds=st.floats(0, 1e6),
    id=st.text(),
    detail=st.dictionaries(st.text(), st.text(), max_size=3),
)


@settings(deadline=None)
@given(st.lists(st.tuples(REPLIES, st.text(), st.text()), max_size=5), st.booleans())
def test_a_recording_comes_back_as_it_was(tmp_path_factory, entries, slotted):
    """Whatever was recorded, half characters and odd line ends included, is read back the same."""
    path = tmp_path_factory.mktemp("recordings") / "r.jsonl"
    replies = [
        Recorded(reply=reply, slot=place * 3 if slotted else None, operator=operator, model=model)
        for place, (reply, operator, model) in enumerate(entries)
    ]
    write_recording(path, replies)
    assert read_recording(path).lines == tuple(replies)


def test_two_recordings_of_the_same_are_equal(tmp_path):
    """The same replies make the same file, byte for byte, and nothing but the file is left."""
    replies = [Recorded(reply=Reply(text="‖\u2028x", usd=0.1, detail={"finish": "complete"}), slot=0)]
    write_recording(tmp_path / "one", replies)
    write_recording(tmp_path / "two", read_recording(tmp_path / "one").lines)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_slots_are_served_by_slot(tmp_path, question):
    """With slots the order of asking does not matter, and asking again gets the same."""
    path = _lines(tmp_path, {"slot": 5, "text": "five"}, {"slot": 2, "text": "two"})
    assert _texts(ReplayModel(path), question, [2, 5, 2]) == ["two", "five", "two"]


def test_without_slots_the_order_counts(tmp_path, question):
    """Without slots each request gets the next line."""
    path = _lines(tmp_path, {"text": "a"}, {"text": "b"}, {"text": "c"})
    assert _texts(ReplayModel(path), question, [0, 0, 7]) == ["a", "b", "c"]


def test_without_slots_a_resumed_run_goes_on(tmp_path, question):
    """Without slots a run that resumes at slot 1 goes on with the second line, not with the first."""
    path = _lines(tmp_path, {"text": "a"}, {"text": "b"}, {"text": "c"})
    assert _texts(ReplayModel(path), question, [1, 2]) == ["b", "c"]


def test_the_whole_reply_is_served(tmp_path, question):
    """Tokens, cost, latency, id and detail are those of the recording."""
    reply = Reply(
        text="t", tokens_in=3, tokens_cached=1, tokens_out=2, usd=0.5, seconds=9.0, id="i", detail={"a": "b"}
    )
    write_recording(tmp_path / "r", [Recorded(reply=reply, slot=0)])
    assert ReplayModel(tmp_path / "r").reply(question(0)) == reply


@pytest.mark.parametrize(("costs", "most"), [([], 0.0), ([0.1, 0.3, 0.2], 0.3), ([0.1, None], None)])
def test_what_is_set_aside_for_a_replayed_call(tmp_path, costs, most):
    """A replayed call costs at most what the dearest recorded one did, if all are known."""
    path = tmp_path / "r"
    write_recording(path, [Recorded(reply=Reply(text="", usd=cost)) for cost in costs])
    assert ReplayModel(path).bound_usd(9) == most


def test_a_line_needs_no_more_than_a_text(tmp_path):
    """What a line leaves out is nothing: no tokens, no cost."""
    assert read_recording(_lines(tmp_path, {"text": "only"})).lines == (Recorded(reply=Reply(text="only")),)


def test_only_line_ends_end_lines(tmp_path):
    """A recording by another hand may hold characters that some take for line ends, inside a text."""
    assert (
        read_recording(_lines(tmp_path, '{"text": "a\u2028b\x85c"}')).lines[0].reply.text == "a\u2028b\x85c"
    )


def test_an_unknown_cost_stays_unknown(tmp_path):
    """A cost of null is not zero."""
    assert read_recording(_lines(tmp_path, {"text": "", "usd": None})).lines[0].reply.usd is None


@pytest.mark.parametrize(
    ("lines", "slot", "words"),
    [
        (
            [{"text": "a"}, {"text": "b"}],
            2,
            "no reply for slot 2; the recording is exhausted: it has 2 replies",
        ),
        ([{"slot": 4, "text": "a"}, {"slot": 6, "text": "b"}], 5, "it has 2 replies for slots 4 to 6"),
        ([], 0, "it has 0 replies"),
    ],
)
def test_exhausted_says_how_many_there_were(tmp_path, question, lines, slot, words):
    """A request beyond the recording ends the run with the number of replies there were."""
    model = ReplayModel(_lines(tmp_path, *lines))
    with pytest.raises(ModelError) as caught:
        model.reply(question(slot))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{oops", "'{oops' is not JSON"),
        ("[1]", "'[1]' is not an object"),
        ('"text"', "is not an object"),
        ("{}", "text is None; expected a string"),
        ({"text": 7}, "text is 7; expected a string"),
        ({"text": "", "slot": -1}, "slot is -1; expected a whole number"),
        ({"text": "", "slot": True}, "slot is True; expected a whole number"),
        ({"text": "", "tokens_in": 1.5}, "tokens_in is 1.5; expected a whole number"),
        ({"text": "", "usd": "free"}, "usd is 'free'; expected a number"),
        ('{"text": "", "usd": NaN}', "usd is nan; expected a number"),
        ({"text": "", "seconds": -2}, "seconds is -2; expected a number"),
        ({"text": "", "operator": 3}, "operator is 3; expected text"),
        ({"text": "", "detail": []}, "detail is []; expected an object"),
    ],
)
def test_a_malformed_line(tmp_path, line, words):
    """A malformed line is told with file and line, what was found and what was expected."""
    path = _lines(tmp_path, {"text": "good"}, "", line)
    with pytest.raises(ModelError) as caught:
        ReplayModel(path)
    assert f"{path}:3: " in str(caught.value)
    assert words in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"slot": 1, "text": ""}, {"slot": 1, "text": ""}], "slot 1 is there twice"),
        ([{"slot": 1, "text": ""}, {"text": ""}], "some lines have a slot and some have none"),
    ],
)
def test_slots_that_make_no_sense(tmp_path, lines, words):
    """A slot that is there twice, or lines with and without one, are refused: nothing is guessed."""
    with pytest.raises(ModelError, match=words):
        ReplayModel(_lines(tmp_path, *lines))
