"""What a program was trained on is said with its limits."""

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.reports.export.scope import describe_scope
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings


def make_settings(**given):
    """Settings of a run."""
    return Settings(problem="single_machine_tardiness", budget=Budget(evaluations=1), **given)


def test_generated_instances_are_told_with_their_ranges():
    """Number, scale, and shapes of the classes; and what lies outside of them."""
    scope = describe_scope(find_problem("single_machine_tardiness"), make_settings())
    assert "instances generated at small scale" in scope.trained[0]
    assert any("p [" in line for line in scope.trained[1:])
    assert "Not tried: other shapes" in scope.untried
    assert "s of CPU time" in scope.untried


def test_missing_files_are_counted():
    """A report of a run whose instances are gone still says where they were from."""
    settings = make_settings(instances=("gone.txt", "gone too.txt"))
    scope = describe_scope(find_problem("single_machine_tardiness"), settings)
    assert scope.trained == ("the instances in 2 files of its user; not readable now",)
