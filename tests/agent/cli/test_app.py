"""The command line: results on stdout, progress on stderr, and the fields that scripts rely on."""

import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from helpers import TINY, reply_with

from gapsmith.agent.cli.app import app, main
from gapsmith.agent.evaluation import compare

VERBS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)
AGGREGATES = {"mean_gap_percent", "pooled_gap_percent", "optimal_share", "cpu_seconds"}
INSTANCES = "2\n5 3\n2 4\n3\n# three jobs\n1 1\n1 1\n2 -4\n"
RULE = "def schedule(p, d):\n    return d.argsort(kind='stable')\n"
BAD = "def schedule(p, d):\n    return [0] * len(p)\n"


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
    """The JSON that a verb answers with, having gone well."""

    def ask(*words, code=0):
        left, out, err = gapsmith(*words, "--json")
        assert left == code, err
        assert out.count("\n") == 1
        return json.loads(out)

    return ask


@pytest.fixture
def files(tmp_path, gapsmith):
    """Two rules and a file of two instances."""
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "two.txt").write_text(INSTANCES)
    return tmp_path


# Help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(gapsmith, verb):
    """`--help` of a verb says what it does and shows a call of it, with `--json` among the options."""
    code, out, _ = gapsmith(verb, "--help")
    assert code == 0
    assert f"Example: gapsmith {verb}" in re.sub(r"\s+", " ", out)
    assert "--json" in out


def test_the_command_alone_shows_its_help(gapsmith):
    """`gapsmith` and `gapsmith bench` print their help, and nothing is an error."""
    for words in ((), ("bench",)):
        code, out, err = gapsmith(*words)
        assert (code, err) == (0, "")
        assert "Usage: gapsmith" in out


