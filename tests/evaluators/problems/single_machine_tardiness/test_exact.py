"""The proofs of 1‖ΣTj against published optima and OR-Tools, and the tables behind them."""

import numpy as np
import pytest
from helpers import DATA
from oracles import cpsat_total_tardiness

from gapsmith.evaluators.problems.single_machine_tardiness.exact import job_sets, memo
from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import (
    branch_and_memorize,
    compute_total_tardiness,
)

FOLDER = DATA / "tardiness"


def published(name):
    """The instances (p, d) of a file and their optima; skips where the data is not there."""
    if not FOLDER.is_dir():
        pytest.skip(
            f"no published instances in {FOLDER.parent.name}/{FOLDER.name}; set GAPSMITH_DATA to their folder"
        )
    numbers = np.array((FOLDER / f"{name}.txt").read_text().split(), np.int64)
    size = int(numbers[0])
    pairs = numbers.reshape(-1, 1 + 2 * size)[:, 1:].reshape(-1, size, 2)
    optima = [int(word) for word in (FOLDER / f"{name}.opt").read_text().split()]
    return list(zip(pairs[:, :, 0], pairs[:, :, 1], optima, strict=True))


@pytest.mark.parametrize(
    ("name", "step"), [("n20", 1), ("n20_other", 1), ("n100", 1), ("n200", 3), ("n500", 19)]
)
def test_published_optima(name, step):
    """Every instance of 20 and 100 jobs, and a spread of those of 200 and 500, is proven to have its optimum."""
    for number, (p, d, optimum) in enumerate(published(name)[::step]):
        solved = branch_and_memorize(p, d)
        assert (solved.total, solved.proven) == (optimum, True), f"{name}-{number * step + 1}"


@pytest.mark.parametrize("size", [8, 9, 10, 11, 12])
def test_cpsat_agrees(size):
    """On random instances of 8 to 12 jobs both prove the same total, and CP-SAT's sequence has it."""
    rng = np.random.default_rng(size)
    for tightness in np.linspace(0.2, 1.0, 7):
        p = rng.integers(1, 30, size)
        d = rng.integers(int(p.sum() * (0.7 - tightness)), int(p.sum() * (1.3 - tightness)) + 1, size)
        lower, upper, sequence = cpsat_total_tardiness(p, d, 60)
        assert lower == upper == branch_and_memorize(p, d).total == compute_total_tardiness(p, d, sequence)


def test_jobs_without_length():
    """Jobs of no length cost what their start makes them late."""
    p, d = [10, 0, 10, 0], [15, 11, -13, -2]
    lower, upper, sequence = cpsat_total_tardiness(p, d, 60)
    assert lower == upper == branch_and_memorize(p, d).total == compute_total_tardiness(p, d, sequence)


def instance(size):
    """Jobs of length one whose due dates are their numbers."""
    numbers = np.arange(size)
    words = (size + 63) // 64
    shorter = np.zeros((size, words), np.int64)
    return job_sets.Jobs(np.ones(size, np.int64), numbers, numbers, numbers, shorter)


def test_sets_are_compared_in_full():
    """Each of many sets of 70 jobs in crowded slots is found at its own place, and stored once."""
    jobs, rng = instance(70), np.random.default_rng(0)
    store = job_sets.Store(np.empty(1 << 20, np.int64), np.zeros(256, np.int64), np.zeros(2, np.int64))
    sets = np.unique(np.stack([rng.integers(1, 1 << 40, 120), rng.integers(0, 64, 120)], axis=1), axis=0)
    places = [job_sets.intern(jobs, store, bits) for bits in sets]
    assert len(set(places)) == len(sets) == store.extent[job_sets.SETS]
    assert [job_sets.intern(jobs, store, bits) for bits in sets] == places
    for place, bits in zip(places, sets, strict=True):
        assert store.words[place + job_sets.HEADER_SIZE :][:2].tolist() == bits.tolist()
        assert store.words[place + job_sets.SIZE] == np.bitwise_count(bits).sum()


def test_a_full_store_says_so():
    """A set that has no room is refused, and one that is there is still found."""
    jobs = instance(4)
    store = job_sets.Store(np.empty(80, np.int64), np.zeros(8, np.int64), np.zeros(2, np.int64))
    first = job_sets.intern(jobs, store, np.array([3]))
    assert job_sets.intern(jobs, store, np.array([5])) == job_sets.NO_ROOM
    assert job_sets.intern(jobs, store, np.array([3])) == first


def test_set_and_time_are_compared_in_full():
    """Rows are found by set and start time both, all slots but one being taken, and strangers are not."""
    table = memo.Memo(np.zeros((15, memo.ROW_SIZE), np.int64), np.zeros(16, np.int32))
    keys = [(set_, time) for set_ in (0, 1 << 40, 7) for time in (-5, 0, 5, 1 << 33, (1 << 33) + 16)]
    table.rows[:, : memo.VALUE] = keys
    memo.place_all(table, len(keys))
    assert [memo.find(table, set_, time) for set_, time in keys] == list(range(len(keys)))
    assert memo.find(table, 7, 6) == memo.find(table, 8, 5) == memo.MISSING


def test_bits_up_to_a_job():
    """The mask of a word holds the jobs up to one, at the edges of words too."""
    for job in (0, 1, 62, 63, 64, 127):
        masks = [job_sets.mask_jobs(job, word) for word in range(2)]
        members = [number for number in range(128) if masks[number >> 6] >> (number & 63) & 1]
        assert members == list(range(job + 1))
