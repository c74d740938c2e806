"""Programs that are there already: screened before anything is solved for them."""

from dataclasses import replace

import pytest

from gapsmith.agent.evaluation.baselines.published import BestKnown
from gapsmith.agent.evaluation.compare import Entrant, evaluate
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.reports.comparisons import (
    build_comparison_table,
    encode_solutions,
    explain_figures,
)
from gapsmith.evaluators.base import Baseline, Split
from gapsmith.evaluators.catalogue import load_problem

FORBIDDEN = 'K = (8,)[0 * __import__("os").system("true")]\ndef schedule(p, d):\n    return d.argsort()\n'
FINE = "def schedule(p, d):\n    return d.argsort()\n"


@pytest.fixture(scope="module")
def workers():
    """One sandbox, of whatever isolation there is."""
    with LocalExecutor(workers=1, minimum=0) as executor:
        yield executor


def count_solved(workers, *sources):
    """Compares programs on two instances; returns the comparison and how many instances were solved for it."""
    solved = []

    def baseline(instance, seconds):
        solved.append(instance.name)
        return Baseline(1, 1, None, "none", 0.0)

    problem = replace(load_problem("single_machine_tardiness"), baseline=baseline)
    entrants = [Entrant(f"{k}.py", source) for k, source in enumerate(sources)]
    return evaluate(problem, entrants, problem.generate_instances(Split.TRAIN, 1, 2), workers), len(solved)


def test_nothing_is_solved_for_programs_that_will_not_run(workers):
    """A program that the screen refuses costs no exact solution, and its row says why."""
    comparison, solved = count_solved(workers, FORBIDDEN)
    assert solved == 0
    assert build_comparison_table(comparison).title.endswith("2 instances")
    (row,) = comparison.rows
    assert row.outcome == "forbidden_name"
    assert explain_figures(comparison.rows, 2) == [f"0.py: forbidden_name: {row.message}"]


def test_one_program_that_runs_is_enough(workers):
    """Beside a refused program another is priced against solved instances as usual."""
    comparison, solved = count_solved(workers, FORBIDDEN, FINE)
    assert solved == 2
    assert [row.outcome for row in comparison.rows] == ["forbidden_name", "ok"]
    assert "all optima proven" in build_comparison_table(comparison).title


def test_bounds_are_written_alike_from_solver_and_archive():
    """Archives hold floats: 590.0 is the integer 590 in JSON, as when it was computed; none is none."""
    (instance,) = load_problem("single_machine_tardiness").generate_instances(Split.TRAIN, 1, 1)
    found = [
        encode_solutions([(instance, Baseline(lower, upper, None, "none", 0.0))], BestKnown({}, {}))[0]
        for lower, upper in ((590, 590), (590.0, 590.0), (0.5, float("inf")))
    ]
    bounds = [(repr(each["lower"]), repr(each["upper"])) for each in found]
    assert bounds == [("590", "590"), ("590", "590"), ("0.5", "None")]