def test_the_version_is_told(gapsmith):
    """`gapsmith --version` is one line, and so is that of the module run by its name."""
    wanted = (0, f"gapsmith {version('gapsmith')}\n", "")
    assert gapsmith("--version") == wanted
    command = [sys.executable, "-m", "gapsmith.agent", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == wanted[1]


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_no_brackets_of_its_own(gapsmith, verb):
    """Arguments are `PROBLEM`, `[RUN]` or `[FILE]...`, and no default is swallowed as a style."""
    _, out, _ = gapsmith(verb, "--help")
    assert not re.search(r"\[\[|…\.|…\]", out)
    (usage,) = re.findall(r"Usage: gapsmith (?:[a-z]+ )(.*)", out)
    assert usage == usage.upper()


def test_the_verbs_are_those_of_the_design():
    """All verbs but `report` and `web` are there."""
    wanted = [
        "run",
        "resume",
        "record",
        "check",
        "compare",
        "solve",
        "problems",
        "best",
        "show",
        "lineage",
        "runs",
        "export",
        "doctor",
    ]
    assert set(wanted) <= set(VERBS)


def test_a_module_can_be_run_as_the_command(tmp_path):
    """The installed command answers, with exit code 0, from any folder."""
    command = [sys.executable, "-c", "from gapsmith.agent.cli.app import main; main()", "problems", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "single_machine_tardiness" in [card["name"] for card in json.loads(done.stdout)]
    assert done.stderr == ""


def test_a_command_loads_no_library_that_it_does_not_need():
    """The command line starts without solvers, SDKs and statistics, which take seconds to load."""
    heavy = "ortools", "pandas", "scipy.stats", "numba", "openai", "anthropic"
    code = f"import gapsmith.agent.cli.app, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Fields


def test_check_has_its_fields(answer, files):
    """`check --json` names each file's outcome, gaps and instances, with bounds that are proven."""
    found = answer("check", "rule.py", "--problem", TINY, "--instances", "two.txt")
    assert set(found) >= {"problem", "isolation", "files"}
    assert found["problem"] == "tiny_tardiness"
    assert re.fullmatch(r"L[2-4]", found["isolation"])
    (file,) = found["files"]
    assert set(file) >= {"file", "outcome", "message", "instances"} | AGGREGATES
    assert (file["file"], file["outcome"]) == ("rule.py", "ok")
    fields = {"instance", "outcome", "cost", "lower", "upper", "proven", "gap_percent", "cpu_seconds"}
    assert all(set(row) >= fields for row in file["instances"])
    rows = [
        (row["instance"], row["cost"], row["lower"], row["upper"], row["proven"]) for row in file["instances"]
    ]
    # By hand: p = 5, 2 and d = 3, 4: in order of due dates 2 + 3, the other way round 0 + 4.
    assert rows[0] == ("two-1", 5, 4, 4, True)
    assert rows[1][0] == "two-2"
    assert file["instances"][0]["gap_percent"] == 25.0


def test_check_fails_where_a_file_does(answer, files):
    """Exit code 1 if any file's outcome is not ok, and the others are there all the same."""
    found = answer("check", "bad.py", "rule.py", "--problem", TINY, "--instances", "two.txt", code=1)
    assert [file["outcome"] for file in found["files"]] == ["infeasible", "ok"]
    assert "missing" in found["files"][0]["message"]
    assert found["files"][0]["pooled_gap_percent"] is None


def test_check_needs_no_archive(answer, files):
    """`check` leaves nothing behind."""
    before = sorted(files.iterdir())
    answer("check", "rule.py", "--problem", TINY, "--instances", "two.txt")
    assert sorted(files.iterdir()) == before


def test_compare_has_its_fields(answer, files):
    """`compare --json` has a row for each name, and no interval around the gap of four instances."""
    found = answer("compare", TINY, "MDD", "edd", "rule.py", "--instances", "two.txt", "two.txt")
    assert (found["problem"], found["instances"]) == ("tiny_tardiness", 4)
    assert [row["name"] for row in found["rows"]] == ["MDD", "EDD", "rule.py"]
    for row in found["rows"]:
        assert set(row) >= {"name", "ci95"} | AGGREGATES
        assert (row["ci95"], row["solved"], row["failures"]) == (None, 4, [])
    assert found["rows"][1]["pooled_gap_percent"] == found["rows"][2]["pooled_gap_percent"]


def test_intervals_and_failures_are_told(answer, gapsmith, files):
    """Six instances have an interval; who fails on one has the figures of the others, and exit code 1."""
    found = answer("compare", TINY, "EDD", "--limit", 6)
    low, high = found["rows"][0]["ci95"]
    assert low <= found["rows"][0]["pooled_gap_percent"] <= high
    (files / "odd.py").write_text("def schedule(p, d):\n    return [0, 1] if len(p) == 2 else [0]\n")
    found = answer("compare", TINY, "odd.py", "--instances", "two.txt", code=1)
    (row,) = found["rows"]
    assert (row["outcome"], row["solved"], row["pooled_gap_percent"]) == ("infeasible", 1, 25.0)
    assert [failure["instance"] for failure in row["failures"]] == ["two-2"]
    checked = answer("check", "odd.py", "--problem", TINY, "--instances", "two.txt", code=1)["files"][0]
    assert (checked["solved"], checked["pooled_gap_percent"]) == (1, 25.0)
    _, out, _ = gapsmith("compare", TINY, "odd.py", "--instances", "two.txt")
    words = " ".join(out.split())
    assert "No interval: 2 instances; at least 6 are needed." in words
    assert "odd.py failed on 1 of 2 instances: two-2 (infeasible); its figures are of the other 1." in words


def test_messages_of_failures_are_shown_whole(gapsmith, answer, files, monkeypatch):
    """Why a file has no figures stands below the table, and no optimum is sought for it in vain."""
    (files / "imports.py").write_text("import scipy\n" + RULE)
    (files / "empty.py").write_text("")
    code, out, _ = gapsmith("check", "imports.py", "bad.py", "--problem", TINY, "--instances", "two.txt")
    assert code == 1
    said = " ".join(out.split())
    assert "imports.py: forbidden_import: imports scipy; allowed are bisect, collections, " in said
    assert "statistics, typing bad.py: infeasible: two-1: " in said
    monkeypatch.setattr(compare, "find_baselines", None)
    out = " ".join(gapsmith("check", "empty.py", "imports.py", "--problem", TINY)[1].split())
    assert "empty.py: no_code: holds no code; expected a Python block with def schedule(p, d):" in out
    assert "optima proven" not in out
    found = answer("check", "empty.py", "--problem", TINY, code=1)
    assert found["files"][0]["instances"] == []


def test_generated_instances_follow_a_seed(answer, files):
    """`check` and `compare` use the test of seed 0, or of the seed that is given."""
    names = {}
    for seed in ((), ("--seed", 7)):
        found = answer("check", "rule.py", "--problem", TINY, "--limit", 2, *seed)
        names[seed] = [row["instance"] for row in found["files"][0]["instances"]]
    assert names == {(): ["test-0-1", "test-0-2"], ("--seed", 7): ["test-7-1", "test-7-2"]}
    gaps = [
        answer("compare", TINY, "SPT", *words)["rows"][0]["mean_gap_percent"] for words in ((), ("--seed", 7))
    ]
    assert gaps[0] != gaps[1]


def test_compare_runs_all_rules_by_default(answer):
    """Without a name all rules are compared, on generated test instances, as many as `--limit` says."""
    found = answer("compare", TINY, "--limit", 3)
    assert [row["name"] for row in found["rows"]] == ["EDD", "SPT", "MDD"]
    assert found["instances"] == 3


def test_solve_has_its_fields(answer, files):
    """`solve --json` has bounds, status, solver, seconds and a solution for each of the first N instances."""
    (found,) = answer("solve", TINY, "two.txt", "--limit", 1)
    assert set(found) >= {"instance", "lower", "upper", "status", "solver", "seconds", "solution"}
    assert (found["instance"], found["lower"], found["upper"], found["status"]) == ("two-1", 4, 4, "optimal")
    assert found["solution"] == [1, 0]
    assert [row["instance"] for row in answer("solve", TINY, "two.txt")] == ["two-1", "two-2"]


def test_solve_says_what_is_unknown(answer, files):
    """Bounds that the exact method does not have are null, and the status is a word."""
    own = TINY.read_text().replace("Baseline(cost, cost,", "Baseline(0, float('inf'),")
    (files / "slow.py").write_text(own)
    assert [row["status"] for row in answer("solve", "slow.py", "two.txt")] == ["bound", "bound"]
    assert answer("solve", "slow.py", "two.txt")[0]["upper"] is None
    found = answer("check", "rule.py", "--problem", "slow.py", "--instances", "two.txt")
    assert found["files"][0]["instances"][0]["upper"] is None


@pytest.fixture
def done(answer):
    """The answer of a run of 10 calls, in archive.db of the folder."""
    return answer("run", TINY, "--calls", 10, "--seed", 3, "--whole-budget")


def test_run_has_its_fields(done):
    """`run --json` has what was spent, the winner and the best rule, on the sealed test, with intervals."""
    assert set(done) >= {
        "run",
        "problem",
        "model",
        "evaluations",
        "calls",
        "usd",
        "seconds",
        "best",
        "reference",
    }
    assert (done["run"], done["problem"], done["model"], done["calls"]) == (
        1,
        "tiny_tardiness",
        "offline",
        10,
    )
    for row in (done["best"], done["reference"]):
        assert set(row) >= {"id", "name", "split", "ci95"} | AGGREGATES
        assert row["split"] == "test"
    assert done["best"]["id"] > 0


def test_what_a_run_found_can_be_read(answer, gapsmith, done, tmp_path):
    """`best`, `show`, `lineage`, `runs`, `compare` and `export` go on from a run's answer."""
    best = done["best"]["id"]
    rows = answer("best", "--problem", "tiny_tardiness", "-n", 3)
    assert rows[0]["id"] == best
    assert len(rows) <= 3
    shown = answer("show", best)
    assert shown["id"] == best
    assert "def schedule" in shown["source"]
    assert answer("lineage", best)[0]["id"] == best
    assert [row["status"] for row in answer("runs")] == ["done"]
    assert answer("compare", TINY, best, "--limit", 2)["rows"][0]["name"] == str(best)
    made = answer("export", best, "-o", "mine.py")
    assert made["file"] == "mine.py"
    assert made["self_tests"] == 3
    assert (tmp_path / "mine.py").read_text().startswith('"""')
    for words in (["best"], ["show", best], ["lineage", best], ["runs"], ["problems"], ["problems", TINY]):
        code, out, err = gapsmith(*words)
        assert (code, err) == (0, "")
        assert out


def test_resume_ends_as_the_run_did(answer, done):
    """Resuming a finished run asks for nothing and says the same."""
    again = answer("resume", 1)
    assert again["fingerprint"] == done["fingerprint"]
    assert (again["calls"], again["best"]["id"]) == (10, done["best"]["id"])


def test_a_recording_is_a_model(answer, tmp_path):
    """`--model replay:FILE` serves recorded replies, bad ones too, and the archive names what came of them."""
    replies = [reply_with("return np.argsort(d + p)"), reply_with("return 'no'"), "nothing", ""]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in replies))
    words = ("run", TINY, "--model", "replay:said.jsonl", "--calls")
    done = answer(*words, 1, code=1)  # none of the replies held a program
    assert (done["calls"], done["replies"]["why"]) == (1, {"no_code": 1})


