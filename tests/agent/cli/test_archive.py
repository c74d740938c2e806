"""The verbs that read an archive: leaderboards, programs scored anew, and the decisions of a run."""

import json
from itertools import pairwise

import pytest
from helpers import TINY, Inline, finish, job

from gapsmith.agent import Archive
from gapsmith.agent.archive import CandidateRow
from gapsmith.agent.cli.app import main

FRONT = [
    {"id": 4, "name": "", "pooled_gap_percent": 0.25, "cpu_seconds": 0.004, "size": 90},
    {"id": 1, "name": "EDD", "pooled_gap_percent": 9.5, "cpu_seconds": 0.0001, "size": 12},
]
TOGETHER = [
    {"id": 4, "name": "", "runs": 1, "pooled_gap_percent": 0.25},
    {"id": 2, "name": "SPT", "runs": 2, "pooled_gap_percent": 0.125},
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """An archive of one run of six calls that ended with leaderboards, and a second one that did not end."""
    folder = tmp_path_factory.mktemp("archives")
    path = str(folder / "archive.db")
    run = finish(job(path, calls=6, executor=Inline()))
    best = {"id": run.archive.rank_candidates()[0].program, "pooled_gap_percent": 0.25}
    run.archive.finish(1, "done", 1.0, {"best": best, "front": FRONT, "together": TOGETHER})
    run.archive.record(1, -1, "halving round 1", {"instances": 9, "kept": [3, 5]})
    run.archive.start("tiny_tardiness", "offline", 4, {})
    run.archive.close()
    (folder / "two.txt").write_text("2\n5 3\n2 4\n3\n1 1\n1 1\n2 -4\n")
    return folder


@pytest.fixture
def gapsmith(kept, capsys, monkeypatch):
    """Runs the command line beside that archive; returns exit code, stdout and stderr."""
    monkeypatch.chdir(kept)

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return call


@pytest.fixture
def answer(gapsmith):
    """The JSON that a verb answers with, having gone well."""

    def ask(*words):
        code, out, err = gapsmith(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return ask


def test_the_front_and_the_set_are_those_of_the_report(answer, gapsmith):
    """`best --front` and `best --set` show the leaderboards of the latest finished run, or of the run that is named."""
    assert answer("best", "--front") == {"run": 1, "problem": "tiny_tardiness", "front": FRONT}
    found = answer("best", TINY, "--set", "--run", 1)
    assert found == {"run": 1, "problem": "tiny_tardiness", "together": TOGETHER}
    _, out, _ = gapsmith("best", "--front")
    assert "4.00" in out
    assert "9.50" in out
    _, out, _ = gapsmith("best", "--set")
    assert "0.12" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--front", "--run", 2), 1, "run 2 has no leaderboards yet; they come with: gapsmith resume 2"),
        (("tsp", "--set"), 1, "holds no finished run of tsp"),
        (("--front", "--set"), 2, "exclude each other"),
        (("--instances", "two.txt"), 2, "--instances needs a problem"),
        (("tsp", "--instances", "two.txt"), 1, "two.txt"),
        (("nobody", "--front"), 2, "nobody"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(gapsmith, words, code, said):
    """A run without leaderboards, and options that do not fit, are one line on stderr with the remedy."""
    left, out, err = gapsmith("best", *words)
    assert (left, out) == (code, "")
    assert said in " ".join(err.split())
    assert err.count("\n") == 1


def test_archived_programs_are_scored_anew_on_files(answer, kept):
    """`best PROBLEM --instances` has programs and rules on the files, the least gap first."""
    found = answer("best", TINY, "--instances", "two.txt", "-n", 2)
    assert (found["problem"], found["instances"]) == ("tiny_tardiness", 2)
    names = [row["name"] for row in found["rows"]]
    assert {"EDD", "SPT", "MDD"} <= set(names)
    assert len(names) <= 5
    gaps = [row["pooled_gap_percent"] for row in found["rows"]]
    assert gaps == sorted(gaps)
    assert all((row["ci95"], row["solved"]) == (None, 2) for row in found["rows"])
    again = answer("best", TINY, "--instances", "two.txt", "-n", 2)
    assert again == found  # the same times too: what is kept is not run again


def test_the_winners_of_finished_runs_come_first(answer):
    """The first line of `best` is the program that a finished run names as its winner."""
    archive = Archive("archive.db")
    (*_, last) = answer("best", "-n", 9)
    report = {"best": {"id": last["id"], "pooled_gap_percent": 0.0}, "front": FRONT, "together": TOGETHER}
    before = archive.run(1).report
    archive.finish(1, "done", 1.0, report)
    rows = answer("best", "tiny_tardiness", "-n", 3)
    archive.finish(1, "done", 1.0, before)
    assert rows[0]["id"] == last["id"]
    assert len({row["id"] for row in rows}) == 3


def test_what_was_made_at_the_end_has_no_slot(gapsmith):
    """The shorter form of a winner is shown as made at the end of its run."""
    archive = Archive("archive.db")
    archive.answer(CandidateRow(run=2, slot=-1, operator="shorten", parents=[4], program=5, train_gap=1.5))
    _, out, _ = gapsmith("best", "--run", 2)
    assert "shorten" in out
    assert "2.end" in out


def test_code_and_names_are_shown_whole(gapsmith):
    """Where there is no terminal `show` prints every line of a program, however long; `runs` cuts no name."""
    archive = Archive("archive.db")
    long = "def schedule(p, d):\n    return d.argsort()  # " + "long " * 40 + "end\n"
    number, _ = archive.add_program("tiny_tardiness", "long", long, 9)
    archive.answer(CandidateRow(run=2, slot=7, operator="refine", parents=[], program=number, train_gap=99.0))
    archive.start("single_machine_weighted_tardiness", "openai:a-model-with-a-long-name", 4, {})
    _, out, _ = gapsmith("show", number)
    assert out.endswith(long)
    _, out, _ = gapsmith("runs")
    assert "…" not in out
    lines = out.splitlines()
    heading = next(line for line in lines if " model " in line)
    places = [heading.index(word) for word in ("problem", "model", "seed")]
    problems, models = (
        "".join(line[first : last - 1].strip() for line in lines) for first, last in pairwise(places)
    )
    assert "single_machine_weighted_tardiness" in problems
    assert "openai:a-model-with-a-long-name" in models


def test_an_empty_list_says_why(gapsmith, kept):
    """`best` of a problem without programs, and `runs` of an empty archive, say what would fill them."""
    code, out, err = gapsmith("best", "tsp")
    assert (code, out) == (0, "")
    assert "archive.db holds no program of tsp" in err
    assert "gapsmith run tsp" in err
    assert json.loads(gapsmith("best", "tsp", "--json")[1]) == []
    Archive(str(kept / "empty.db")).close()
    assert "empty.db holds no run yet" in gapsmith("runs", "--archive", "empty.db")[2]


def test_explain_has_every_decision_in_order(answer, gapsmith):
    """`explain` lists the slots in order with operator, parents, outcome and events, and the end last."""
    found = answer("explain", 1)
    assert found["run"] == 1
    slots = [each["slot"] for each in found["decisions"]]
    assert slots == [*range(len(slots) - 1), None]
    assert [each["operator"] for each in found["decisions"][:3]] == ["rule"] * 3
    assert found["decisions"][0]["events"][0]["kind"] == "gate"
    (last,) = found["decisions"][-1]["events"]
    assert last == {"kind": "halving round 1", "instances": 9, "kept": [3, 5]}
    code, out, err = gapsmith("explain", 1, "--verbose")
    assert (code, err) == (0, "")
    assert "end" in out
    assert out.index("EDD") < out.index("MDD") < out.index("halving")


def test_explain_tells_a_run_in_sentences(answer, gapsmith):
    """The story is in the JSON, and is what people are shown; one slot has its decisions alone."""
    story = answer("explain", 1)["story"]
    headings = [chapter["heading"] for chapter in story]
    assert (headings[:2], headings[-2:]) == (["What was asked", "The search"], ["Final selection", "Result"])
    out = " ".join(gapsmith("explain", 1)[1].split())
    assert all(" ".join(line.split()) in out for chapter in story for line in chapter["sentences"])
    assert [each["slot"] for each in answer("explain", 1, "--slot", 4)["decisions"]] == [4]
    assert "has no slot 99" in gapsmith("explain", 1, "--slot", 99)[2]


def test_prompt_and_reply_of_a_program_are_shown_whole(answer, gapsmith, kept):
    """What a model was asked and answered is printed as it was; a rule has neither."""
    archive = Archive("archive.db")
    rows = archive.read_candidates(1)
    slot, call = next(
        (slot, call) for slot, call in archive.read_calls(1).items() if rows[slot].outcome == "ok"
    )
    found = answer("show", rows[slot].program, "--prompt", "--reply")
    assert (found["prompt"], found["reply"]) == (f"{call.system}\n\n{call.prompt}", call.reply)
    assert call.reply in gapsmith("show", rows[slot].program, "--reply")[1]
    assert "is no model's" in gapsmith("show", 1, "--prompt")[2]


def test_explain_says_which_run_is_missing(gapsmith):
    """A run that is not there is one line."""
    code, out, err = gapsmith("explain", 7)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "holds no run 7" in err


def test_messages_of_candidates_cannot_write_to_the_terminal(gapsmith):
    """Escape sequences in what a candidate raised are not printed."""
    archive = Archive("archive.db")
    archive.settle(1, 3, {"program": 4, "message": "\x1b[2Jgone\x07"})
    _, out, _ = gapsmith("explain", 1, "--verbose")
    assert "gone" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_whole_numbers_are_printed_in_full(gapsmith, kept):
    """`solve` rounds no integer, however large."""
    (kept / "large.txt").write_text("# pairs\n2\n1400000001 3\n800000000 4\n")
    code, out, err = gapsmith("solve", TINY, "large.txt", "--layout", "pairs")
    assert (code, "e+" in out) == (0, False), err
    assert "2999999994" in out  # by hand: 800000000 - 4 + 2200000001 - 3


def test_rules_pass_no_gate(gapsmith):
    """A reference rule is called one, in `best` and in `explain`."""
    assert "gate: passed" not in "".join(line for line in gapsmith("best")[1].splitlines() if "SPT" in line)
    said = gapsmith("explain", 1, "--verbose")[1]
    assert "validation: the reference" in said
    assert "-inf" not in said
