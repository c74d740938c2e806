"""Problem files: what a changed copy of a built-in problem takes over."""

import pytest

from gapsmith.agent.evaluation.problems import find_problem

COPY = """
from dataclasses import replace
from gapsmith.evaluators.base import Baseline, ProblemScale, Split
from gapsmith.evaluators.problems.single_machine_tardiness.problem import problem as full

problem = replace(full, name="mine", {})
"""
OWN = "scales={'medium': ProblemScale(sizes={}, counts={}, cpu_seconds=1, solver_seconds=1, story='')}"


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ("title='another title'", "medium"),
        ("sizes=dict.fromkeys(Split, (6, 7))", "small"),
        ("baseline=lambda instance, seconds: Baseline(0, 1, None, 'none', 0.0)", "small"),
        ("generate=lambda rng, stratum, size: full.generate(rng, stratum, 6)", "small"),
        (f"sizes=dict.fromkeys(Split, (6, 7)), {OWN}", "medium"),
    ],
)
def test_scales_of_the_original_are_no_scales_of_a_changed_copy(tmp_path, changes, scale):
    """An exact method for six jobs is not given two hundred, unless the file itself has such a scale."""
    path = tmp_path / "mine.py"
    path.write_text(COPY.replace("{}", changes, 1))
    assert find_problem(str(path), scale="").scale == scale


def test_what_a_problem_prints_is_no_result(tmp_path, capsys):
    """Results on stdout stay readable for programs, whatever the author's functions print."""
    path = tmp_path / "loud.py"
    path.write_text(COPY.format("title='loud'") + "print('hello')\n")
    find_problem(str(path))
    assert capsys.readouterr() == ("", "hello\n")
