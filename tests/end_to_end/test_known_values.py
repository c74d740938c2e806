"""Published values on the command line: what they are compared with, and what is done with better solutions."""

import json
from dataclasses import replace

import pytest
from helpers import TINY, Inline, tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.own.files import add_version
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.offline.model import OfflineModel
from gapsmith.agent.reports.runs import build_report_table, summarise_report
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.final.encoding import encode_report
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Baseline, GapsmithError, UsageError

INSTANCES = "2\n5 3\n2 4\n3\n# three jobs\n1 1\n1 1\n2 -4\n"
RULE = "def schedule(p, d):\n    return d.argsort(kind='stable')\n"
LOOSE = """
def loose(instance, seconds):
    return Baseline(0, 100, None, "a bound", 0.0)


problem = replace(problem, baseline=loose)
"""


@pytest.fixture
def answer(capsys, monkeypatch, tmp_path):
    """Runs the command line beside two instances, a rule and a problem without proofs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.txt").write_text(INSTANCES)
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "loose.py").write_text(TINY.read_text("utf-8") + LOOSE)

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, (json.loads(said.out) if "--json" in words else said.out), said.err

    return call


def write_known(tmp_path, *rows):
    """Writes published values."""
    (tmp_path / "known.csv").write_text("\n".join(["instance,lower,upper", *rows]) + "\n")


def costs_of(tmp_path):
    """The rule's costs on the two instances, by the verifier."""
    problem = tiny()
    read = problem.read(tmp_path / "two.txt")
    return [
        problem.cost(each, sorted(range(len(each.data["d"])), key=lambda j: each.data["d"][j]))
        for each in read
    ]


def test_gaps_are_to_the_bound_and_to_the_published_value(answer, tmp_path):
    """`check` says that no optimum is proven, and has the published values beside its bounds."""
    one, two = costs_of(tmp_path)
    write_known(tmp_path, f"two-1,0,{one}", f"two-2,0,{two}")
    words = "check", "rule.py", "--problem", "loose.py", "--instances", "two.txt", "--known", "known.csv"
    code, found, _ = answer(*words, "--json")
    assert (code, found["gap_to"]) == (0, "lower bound")
    first = found["files"][0]["instances"][0]
    assert (first["lower"], first["upper"], first["best_known"]) == (0, 100, one)
    assert first["published"] == {"lower": 0, "upper": one}
    assert found["records"] == []
    assert "2 published values" in " ".join(answer(*words)[1].split())


