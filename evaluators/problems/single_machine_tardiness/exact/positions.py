"""Possible positions of the longest or most urgent job.

Of a block, given when the block starts.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.single_machine_tardiness.exact.job_sets import (
    AFTER,
    JOB,
    LENGTH_UP_TO,
    POSITION,
    RECORD_SIZE,
    UNTIL,
    Jobs,
)
from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

INDEX, BEFORE, READY, KNOWN, CANDIDATE_SIZE = range(5)
"""A candidate: position, the last job before the moved one, the time when these are done (with the moved one for L,
without F for F), and the value of the block on the far side, MISSING while unknown."""


@compile_kernel
def compute_tardiness(completion: int, due: int) -> int:
    """Returns the tardiness of one job."""
    return max(0, completion - due)


@compile_kernel
def write_candidates(
    jobs: Jobs,
    words: Integers,
    chosen: int,
    moved: int,
    time: int,
    records: int,
    end: int,
    pad: Integers,
    at: int,
) -> int:
    """Writes the possible positions of a list's longest job.

    They hold for a given start. Besides the conditions of the records, a position is struck out if an earlier one
    is no worse when nothing but the job is moved in the EDD order (Szwarc, Grosso and Della Croce 2001).

    Args:
        jobs: the instance.
        words: the store of sets.
        chosen: where in it the list is.
        moved: the place of its longest job.
        time: when the list starts.
        records: where the records of its positions are; see `job_sets`.
        end: where they end.
        pad: receives the candidates, KNOWN left to the caller.
        at: from here on.

    Returns:
        The number of candidates.
    """
    processing, dues = jobs.processing, jobs.due
    top = at
    for record in range(records, end, RECORD_SIZE):
        if words[record + AFTER] < time <= words[record + UNTIL]:
            pad[top + INDEX] = words[record + POSITION]
            pad[top + BEFORE] = words[record + JOB]
            pad[top + READY] = time + words[record + LENGTH_UP_TO]
            top += CANDIDATE_SIZE
    if top <= at + CANDIDATE_SIZE:
        return (top - at) // CANDIDATE_SIZE
    longest, due = processing[words[chosen + moved]], dues[words[chosen + moved]]
    position, completion = moved, time + words[records + LENGTH_UP_TO]
    start, change, lowest, kept = compute_tardiness(completion, due), 0, 0, at
    for candidate in range(at, top, CANDIDATE_SIZE):
        index = pad[candidate + INDEX]
        while position < index:
            position += 1
            job = words[chosen + position]
            completion += processing[job]
            change += compute_tardiness(completion - longest, dues[job]) - compute_tardiness(
                completion, dues[job]
            )
            if position < index:
                lowest = min(lowest, change + compute_tardiness(completion, due) - start)
        total = change + compute_tardiness(completion, due) - start
        if total < lowest or position == moved:
            lowest = total
            for field in range(CANDIDATE_SIZE):
                pad[kept + field] = pad[candidate + field]
            kept += CANDIDATE_SIZE
    return (kept - at) // CANDIDATE_SIZE
