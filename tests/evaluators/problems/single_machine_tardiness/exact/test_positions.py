"""Positions of the longest job of a list: one of those that are kept is always optimal."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_tardiness.exact.job_sets import (
    RECORD_SIZE,
    Jobs,
    write_positions,
)
from gapsmith.evaluators.problems.single_machine_tardiness.exact.positions import (
    CANDIDATE_SIZE,
    INDEX,
    READY,
    compute_tardiness,
    write_candidates,
)

JOBS = st.lists(st.tuples(st.integers(1, 10), st.integers(0, 40)), min_size=1, max_size=6)


def instance(jobs):
    """An instance, its jobs in EDD order; sets of shorter jobs are not used here."""
    ordered = sorted((d, p) for p, d in jobs)
    due, processing = np.array([d for d, _ in ordered]), np.array([p for _, p in ordered])
    by_length, n = np.lexsort((due, processing)), len(ordered)
    rank = np.empty(n, np.int64)
    rank[by_length] = np.arange(n)
    return Jobs(processing, due, by_length, rank, np.zeros((n, 1), np.int64))


def least(jobs, chosen, time):
    """The least total of some jobs from a start, over all sequences."""
    best = None
    for order in itertools.permutations(chosen):
        moment, total = time, 0
        for job in order:
            moment += int(jobs.processing[job])
            total += max(0, moment - int(jobs.due[job]))
        best = total if best is None else min(best, total)
    return best


def candidates(jobs, time):
    """The positions that the longest of all jobs may have to take at a start, and when it is done there."""
    n = len(jobs.due)
    words, pad = (
        np.zeros(n * (1 + RECORD_SIZE) + RECORD_SIZE, np.int64),
        np.zeros(n * CANDIDATE_SIZE, np.int64),
    )
    words[:n] = np.arange(n)
    moved = int(np.argmax(jobs.rank))
    count = write_positions(jobs, words[:n], moved, words[n:])
    end = n + count * RECORD_SIZE
    kept = write_candidates(jobs, words, 0, moved, time, n, end, pad, 0)
    rows = pad[: kept * CANDIDATE_SIZE].reshape(-1, CANDIDATE_SIZE)
    return moved, [(int(row[INDEX]), int(row[READY])) for row in rows]


@settings(max_examples=60, deadline=None)
@given(JOBS, st.integers(0, 30))
def test_some_candidate_is_optimal(rows, time):
    """With exactly the jobs up to a candidate before the longest one, the least total is reached."""
    jobs = instance(rows)
    n = len(rows)
    moved, found = candidates(jobs, time)
    totals = []
    for position, ready in found:
        before = [job for job in range(position + 1) if job != moved]
        after = list(range(position + 1, n))
        first = least(jobs, before, time) + max(0, ready - int(jobs.due[moved]))
        totals.append(first + least(jobs, after, ready))
    assert min(totals) == least(jobs, range(n), time)


@settings(max_examples=60, deadline=None)
@given(JOBS, st.integers(0, 30))
def test_candidates_are_ordered_places_of_the_job_or_later(rows, time):
    """Positions ascend from the job's own place on, and each says when the jobs up to it are done."""
    jobs = instance(rows)
    moved, found = candidates(jobs, time)
    places = [position for position, _ in found]
    assert places == sorted(set(places))
    assert places[0] >= moved
    assert all(ready == time + int(jobs.processing[: position + 1].sum()) for position, ready in found)


@settings(max_examples=30, deadline=None)
@given(st.integers(-100, 100), st.integers(-100, 100))
def test_lateness_is_never_negative(completion, due):
    """A job that is early has a tardiness of 0, a late one the difference."""
    assert compute_tardiness(completion, due) == (completion - due if completion > due else 0)
