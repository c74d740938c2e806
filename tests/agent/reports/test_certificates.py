"""Certificates: a solution, its cost priced again, and the instance it is of."""

import json

import pytest
from helpers import tiny

from gapsmith.agent.evaluation.baselines.published import BestKnown
from gapsmith.agent.reports.certificates import write_certificates
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance


def test_a_certificate_stands_alone(tmp_path):
    """From the file alone the solution can be priced again; instances without a solution have none."""
    problem = tiny()
    one, two = problem.generate_instances("train", 0, 2)
    named = Instance("../odd name", one.data)
    baseline = problem.baseline(one, 1.0)
    solved = [(named, baseline), (two, Baseline(0, 9, None, "a bound", 1.0))]
    (path,) = write_certificates(problem, solved, BestKnown({}, {}), tmp_path / "new")
    found = json.loads(path.read_text("utf-8"))
    again = Instance.restore(found["instance"], found["data"])
    assert path.parent == tmp_path / "new"
    assert again.digest == found["digest"] == one.digest
    assert problem.cost(again, found["solution"]) == found["cost"] == baseline.upper
    assert (found["status"], found["verified"], found["objective"]) == ("optimal", True, "minimise")


@pytest.mark.parametrize("solution", [[0, 1], "none"])
def test_a_wrong_solution_has_no_certificate(tmp_path, solution):
    """What an archive claims is priced again: a solution that is none, or costs something else, is refused."""
    problem = tiny()
    (one,) = problem.generate_instances("train", 0, 1)
    with pytest.raises(GapsmithError, match=one.name):
        write_certificates(problem, [(one, Baseline(0, 1, solution, "", 1.0))], BestKnown({}, {}), tmp_path)
