"""Exact results from the archive, and what is solved again."""

from helpers import tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines import find_baselines
from gapsmith.evaluators.base import Baseline


def test_a_longer_solve_continues_from_what_is_known(tmp_path):
    """The second solve is given the first one's bounds; what is new begins anew."""
    given = []
    exact = tiny().baseline

    def baseline(instance, seconds):
        found = exact(instance, seconds)
        return Baseline(found.lower - 1, found.upper, found.solution, "first", seconds)

    def tighten(instance, seconds, known):
        given.append(known)
        return Baseline(known.upper, known.upper, known.solution, "second", seconds)

    problem, archive = tiny(baseline=baseline, tighten=tighten), Archive(str(tmp_path / "a.db"))
    one, two = problem.generate_instances("train", 0, 2)
    first = find_baselines(problem, [one], archive, 1.0)[one.digest]
    both = find_baselines(problem, [two, one], archive, 2.0)
    archive.close()
    assert given == [first]
    assert list(both) == [two.digest, one.digest]
    assert [both[each.digest].proven for each in (one, two)] == [True, False]
