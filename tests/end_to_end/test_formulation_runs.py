"""Searches for formulations from end to end, with the arms, the gate and the sealed test of any other search."""

import json

import pytest
from helpers import Scripted
from ortools.sat.python import cp_model
from small import augment, search, stated

from gapsmith.agent import Archive, Budget, LocalExecutor, discover
from gapsmith.agent.archive.findings import find_verification
from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.reports.export.formulation import write_formulation_module
from gapsmith.agent.reports.export.module import export
from gapsmith.agent.runs.final import encoding
from gapsmith.agent.runs.final.entropy import find_last_drawn
from gapsmith.agent.runs.hints import add_heuristic
from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.evaluators.catalogue import list_formulations
from gapsmith.evaluators.formulations.exchange.bridge import copy_to_message, parse_model
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.pricing import strip_base_model, unpack_model
from gapsmith.evaluators.running.assess import assess
from gapsmith.sandbox import open_sandbox

UNSEEN = "    # \x1b[31m red \u202e\n"
WRONG = augment("model.add(variables['start'][0] < 0).with_name('implied: never')")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    """What a judge remembers is kept for the tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def executor():
    """Two sandboxes with OR-Tools."""
    with LocalExecutor(2, preload="ortools") as found:
        yield found


def finished(place, executor, model="offline", **budget):
    """A run with its report."""
    run = discover(
        search("tardiness_interval", 6, micro=20),
        model=model,
        budget=Budget(**budget),
        archive=Archive(place),
        executor=executor,
        seed=2,
    )
    report = run.report()
    return run, report


def sealed_of(run):
    """The instances of its sealed test."""
    return run.supply.test(find_last_drawn(run.archive, run.number))


@pytest.fixture(scope="module")
def done(tmp_path_factory, executor):
    """A short run of `offline`."""
    return finished(str(tmp_path_factory.mktemp("runs") / "a.db"), executor, evaluations=6)


def test_report_says_how_fast_and_how_right(done):
    """The report has the ratio of times with its interval, a placebo beside it, wall time, class and rung."""
    found = encoding.encode_report(done[1])["formulation"]
    assert (found["ratio"]["ci95"], found["ratio"]["instances"]) == (None, 3)  # too few for an interval
    assert found["ratio"]["value"] > 0
    assert found["building"] >= 0
    assert found["placebo"]["value"] > 0
    assert found["wall_ratio"]["value"] > 0
    assert found["base_units"] > 0
    assert done[1].best.entrant.name != "base"
    assert found["verified"]["truth"] in ("implied", "true in every optimum", "keeps an optimum")
    assert found["verified"]["rung"] in ("equality", "enumeration", "refutation")


def test_the_base_is_the_reference(done):
    """What a formulation is compared with is the base, by its own times."""
    run, report = done
    assert report.reference.entrant.name == "base"
    costs = [score.cost for score in report.reference.scores]
    problem = run.problem
    assert costs == [problem.baseline(i, 1.0).upper for i in sealed_of(run)]


def test_elites_are_verified(done):
    """Whatever passed the gate was on all rungs, and the archive says so."""
    run, _ = done
    passed = [row for row in run.archive.read_candidates(run.number).values() if row.gate == "passed"]
    assert any(row.operator != "rule" for row in passed)
    for row in passed:
        assert find_verification(run.archive, run.archive.list_births(row.program))["rung"]


def test_export_stands_alone(done):
    """The module of a program builds the base with its additions, without us, and has the base's optimum."""
    run, report = done
    births = run.archive.list_births(report.best_id)
    text = write_formulation_module(run.problem, run.archive.find(report.best_id), births, run.archive)
    assert "gapsmith." not in text.replace("by gapsmith.", "")
    space: dict = {}
    exec(compile(text, "exported", "exec"), space)
    instance = strip_base_model(sealed_of(run)[0])
    model, _ = space["strengthened"](dict(instance.data))
    solver = cp_model.CpSolver()
    assert solver.solve(model) == cp_model.OPTIMAL
    assert solver.objective_value == run.problem.pricing.original.baseline(instance, 9.0).upper


