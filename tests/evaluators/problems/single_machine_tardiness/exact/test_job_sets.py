"""The store of job sets: what it says of each set is true, at every start time."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_tardiness.exact.job_sets import (
    HEADER_SIZE,
    NO_ROOM,
    SETS,
    USED,
    Jobs,
    Store,
    evaluate_sorted,
    intern,
    mask_jobs,
    place_all,
)

JOBS = st.lists(st.tuples(st.integers(1, 12), st.integers(-10, 50)), min_size=1, max_size=6)


def instance(jobs):
    """An instance as the search has it, its jobs in EDD order."""
    ordered = sorted((d, p) for p, d in jobs)
    due, processing = np.array([d for d, _ in ordered]), np.array([p for _, p in ordered])
    by_length, n = np.lexsort((due, processing)), len(ordered)
    rank = np.empty(n, np.int64)
    rank[by_length] = np.arange(n)
    shorter = [[sum(1 << int(k) for k in by_length[: rank[job]])] for job in range(n)]
    return Jobs(processing, due, by_length, rank, np.array(shorter, np.int64).reshape(n, 1))


def empty_store(words=4000, slots=256):
    """A store without sets."""
    return Store(np.zeros(words, np.int64), np.zeros(slots, np.int64), np.zeros(2, np.int64))


def subsets(n):
    """All sets of jobs but the empty one, as bits."""
    return [np.array([bits], np.int64) for bits in range(1, 1 << n)]


def least(jobs, bits, time):
    """The least total tardiness of a set from a start, over all sequences."""
    chosen = [job for job in range(len(jobs.due)) if bits >> job & 1]
    best = None
    for order in itertools.permutations(chosen):
        moment, total = time, 0
        for job in order:
            moment += int(jobs.processing[job])
            total += max(0, moment - int(jobs.due[job]))
        best = total if best is None else min(best, total)
    return best


@settings(max_examples=40, deadline=None)
@given(JOBS)
def test_each_set_stands_once(jobs):
    """The same set has the same place, other sets have others, and the count is theirs."""
    found, store = instance(jobs), empty_store()
    places = [intern(found, store, bits) for bits in subsets(len(jobs))]
    assert len(set(places)) == len(places) == store.extent[SETS]
    assert [intern(found, store, bits) for bits in subsets(len(jobs))] == places
    assert [store.words[place + HEADER_SIZE] for place in places] == list(range(1, 1 << len(jobs)))


@settings(max_examples=30, deadline=None)
@given(JOBS)
def test_all_sets_are_found_in_other_slots(jobs):
    """Entered into a larger table of slots, every set is still at its place."""
    found, store = instance(jobs), empty_store()
    places = [intern(found, store, bits) for bits in subsets(len(jobs))]
    larger = Store(store.words, np.zeros(1024, np.int64), store.extent)
    place_all(larger, 1)
    used = int(store.extent[USED])
    assert [intern(found, larger, bits) for bits in subsets(len(jobs))] == places
    assert larger.extent[USED] == used


@settings(max_examples=25, deadline=None)
@given(JOBS, st.integers(0, 60))
def test_quick_tests_give_the_least_total(jobs, time):
    """Where EDD or SPT is said to solve a set from a start, its value is the least over all sequences."""
    found, store = instance(jobs), empty_store()
    for bits in subsets(len(jobs)):
        value = evaluate_sorted(store.words, intern(found, store, bits), time)
        assert value in (-1, least(found, int(bits[0]), time))


def test_sets_of_early_and_of_late_jobs_are_quick():
    """Where all jobs are on time the value is 0; where all are late whatever the order, it is that of SPT."""
    found, store = instance([(3, 100), (2, 100), (4, 100)]), empty_store()
    place = intern(found, store, np.array([7], np.int64))
    assert evaluate_sorted(store.words, place, 0) == 0
    assert evaluate_sorted(store.words, place, 200) == (202 + 205 + 209) - 300


def test_a_full_store_says_so():
    """Neither too few words nor too few slots are written beyond."""
    found = instance([(3, 1), (2, 5), (4, 9)])
    assert intern(found, empty_store(words=10), np.array([7], np.int64)) == NO_ROOM
    crowded = empty_store(slots=4)
    places = [intern(found, crowded, bits) for bits in subsets(3)]
    assert places[:2] == [0, places[1]]
    assert set(places[2:]) == {NO_ROOM}
    assert crowded.extent[SETS] == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 190), st.integers(0, 2))
def test_masks_hold_the_jobs_up_to_one(job, word):
    """A bit of the mask is set exactly for the jobs of this word that are not after the given one."""
    mask = int(mask_jobs(job, word)) & (2**64 - 1)
    assert mask == sum(1 << k for k in range(64) if 64 * word + k <= job)
