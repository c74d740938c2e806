"""Exact methods beside each other: the same results in the same order, and no process is left."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import TINY

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines import find_baselines, parallel
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Instance


@pytest.fixture
def children(monkeypatch):
    """Has all instances sent to processes, and lists these."""
    made = []

    class Listed(parallel.SolverProcess):
        def _start(self):
            made.append(super()._start())
            return made[-1]

    monkeypatch.setattr(parallel, "SECONDS_ALONE", 0.0)
    monkeypatch.setattr(parallel, "SolverProcess", Listed)
    return made


def flow_shops(*sizes):
    """Flow shops of so many jobs and machines; of one job each they are solved at once."""
    rng = np.random.default_rng(5)
    return [Instance(f"shop {k}", {"p": rng.integers(1, 99, size)}) for k, size in enumerate(sizes)]


def test_processes_find_what_one_finds_in_the_same_order(children, tmp_path):
    """The children share the work; the order is that of the instances; all is kept, and no child is left."""
    problem, instances = find_problem("permutation_flow_shop"), flow_shops((7, 3), (2, 3), (6, 4), (1, 2))
    archive, steps = Archive(str(tmp_path / "a.db")), []
    found = find_baselines(
        problem, instances, archive, progress=lambda _, done, whole: steps.append((done, whole)), workers=2
    )
    alone = find_baselines(problem, instances)
    assert list(found) == list(alone) == [instance.digest for instance in instances]
    assert [replace(each, seconds=0) for each in found.values()] == [
        replace(each, seconds=0) for each in alone.values()
    ]
    assert len({child.pid for child in children}) == 2
    assert all(child.poll() is not None for child in children)
    assert (steps[0], steps[-1]) == ((0, 4), (4, 4))
    assert archive.read_baselines(problem.name, list(found), problem.version) == found
    archive.close()


def test_a_stop_ends_the_children_and_keeps_what_is_done(children, tmp_path):
    """What was found before is in the archive; a child that would solve for hours ends."""
    problem, instances = find_problem("permutation_flow_shop"), flow_shops((1, 2), (40, 20), (40, 20))
    archive = Archive(str(tmp_path / "a.db"))

    def stop(_, done, __):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_baselines(problem, instances, archive, 9999.0, progress=stop, workers=2)
    kept = archive.read_baselines(problem.name, [each.digest for each in instances], problem.version)
    assert list(kept) == [instances[0].digest]
    assert all(child.poll() is not None for child in children)
    archive.close()


def test_a_quick_set_starts_no_process(monkeypatch):
    """Within the first second the driver solves alone."""
    monkeypatch.setattr(parallel, "SolverProcess", None)
    problem = find_problem(str(TINY))
    assert len(find_baselines(problem, problem.generate_instances("train", 0, 6), workers=2)) == 6