def test_same_seed_same_run(done, tmp_path, executor):
    """Equal seeds decide and measure equally: deterministic time depends on no load."""
    again, _ = finished(str(tmp_path / "b.db"), executor, evaluations=6)
    assert again.archive.compute_fingerprint(again.number) == done[0].archive.compute_fingerprint(
        done[0].number
    )


def test_what_is_wrong_is_kept_and_quoted(tmp_path, executor):
    """A wrong program is refuted unmeasured; its instance stays in the archive, and is in the next prompt."""
    model = Scripted([f"```python\n{WRONG}{UNSEEN}```\nMechanism: none.\n"], 1)
    run, _ = finished(str(tmp_path / "c.db"), executor, model=model, calls=8)
    rows = [row for row in run.archive.read_candidates(run.number).values() if row.operator != "rule"]
    assert rows[0].outcome == "refuted"
    (kept,) = {row.digest: row for row in run.archive.list_counterexamples("tardiness_interval")}.values()
    assert str(kept.data["p"]) in rows[0].message
    assert any(str(kept.data["p"]) in request.prompt for request in model.requests[1:])
    check_export(run.archive, rows[0].program, executor)


def check_export(archive, number, executor):
    """Asserts that an exported formulation shows terminal sequences and marks of direction as escapes."""
    assert "\x1b" in archive.find(number).source
    text = export(number, archive, executor).text
    assert r"# \x1b[31m red" in text
    assert not set("\x1b\u202e") & set(text)
    with pytest.raises(GapsmithError, match="through the sandbox"):
        export(number, archive, executor, sandboxed=True)


def test_verbs(tmp_path, capsys):
    """`formulations` lists them, `verify` refutes a wrong file with exit code 1, and unknown names are told."""
    assert _ran(["formulations", "--json"]) == 0
    assert "tardiness_interval" in {card["name"] for card in json.loads(capsys.readouterr().out)}
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    assert _ran(["verify", "tardiness_interval", str(wrong), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["programs"]
    assert found["outcome"] == "refuted"
    assert _ran(["verify", "single_machine_tardiness"]) == 2
    assert "is a problem, no formulation" in capsys.readouterr().err
    assert _ran(["run", "tardiness_intervall", "--evaluations", "1"]) == 2
    assert "did you mean 'tardiness_interval'" in capsys.readouterr().err


def _ran(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


@pytest.mark.parametrize("name", [name for name in list_formulations() if name != "bin_packing_assignment"])
def test_a_heuristic_gives_hints_and_a_bound(name):
    """What a rule of the field finds becomes two patterns that are right, whatever the formulation."""
    problem = search(name, micro=8)
    original = problem.pricing.original
    problem = add_heuristic(problem, original.rules[0].source(original.entry.name))
    bound, hint = problem.formulation.patterns[-2:]
    with open_sandbox(preload="ortools") as box:
        found = problem.verify(compose_program([bound, hint]), box, (), False)
    assert (bound.name, hint.name, found.outcome) == ("heuristic_bound", "heuristic_hint", "ok")


def test_a_heuristic_s_bound_is_its_cost():
    """The bound that a heuristic gives is the cost of its solution: on one job that is late, its tardiness."""
    problem = search("tardiness_interval", micro=1)
    problem = add_heuristic(
        problem, "import numpy as np\ndef schedule(p, d):\n    return np.arange(len(p))\n"
    )
    instance = stated(problem, p=[3, 4], d=[1, 1])
    with open_sandbox(preload="ortools") as box:
        result = assess(problem, compose_program(problem.formulation.patterns[-2:]), [instance], box)
    model = copy_to_message(parse_model(unpack_model(result.solutions[0])))
    assert list(model.constraints[-1].linear.domain)[1] == 2 + 6
    assert list(model.solution_hint.values)[:2] == [0, 3]


def test_heuristics_of_something_else_are_told():
    """A heuristic for a heuristic, for an on-line problem, or without the entry point is refused in one line."""
    with pytest.raises(UsageError, match="takes no heuristic"):
        add_heuristic(find_problem("single_machine_tardiness"), "")
    with pytest.raises(UsageError, match="on-line"):
        add_heuristic(search("bin_packing_assignment"), "")
    with pytest.raises(UsageError, match="no program for single_machine_tardiness"):
        add_heuristic(search("tardiness_interval"), "def other(): pass")
