"""The verbs that begin with words: fields that scripts rely on, exit codes, and complaints in one line."""

import json
import signal
from dataclasses import replace

import pytest
from words import answering, cp_sat, reply_with, write_set

from gapsmith.agent.archive import Archive
from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models import Recorded, ReplayModel, Reply, write_recording
from gapsmith.evaluators.base import Split

SPENT = {"run", "calls", "usd", "seconds"}


@pytest.fixture
def gapsmith(capsys, monkeypatch, tmp_path):
    """Runs the command line in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return call


@pytest.fixture
def answer(gapsmith):
    """The JSON that a verb answers with."""

    def ask(*words, code=0):
        left, out, err = gapsmith(*words, "--json")
        assert left == code, err
        return json.loads(out)

    return ask


@pytest.fixture
def recorded(tmp_path):
    """Writes texts by slot as a recording; returns the model's name."""

    def write(texts, name="replies.jsonl"):
        replies = [Recorded(reply=Reply(text=text), slot=slot) for slot, text in texts.items()]
        write_recording(tmp_path / name, replies)
        return f"replay:{tmp_path / name}"

    return write


@pytest.fixture
def question(tmp_path):
    """A question of one's own."""
    path = tmp_path / "bakery.txt"
    path.write_text("Two products, 12 kg of flour: what is the largest income?\n")
    return path


def test_model_has_its_fields(answer, recorded, question):
    """The answer comes with status, values, votes, code and what it cost."""
    model = recorded({0: cp_sat(), 1: reply_with("return 1 / 0"), 100_001: cp_sat(), 2: answering(5)})
    found = answer("model", question, "--model", model, "--samples", "3")
    assert found.keys() == SPENT | {
        *("question", "status", "objective", "values", "votes", "voters", "samples", "program", "code"),
    }
    assert (found["question"], found["status"], found["objective"]) == ("bakery", "optimal", 70.0)
    assert (found["votes"], found["voters"], found["calls"]) == (2, 3, 4)
    assert found["values"] == {"income": 70.0}
    assert "cp_model.CpModel()" in found["code"]
    assert [sample["attempts"] for sample in found["samples"]] == [1, 2, 1]


def test_model_shows_answer_and_code(gapsmith, recorded, question):
    """People see the value, the agreement, and the whole program."""
    code, out, _ = gapsmith("model", question, "--model", recorded({0: cp_sat()}))
    assert code == 0
    assert "bakery: 1 of 1 samples agree" in out
    assert "70" in out
    assert 'return {"status": status, "objective": objective, "values": {"income": objective or 0}}' in out


def test_model_without_an_answer_fails_in_one_line(gapsmith, recorded, question):
    """Exit code 1, and why."""
    model = recorded(dict.fromkeys((0, 100_000), "I cannot answer that."))
    code, out, err = gapsmith("model", question, "--model", model)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "no program of 1 samples gave an answer: no code" in err
    assert Archive("archive.db").run(1).status == "done"


def test_an_infeasible_question_is_answered_so(answer, recorded, question):
    """A word can be the answer; who insists on it is believed."""
    model = recorded(dict.fromkeys((0, 100_000), answering(None, "infeasible")))
    found = answer("model", question, "--model", model)
    assert (found["status"], found["objective"], found["votes"]) == ("infeasible", None, 1)


