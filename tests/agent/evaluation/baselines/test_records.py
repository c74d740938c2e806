"""Solutions better than the best known: verified again, announced and kept."""

from dataclasses import replace

import pytest
from helpers import Inline, tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue
from gapsmith.agent.evaluation.baselines.records import Finding, find_records
from gapsmith.evaluators.base import Baseline

WORSE = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(d, kind='stable')\n"
GOOD = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(-d, kind='stable')\n"


@pytest.fixture
def met(tmp_path):
    """A problem with one instance, its cost under a rule, and an archive with a loose bound."""
    problem = tiny()
    (instance,) = problem.generate_instances("train", 0, 1)
    order = sorted(range(len(instance.data["d"])), key=lambda j: -instance.data["d"][j])
    archive, cost = Archive(str(tmp_path / "a.db")), problem.cost(instance, order)
    loose = Baseline(0, cost + 10, None, "a bound", 1.0)
    archive.add_baseline(problem.name, instance, loose, 1.0, problem.version)
    yield problem, instance, cost, archive, loose
    archive.close()


def test_a_better_solution_is_verified_announced_and_kept(met):
    """The archive has the solution with its cost, and the record says what was the best before."""
    problem, instance, cost, archive, loose = met
    published = [PublishedValue(instance.name, None, cost + 3)]
    best = BestKnown.build([instance], {instance.digest: loose}, published)
    findings = {instance.digest: Finding("17", GOOD, cost)}
    (record,) = find_records(problem, [instance], findings, best, Inline(), archive)
    kept = archive.read_baselines(problem.name, [instance.digest], problem.version)[instance.digest]
    assert (record.cost, record.before, record.published, record.kept) == (cost, cost + 3, True, True)
    assert f"New best solution of {instance.name}: {cost} by 17" in str(record)
    assert (kept.lower, kept.upper, kept.solver) == (0, cost, "a bound; solution by 17")
    assert problem.cost(instance, kept.solution) == cost


def test_a_claimed_cost_alone_is_no_record(met):
    """A program that does not repeat its cost, or only equals the best known, keeps nothing."""
    problem, instance, cost, archive, loose = met
    best = BestKnown.build([instance], {instance.digest: replace(loose, upper=cost)})
    for source, claimed in ((WORSE, cost - 1), (GOOD, cost), ("def schedule(p, d):\n    return 'none'\n", 0)):
        findings = {instance.digest: Finding("17", source, claimed)}
        assert find_records(problem, [instance], findings, best, Inline(), archive) == ()
    kept = archive.read_baselines(problem.name, [instance.digest], problem.version)[instance.digest]
    assert kept.upper == loose.upper


def test_without_an_archive_a_record_is_told_and_not_kept(met):
    """`check` uses no archive: it announces."""
    problem, instance, cost, _, loose = met
    best = BestKnown.build([instance], {instance.digest: loose})
    findings = {instance.digest: Finding("mine.py", GOOD, cost)}
    (record,) = find_records(problem, [instance], findings, best, Inline(), None)
    assert not record.kept
