"""Questions from files: what is taken, and what is refused in one line."""

import json

import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.modelling.question import LONGEST_QUESTION, OBJECTIVE, read_question, read_questions
from gapsmith.evaluators.base import GapsmithError, UsageError

PUBLIC = DATA / "modelling" / "questions.jsonl"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def written(path, *rows):
    """A file with those rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(**changes):
    """A row that is taken."""
    return {"id": "q1", "question": "How much?", "answers": {"x": 3, "total": 12.5}, **changes}


def test_a_set_is_read(tmp_path):
    """Words, set, kind and answers arrive; the last quantity is the one that is scored."""
    rows = [row(set="ours", kind="linear"), row(id=2)]
    first, second = read_questions(written(tmp_path / "set.jsonl", *rows))
    assert (first.id, first.text, first.set, first.kind) == ("q1", "How much?", "ours", "linear")
    assert first.answers == {"x": 3.0, "total": 12.5}
    assert first.target == "total"
    assert (second.id, second.set) == ("2", "")


def test_what_synthesise_writes_is_a_set(tmp_path):
    """A story is a question, and its answer that of the objective."""
    found = read_questions(written(tmp_path / "set.jsonl", {"id": "a", "story": "Once.", "answer": 7}))[0]
    assert (found.text, dict(found.answers), found.target) == ("Once.", {OBJECTIVE: 7.0}, OBJECTIVE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "id is ''"),
        ({"id": None}, "id is None"),
        ({"id": True}, "id is True"),
        ({"question": 3}, "question is 3"),
        ({"question": "  "}, "the question is empty"),
        ({"question": "x" * (LONGEST_QUESTION + 1)}, "expected at most 24000"),
        ({"answers": {}}, "answers is {}"),
        ({"answers": None}, "answers is None"),
        ({"answers": {" ": 3}}, "a quantity of the answers has no name"),
        ({"answers": {"x": "3"}}, "the answer 'x' is '3'"),
        ({"answers": {"x": True}}, "the answer 'x' is True"),
        ({"answers": {"x": float("nan")}}, "the answer 'x' is nan"),
        ({"answers": {"x": 10**400}}, "the answer 'x' is 1000"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, changes, words):
    """The complaint names file, line, what was found and what was expected."""
    path = written(tmp_path / "set.jsonl", row(id="q0"), row(**changes))
    with pytest.raises(GapsmithError, match="line 2: ") as refused:
        read_questions(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_id_is_there_once(tmp_path):
    """Two questions of one id would be scored as one."""
    path = written(tmp_path / "set.jsonl", row(), row(id="q2"), row())
    with pytest.raises(GapsmithError, match="line 3: id 'q1' is already used in line 1"):
        read_questions(path)


@pytest.mark.parametrize("read", [read_question, read_questions])
def test_files_that_cannot_be_read_are_refused(tmp_path, read):
    """No file, a folder, no text, nothing in it: one line each."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "empty").write_text(" \n")
    for name, kind in (
        ("none", UsageError),
        (".", UsageError),
        ("bytes", GapsmithError),
        ("empty", GapsmithError),
    ):
        with pytest.raises(kind):
            read(tmp_path / name)


@settings(max_examples=100)
@given(JSON, st.dictionaries(st.sampled_from(["id", "question", "answers", "answer", "story", "set"]), JSON))
def test_whatever_a_line_holds_is_a_question_or_trouble(tmp_path_factory, value, changes):
    """A reader of strangers' files raises nothing but GapsmithError."""
    path = tmp_path_factory.mktemp("set") / "set.jsonl"
    for line in (value, {**row(), **changes}):
        path.write_text(json.dumps(line), encoding="utf-8")
        try:
            assert read_questions(path)[0].target
        except GapsmithError as refused:
            assert "\n" not in str(refused)  # noqa: PT017 - either is fine, a traceback is not


@pytest.mark.skipif(not PUBLIC.exists(), reason="no public questions here")
def test_the_public_questions_are_read():
    """195 questions of five sets, each with a quantity to be scored."""
    questions = read_questions(PUBLIC)
    assert len(questions) == 195
    assert len({question.set for question in questions}) >= 4
    assert all(question.target in question.answers for question in questions)