def test_bench_has_its_fields(answer, recorded, tmp_path):
    """Every set has its accuracies with intervals, costs and kinds; every question its mark."""
    path = write_set(tmp_path / "set.jsonl", {"a": 1, "b": 2, "c": 3})
    answers = enumerate([1, 1, 2, 1, 3, 3])
    model = recorded({slot: answering(value) for slot, value in answers})
    found = answer("bench", "modelling", path, "--model", model, "--samples", "2")
    assert found.keys() == SPENT | {"model", "samples", "file", "sets", "questions"}
    only = found["sets"][0]
    assert only.keys() == {
        *(
            "set",
            "questions",
            "asked",
            "vote",
            "first",
            "any",
            "exact",
            "kinds",
            "sample_kinds",
            "calls",
            "tokens",
        ),
        *("usd", "usd_per_right", "tokens_per_right", "calls_per_right"),
    }
    assert only["vote"].keys() == {"value", "low", "high"}
    assert only["vote"]["value"] == 1.0  # of two answers with one vote each, the earlier
    assert only["first"]["value"] == pytest.approx(2.5 / 3)
    assert only["kinds"] == {"right": 3}
    assert only["calls_per_right"] == 2.0
    assert [each["kind"] for each in found["questions"]] == ["right"] * 3
    assert found["questions"][1].keys() == {
        *("id", "set", "target", "expected", "answer", "kind", "exact", "votes", "voters", "samples"),
    }


def test_bench_shows_a_line_for_each_set(gapsmith, recorded, tmp_path):
    """People see shares with intervals, and failures by kind; `--limit` takes the first questions."""
    path = write_set(tmp_path / "set.jsonl", {"a": 1, "b": 2, "c": 3})
    model = recorded({0: answering(1), 1: answering(1)})
    code, out, _ = gapsmith("bench", "modelling", path, "--model", model, "--limit", "2")
    assert code == 0
    assert "2 of 2" in out
    assert "wrong 1" in out
    assert "run 1: 2 calls" in out


def test_resume_goes_on_where_a_budget_or_an_error_ended(answer, gapsmith, recorded, tmp_path):
    """A run that lacked a reply is resumed once it is there; nothing kept is asked again."""
    path = write_set(tmp_path / "set.jsonl", {"a": 1, "b": 2})
    model = recorded({0: answering(1)})
    code, _, err = gapsmith("bench", "modelling", path, "--model", model)
    assert (code, err.count("\n")) == (1, 1)
    assert "no reply for slot 1" in err
    recorded({1: answering(2)})
    found = answer("resume")
    assert (found["run"], found["calls"], found["sets"][0]["kinds"]) == (1, 2, {"right": 2})
    assert answer("resume", "1")["questions"] == found["questions"]
    assert len(Archive(str(tmp_path / "archive.db")).read_calls(1)) == 2


def test_ctrl_c_stops_and_resume_goes_on(answer, gapsmith, recorded, tmp_path, monkeypatch):
    """The first Ctrl-C ends a run cleanly: exit code 130, how to go on, and what was answered is kept."""
    path = write_set(tmp_path / "set.jsonl", {"a": 1, "b": 2})
    model = recorded({0: answering(1), 1: answering(2)})
    reply = ReplayModel.reply

    def interrupted(self, request):
        signal.raise_signal(signal.SIGINT)
        return reply(self, request)

    monkeypatch.setattr(ReplayModel, "reply", interrupted)
    code, out, err = gapsmith("bench", "modelling", path, "--model", model)
    assert (code, out) == (130, "")
    assert "run 1 stopped; continue with: gapsmith resume 1" in err
    store = Archive("archive.db")
    assert (store.run(1).status, list(store.read_calls(1))) == ("stopped", [0])
    monkeypatch.setattr(ReplayModel, "reply", reply)
    assert answer("resume")["sets"][0]["kinds"] == {"right": 2}


def test_a_set_that_has_changed_is_not_gone_on_with(gapsmith, recorded, tmp_path):
    """Answers to other questions would be scored as answers to these."""
    path = write_set(tmp_path / "set.jsonl", {"a": 1})
    gapsmith("bench", "modelling", path, "--model", recorded({0: answering(1)}))
    write_set(path, {"a": 2})
    code, _, err = gapsmith("resume")
    assert (code, err.count("\n")) == (1, 1)
    assert "has changed since the run began" in err


