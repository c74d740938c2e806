"""Same seed, same archive: for `offline`, whatever the workers, their order, or what the archive held before."""

import pytest
from helpers import Inline, Shuffled, crash, dying, finish, job, shorten_tuning, tiny

from gapsmith.agent import Archive, Budget, LocalExecutor, discover
from gapsmith.agent.search.acceptance import gate
from gapsmith.agent.search.strategies import make_portfolio


def fingerprint(run):
    """What the run decided and measured."""
    return finish(run).archive.compute_fingerprint(run.number)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The fingerprint of 30 evaluations, one after another."""
    return fingerprint(job(str(tmp_path_factory.mktemp("runs") / "a.db"), evaluations=30))


@pytest.mark.parametrize("order", [1, 2])
def test_the_order_in_which_evaluations_end_does_not_matter(place, undisturbed, order):
    """An executor that ends evaluations in any order gives the same archive as one that keeps the order."""
    with Shuffled(order) as executor:
        assert fingerprint(job(place, executor=executor, evaluations=30)) == undisturbed


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_does_not_matter(place, undisturbed, workers):
    """One, two and four real sandboxes give the same archive as the fake one."""
    with LocalExecutor(workers) as executor:
        assert fingerprint(job(place, executor=executor, evaluations=30)) == undisturbed


def test_another_seed_is_another_run(place, undisturbed):
    """The fingerprint tells runs of different seeds apart, so that equal ones mean something."""
    assert fingerprint(job(place, seed=4, evaluations=30)) != undisturbed


def test_what_the_archive_held_before_does_not_matter(place, undisturbed):
    """After runs of other seeds in the same archive, a seed still gives its own run."""
    for seed in (4, 5):
        finish(job(place, seed=seed, evaluations=30))
    assert fingerprint(job(place, evaluations=30)) == undisturbed


def test_the_same_run_twice_in_one_archive_trains_nothing_twice(place):
    """Of a program whose scores the archive has, the probe alone is run again, and the run decides as it did."""
    training = [instance.data["p"].tobytes() for instance in tiny().generate_instances("train", 3)]

    def raced(executor):
        """The jobs that start with a training instance, as races do."""
        return [each for each in executor.runner.jobs if each.calls[0]["p"].data in training]

    first, second = Inline(), Inline()
    expected = fingerprint(job(place, executor=first, evaluations=30, without=("tuning",)))
    assert fingerprint(job(place, executor=second, evaluations=30, without=("tuning",))) == expected
    again = sum(len(each.calls) for each in raced(second))
    assert 0 < again < sum(len(each.calls) for each in raced(first))


def test_discover_is_the_same_run(place, undisturbed):
    """The Python call gives the archive that the parts give."""
    run = discover(
        tiny(),
        model="offline",
        budget=Budget(evaluations=30),
        archive=place,
        executor=Inline(),
        seed=3,
        parallel=16,
        whole_budget=True,
    )
    assert fingerprint(run) == undisturbed


def test_the_report_has_the_fingerprint_of_its_run(place, undisturbed):
    """What the end of a run decides belongs to what it is known by; reporting twice changes nothing."""
    run = finish(job(place, evaluations=30))
    assert run.archive.compute_fingerprint(run.number) == undisturbed
    found = run.report().fingerprint
    assert run.report().fingerprint == found == Archive(place).compute_fingerprint(run.number)


# A run in which everything happens: six trajectories, cuts, plateaus, tuning, twins, a gate that wears out


def whole(place, **changes):
    """A run of sixty evaluations with all of it; a context in which tuning is short and the gate worn at once."""
    with pytest.MonkeyPatch.context() as patch:
        shorten_tuning(patch)
        patch.setattr(gate, "LOOKS", 1)
        run = job(place, strategies=make_portfolio(900), evaluations=60, patience=8, **changes)
        return run, crash(run)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Its fingerprint, one evaluation after another."""
    run, _ = whole(str(tmp_path_factory.mktemp("whole") / "a.db"))
    kinds = {event.kind for event in run.archive.read_events(1)}
    assert {"arms", "raced", "twin", "tuned", "gate", "refresh", "plateau"} <= kinds
    return run.archive.compute_fingerprint(1)


@pytest.mark.parametrize("order", [1])
def test_no_part_of_the_search_depends_on_the_order(place, everything, order):
    """Races, twins, tuning, cuts and the gate are decided alike, whichever trial ends first."""
    with Shuffled(order) as executor:
        assert whole(place, executor=executor)[0].archive.compute_fingerprint(1) == everything


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_part_of_the_search_depends_on_the_workers(place, everything, workers):
    """One, two and three real sandboxes decide as the fake one does."""
    with LocalExecutor(workers) as executor:
        assert whole(place, executor=executor)[0].archive.compute_fingerprint(1) == everything


@pytest.mark.parametrize("after", [90, 210])
def test_no_part_of_the_search_depends_on_a_crash(place, everything, after):
    """Wherever a run dies, it ends as if nothing had happened."""
    assert whole(place, archive=dying(Archive(place), after))[1]
    run, crashed = whole(place, number=1)
    assert not crashed
    assert run.archive.compute_fingerprint(1) == everything
