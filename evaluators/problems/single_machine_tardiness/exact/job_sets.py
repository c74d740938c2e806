"""Sets of jobs that the search meets, each kept once.

With everything that does not depend on the start time.

The same set comes back at hundreds of start times, so that its lists, its candidate positions and its two quick
tests are computed the first time and cost almost nothing afterwards.

Jobs are numbered in EDD order, by (due date, processing time, id), and compared in length by their rank in the order
(processing time, due date, id). Both orders are total and agree on ties, so that no proof depends on ties.

A set stands in the store as a header, its bits, its jobs ascending, those of them no longer than the first (the most
urgent one), and then records of the positions that the longest and the most urgent job may have to take.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

SIZE, LONGEST, SHORTER_COUNT, FIRST_SLACK, SECOND_SLACK, HOPELESS, SPT_TOTAL = range(7)
JOBS_AT, SHORTER_AT, LAST_AT, LAST_COUNT, FIRST_AT, FIRST_COUNT, SET_LENGTH = range(7, 14)
HEADER_SIZE = 14

POSITION, JOB, LENGTH_UP_TO, AFTER, UNTIL, RECORD_SIZE = range(6)
"""A record: exactly the jobs up to POSITION, the last of which is JOB, go before the moved one. LENGTH_UP_TO is their
processing time, its own included. It matters for start times t with AFTER < t <= UNTIL."""

FAR = 1 << 60
NO_ROOM = -2

USED, SETS = 0, 1
"""Fields of `extent`: words of the store in use, and sets in it."""


class Jobs(NamedTuple):
    """An instance, its jobs numbered in EDD order.

    Attributes:
        processing: processing times, at least 1, shape (n,).
        due: due dates, not decreasing, shape (n,).
        by_length: jobs by (processing time, due date, id), shape (n,).
        rank: place in `by_length`, by job, shape (n,).
        shorter: bits of the jobs of lower rank, by job, shape (n, words).
    """

    processing: Integers
    due: Integers
    by_length: Integers
    rank: Integers
    shorter: Integers


class Store(NamedTuple):
    """The sets.

    Attributes:
        words: one set after the other; as long as it must be.
        slots: places in `words` plus one, zero where free; the length is a power of two.
        extent: words used, and sets.
    """

    words: Integers
    slots: Integers
    extent: Integers


@compile_kernel
def mask_jobs(job: int, word: int) -> int:
    """Returns the bits of a word for jobs up to `job`."""
    if word < job >> 6:
        return -1
    if word > job >> 6:
        return 0
    return (2 << (job & 63)) - 1


@compile_kernel
def find_slot(words: Integers, start: int, width: int, mask: int) -> int:
    """Returns the first slot to look at for a set.

    The bits of the set are `width` words from `start`.
    """
    mixed = 0
    for word in range(start, start + width):
        mixed = (mixed ^ words[word]) * 0x2545F4914F6CDD1D
        mixed ^= mixed >> 29
    slot: int = mixed & mask
    return slot


@compile_kernel
def write_positions(jobs: Jobs, chosen: Integers, moved: int, records: Integers) -> int:
    """Records the possible positions of the longest job of a list.

    They hold for all start times. By Lawler (1977) there is a position r, at or after the job's own, such that
    exactly the jobs up to r precede it in an optimal sequence. With C(r) the time when these are done, r is struck
    out if C(r) > d(r+1), since going one further is as good then, or if C(r) <= d(i) + p(i) for a job i strictly
    between the job's place and r, since a place before i is (Potts and Van Wassenhove 1982; Szwarc, Grosso and
    Della Croce 2001).

    Args:
        jobs: the instance.
        chosen: the list, ascending.
        moved: the place of its longest job.
        records: receives the records; room for one per job.

    Returns:
        The number of records.
    """
    length, reach, at = 0, -FAR, 0
    for position in range(moved):
        length += jobs.processing[chosen[position]]
    for position in range(moved, chosen.size):
        job = chosen[position]
        length += jobs.processing[job]
        after = reach - length if position >= moved + 2 else -FAR
        until = jobs.due[chosen[position + 1]] - length if position + 1 < chosen.size else FAR
        if after < until:
            records[at + POSITION], records[at + JOB], records[at + LENGTH_UP_TO] = position, job, length
            records[at + AFTER], records[at + UNTIL] = after, until
            at += RECORD_SIZE
        if position > moved:
            reach = max(reach, jobs.due[job] + jobs.processing[job])
    return at // RECORD_SIZE


@compile_kernel
def write_quick_tests(jobs: Jobs, set_: Integers, words: Integers) -> None:
    """Writes the start times for which EDD or SPT is optimal.

    EDD is optimal up to the first, SPT from the second. EDD is optimal with at most one tardy job, for it minimises
    the largest tardiness. The job of slack s, its due date less its EDD completion from time zero, is tardy when
    the start is after s. SPT is optimal when every job is tardy wherever it stands.

    Args:
        jobs: the instance.
        set_: the set, its jobs given.
        words: its bits.
    """
    first, second, hopeless, length = FAR, FAR, -FAR, 0
    for job in set_[set_[JOBS_AT] : set_[JOBS_AT] + set_[SIZE]]:
        length += jobs.processing[job]
        slack = jobs.due[job] - length
        if slack < first:
            first, second = slack, first
        elif slack < second:
            second = slack
        hopeless = max(hopeless, jobs.due[job] - jobs.processing[job])
    length, total = 0, 0
    for job in jobs.by_length:
        if words[job >> 6] >> (job & 63) & 1:
            length += jobs.processing[job]
            total += length - jobs.due[job]
    set_[FIRST_SLACK], set_[SECOND_SLACK], set_[HOPELESS], set_[SPT_TOTAL] = first, second, hopeless, total


@compile_kernel
def describe_set(jobs: Jobs, words: Integers, set_: Integers) -> None:
    """Writes a set into its place in the store.

    Args:
        jobs: the instance.
        words: the set's bits; not empty.
        set_: where it goes; long enough for any set.
    """
    at, size, longest = HEADER_SIZE, 0, 0
    for word in words:
        set_[at] = word
        at += 1
    set_[JOBS_AT] = at
    for job in range(jobs.rank.size):
        if words[job >> 6] >> (job & 63) & 1:
            set_[at + size] = job
            if jobs.rank[job] > jobs.rank[set_[at + longest]]:
                longest = size
            size += 1
    chosen = set_[at : at + size]
    at += size
    set_[SIZE], set_[LONGEST], set_[SHORTER_AT] = size, longest, at
    shorter = 0
    for job in chosen:
        if jobs.rank[job] <= jobs.rank[chosen[0]]:
            set_[at + shorter] = job
            shorter += 1
    set_[SHORTER_COUNT] = shorter
    at += shorter
    set_[LAST_AT] = at
    set_[LAST_COUNT] = write_positions(jobs, chosen, longest, set_[at:])
    at += set_[LAST_COUNT] * RECORD_SIZE
    set_[FIRST_AT] = at
    set_[FIRST_COUNT] = write_positions(jobs, set_[set_[SHORTER_AT] : set_[LAST_AT]], 0, set_[at:])
    set_[SET_LENGTH] = at + set_[FIRST_COUNT] * RECORD_SIZE
    write_quick_tests(jobs, set_, words)


@compile_kernel
def intern(jobs: Jobs, store: Store, bits: Integers) -> int:
    """Returns the place of a set in the store.

    A new set is added.

    Args:
        jobs: the instance.
        store: the sets so far.
        bits: the set, compared in full; not empty.

    Returns:
        The place, or NO_ROOM.
    """
    words, slots, extent = store.words, store.slots, store.extent
    mask = slots.size - 1
    slot = find_slot(bits, 0, bits.size, mask)
    while slots[slot] != 0:
        place: int = slots[slot] - 1
        word = 0
        while word < bits.size and words[place + HEADER_SIZE + word] == bits[word]:
            word += 1
        if word == bits.size:
            return place
        slot = (slot + 1) & mask
    place = extent[USED]
    # Jobs and those shorter: two words a job at most; records of either list: RECORD_SIZE a job.
    most = HEADER_SIZE + bits.size + (2 + 2 * RECORD_SIZE) * jobs.rank.size
    if place + most > words.size or 2 * (extent[SETS] + 1) > slots.size:
        return NO_ROOM
    slots[slot] = place + 1
    describe_set(jobs, bits, words[place : place + most])
    extent[USED] += words[place + SET_LENGTH]
    extent[SETS] += 1
    return place


@compile_kernel
def place_all(store: Store, width: int) -> None:
    """Enters all sets into empty slots.

    A set's bits take `width` words.
    """
    mask, place = store.slots.size - 1, 0
    while place < store.extent[USED]:
        start = place + HEADER_SIZE
        slot = find_slot(store.words, start, width, mask)
        while store.slots[slot] != 0:
            slot = (slot + 1) & mask
        store.slots[slot] = place + 1
        place += store.words[place + SET_LENGTH]


@compile_kernel
def evaluate_sorted(words: Integers, place: int, time: int) -> int:
    """Returns the value of a block that EDD or SPT solves.

    It is -1 for other blocks. The block's set is given by its place in the store.
    """
    value: int = -1
    if time <= words[place + SECOND_SLACK]:
        value = max(0, time - words[place + FIRST_SLACK])
    elif time >= words[place + HOPELESS]:
        value = words[place + SPT_TOTAL] + words[place + SIZE] * time
    return value