def test_a_run_is_recorded_and_replayed(answer, gapsmith, tmp_path):
    """`record` writes a run; `run` with nothing but the recording is that run again, in whatever archive."""
    done = answer("run", TINY, "--calls", 8, "--seed", 4, "--whole-budget")
    made = answer("record", 1, "-o", "r.jsonl")
    assert made == {
        "run": 1,
        "file": "r.jsonl",
        "slots": 8,
        "fingerprint": made["fingerprint"],
        "exact": True,
    }
    assert answer("runs")[0]["fingerprint"] == made["fingerprint"] == done["fingerprint"]
    again = answer("run", "--model", "replay:r.jsonl", "--archive", "b.db", "--workers", 1)
    same = ("problem", "evaluations", "calls", "usd", "fingerprint", "gain", "claimed")
    assert {key: again[key] for key in same} == {key: done[key] for key in same}
    assert again["best"]["name"] == done["best"]["name"]
    code, out, _ = gapsmith("record", "-o", "s.jsonl", "--archive", "b.db")
    assert (code, out.replace("\n", " ")) == (
        0,
        "s.jsonl: 8 slots of run 1; replay them with: gapsmith run --model replay:s.jsonl ",
    )


def test_a_recording_says_what_its_run_was(answer, gapsmith, tmp_path):
    """What the recording says cannot be said otherwise beside it, and one that says nothing needs a problem."""
    answer("run", TINY, "--calls", 2, "--whole-budget")
    answer("record", "-o", "r.jsonl")
    code, _, err = gapsmith("run", "--model", "replay:r.jsonl", "--evaluations", 3)
    assert (code, "evaluations is given, but the recording says what it was" in err) == (2, True)
    (tmp_path / "bare.jsonl").write_text('{"text": "x"}\n')
    code, _, err = gapsmith("run", "--model", "replay:bare.jsonl")
    assert (code, "does not say which problem it is of" in err) == (2, True)
    code, _, err = gapsmith("record", 7, "-o", "x.jsonl")
    assert (code, "holds no run 7" in err) == (1, True)


def test_infinite_gaps_are_null(answer, tmp_path):
    """Where all optima are zero a gap can be infinite; JSON then has null, not a traceback."""
    easy = (
        TINY.read_text()
        + "\nproblem = replace(problem, baseline=lambda i, s: Baseline(0, 0, [], 'none', 0.0))\n"
    )
    (tmp_path / "easy.py").write_text(easy)
    found = answer("run", "easy.py", "--calls", 2, "--whole-budget")
    assert found["best"]["pooled_gap_percent"] is None
    assert answer("best")[0]["train_gap_percent"] is None


def test_doctor_has_its_fields(answer):
    """`doctor --json` has the isolation with its layers, and the latency of the sandbox."""
    found = answer("doctor")
    assert re.fullmatch(r"L[0-4]", found["isolation"]["level"])
    assert found["isolation"]["layers"]
    assert set(found["sandbox"]) >= {"latency_ms_p50", "latency_ms_p95", "cpu_ms_p50"}