def test_a_better_solution_is_kept_and_has_a_certificate(answer, tmp_path):
    """`compare` keeps it, `solve --certificates` writes it, and its cost is right."""
    one, two = costs_of(tmp_path)
    write_known(tmp_path, f"two-1,,{one + 5}")
    words = "loose.py", "--instances", "two.txt", "--known", "known.csv", "--json"
    _, found, _ = answer("compare", *words[:1], "rule.py", *words[1:])
    best = {each["instance"]: each for each in found["records"]}
    assert (best["two-1"]["cost"], best["two-1"]["before"], best["two-1"]["published"]) == (
        one,
        one + 5,
        True,
    )
    assert (best["two-2"]["cost"], best["two-2"]["before"], best["two-2"]["published"]) == (two, 100, False)
    code, solved, _ = answer("solve", "loose.py", "two.txt", "--certificates", "best", "--json")
    assert code == 0
    assert [each["upper"] for each in solved] == [one, two]
    certificate = json.loads((tmp_path / "best" / "two-1.json").read_text())
    problem = tiny()
    assert problem.cost(problem.read(tmp_path / "two.txt")[0], certificate["solution"]) == one
    assert "solution by rule.py" in certificate["solver"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("two-1,9,8", "lower 9 above upper 8"),
        ("two-1,101,102", "two-1: the published lower bound 101 contradicts 100"),
        ("three-1,1,2", "names 'three-1', an instance is 'two-1'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(answer, tmp_path, row, words):
    """The message names file or instance, and there is no traceback."""
    write_known(tmp_path, row)
    for verb in (("check", "rule.py", "--problem", "loose.py", "--instances"), ("solve", "loose.py")):
        code, _, err = answer(*verb, "two.txt", "--known", "known.csv")
        assert code in (1, 2)
        assert words in " ".join(err.split())
        assert "Traceback" not in err


def test_a_bound_below_which_a_program_is_told(answer, tmp_path):
    """A published lower bound above a verified cost stands as a contradiction below the table."""
    one, _ = costs_of(tmp_path)
    write_known(tmp_path, f"two-1,{one + 1},{one + 9}")
    words = "check", "rule.py", "--problem", "loose.py", "--instances", "two.txt", "--known", "known.csv"
    said = " ".join(answer(*words)[1].split())
    assert f"Contradiction: two-1: a verified solution costs {one}" in said


def test_a_looser_result_leaves_bounds_and_solution(tmp_path):
    """Whatever a later solve gives, the archive keeps the tighter bounds with the solution behind them."""
    problem = add_version(find_problem(str(TINY)))
    (instance,) = problem.generate_instances("train", 0, 1)
    exact = problem.baseline(instance, 1.0)
    with_bounds = replace(exact, lower=exact.lower - 1)
    archive = Archive(str(tmp_path / "a.db"))
    archive.add_baseline(problem.name, instance, with_bounds, 1.0, problem.version)
    kept = archive.add_baseline(
        problem.name, instance, Baseline(0, exact.upper + 1, None, "loose", 0.0), 2.0, problem.version
    )
    archive.close()
    assert (kept.lower, kept.upper, kept.solution) == (exact.lower - 1, exact.upper, exact.solution)


FIVE = "2\n5 3\n2 4\n3\n1 1\n1 1\n2 -4\n2\n4 1\n3 2\n3\n7 2\n3 9\n4 4\n2\n6 5\n1 1\n"


def run_with(tmp_path, *known, **changes):
    """A run on five instances of the user's, without proofs, with published values."""
    path = tmp_path / "five.txt"
    path.write_text(FIVE)
    settings = Settings(
        problem=str(TINY), budget=Budget(calls=2), instances=(str(path),), known=known, parallel=16
    )
    problem = tiny(baseline=lambda instance, seconds: Baseline(0, 100, None, "a bound", 0.0), **changes)
    return Run(settings, str(tmp_path / "a.db"), problem=problem, models=[OfflineModel()], executor=Inline())


def test_a_run_says_and_keeps_what_is_better(tmp_path):
    """Beside gaps to bounds stand those to the best known; better solutions are in the report and the archive."""
    with run_with(tmp_path, ("five-1", None, 90), ("five-2", 0, 1)) as run:
        report = run.report()
        known = report.known
        best = {record.instance: record for record in known.records}
        (first,) = [each for each in run.supply.list_own([]) if each.name == "five-1"][:1]
        kept = run.archive.read_baselines(run.problem.name, [first.digest], run.problem.version)[first.digest]
        assert Settings.decode(run.archive.run(1).config).known == run.settings.known
    assert (known.gap_to, known.published, known.solved) == ("lower bound", 2, 3)
    assert (best["five-1"].before, best["five-1"].published, best["five-1"].kept) == (90, True, True)
    assert "five-2" not in best
    assert (kept.upper, run.problem.cost(first, kept.solution)) == (best["five-1"].cost,) * 2
    encoded = json.loads(json.dumps(encode_report(report)))
    assert encoded["gap_to"] == "lower bound"
    assert len(encoded["records"]) == len(best)
    assert encoded["best"]["best_known_gap_percent"] == known.best
    assert "New best solution of five-1" in summarise_report(report)
    assert "to best known %" in [column.header for column in build_report_table(report).columns]


def test_a_run_refuses_what_cannot_be(tmp_path):
    """Names that no instance has are refused before the run begins; contradictions before the first question."""
    with pytest.raises(UsageError, match="the file names 'six'"):
        run_with(tmp_path, ("six", 1, 2))
    with (
        run_with(tmp_path, ("five-1", 101, 200)) as run,
        pytest.raises(GapsmithError, match="five-1: the published"),
    ):
        run.report()


def test_a_published_bound_that_a_program_refutes_is_told(tmp_path):
    """The report names the instance whose published lower bound is above a verified cost."""
    with run_with(tmp_path, ("five-2", 99, 100)) as run:
        (sentence,) = run.report().known.contradictions
    assert "five-2: a verified solution costs" in sentence
    assert "below the published lower bound 99" in sentence