def test_other_verbs_know_these_runs(answer, gapsmith, recorded, question):
    """Runs, decisions and programs can be looked at; what is about heuristics passes them over."""
    gapsmith("model", question, "--model", recorded({0: cp_sat()}))
    assert answer("runs")[0]["problem"] == "modelling"
    assert answer("explain", "1")["decisions"][0]["outcome"] == "answered"
    assert "cp_model" in answer("show", "1")["source"]
    assert answer("best") == []
    code, _, err = gapsmith("export", "1", "-o", "rule.py")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("model", "bakery.txt"), "--model is missing"),
        (("model", "bakery.txt", "--model", "offline"), "offline assembles heuristics and cannot read"),
        (("model", "bakery.txt", "--model", "openai"), "not complete"),
        (("model", "none.txt", "--model", "replay:x"), "none.txt: no such file"),
        (("model", ".", "--model", "replay:x"), "expected a readable file"),
        (("model", "bakery.txt", "--model", "replay:x", "--samples", "0"), "samples is 0"),
        (("model", "bakery.txt", "--model", "replay:x", "--cpu-seconds", "0"), "cpu_seconds is 0"),
        (("model", "bakery.txt", "--model", "replay:x", "--calls", "-1"), "budget calls is -1"),
        (("bench", "modelling", "none.jsonl", "--model", "replay:x"), "none.jsonl: no such file"),
        (("bench", "modeling", "none.jsonl"), "No such command 'modeling'"),
        (("synthesise", "nothing", "--model", "replay:x"), "unknown problem 'nothing'"),
        (("synthesise", "online_bin_packing", "--model", "replay:x"), "is decided event by event"),
        (("synthesise", "tsp"), "--model is missing"),
    ],
)
def test_bad_words_are_refused_in_one_line(gapsmith, question, words, said):
    """Exit code 2, what was found and what was expected, and no run."""
    code, out, err = gapsmith(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err


def test_a_file_that_is_no_set_is_refused(gapsmith, question):
    """Exit code 1, with file and line."""
    code, _, err = gapsmith("bench", "modelling", question, "--model", "replay:x")
    assert (code, err.count("\n")) == (1, 1)
    assert "bakery.txt, line 1: " in err


def test_synthesise_writes_a_set(answer, gapsmith, recorded, tmp_path):
    """A line for each pair on stdout or in a file; the summary beside it; too few pairs are exit code 1."""
    words = ("synthesise", "single_machine_tardiness", "--count", "1", "--size", "4", "--tries", "1")
    code, out, err = gapsmith(*words, "--model", recorded({0: "nothing"}))
    assert (code, out) == (1, "")
    assert "0 pairs kept of 1" in err
    assert "0 of 1 pairs were kept; try more with --tries" in err
    shown = Archive(str(tmp_path / "archive.db")).read_calls(1)[0].prompt
    numbers = shown.split("```json")[1].split("```")[0]
    known = Archive(str(tmp_path / "archive.db")).read_baselines("single_machine_tardiness", digests(4))
    optimum = known[digests(4)[0]]
    model = recorded({0: f"Once: {numbers}", 1: answering(int(optimum.upper))}, "told.jsonl")
    code, out, err = gapsmith(*words, "--model", model)
    assert (code, json.loads(out)["answer"]) == (0, optimum.upper)
    code, out, _ = gapsmith(*words, "--model", model, "-o", "pairs.jsonl")
    assert (code, len((tmp_path / "pairs.jsonl").read_text().splitlines())) == (0, 1)
    assert "1 pairs kept of 1" in out
    found = answer(*words, "--model", model)
    assert found.keys() == SPENT | {"problem", "wanted", "kept", "tried", "rejected", "pairs"}


def digests(size):
    """Of the first generated instance of that size."""
    problem = find_problem("single_machine_tardiness")
    small = replace(problem, sizes=dict.fromkeys(Split, (size,)))
    return [small.generate_instances(Split.TRAIN, 0, 1)[0].digest]
