"""Proven optima of 1‖ΣTj, each with its sequence.

The cost of every sequence is computed again.
"""

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, GapsmithError

Integers: TypeAlias = "NDArray[np.int64]"
IntegerList: TypeAlias = "Sequence[int] | NDArray[np.integer]"

SLICE_NODES = 50_000
"""Nodes of a hundred jobs between two looks at the clock: some tens of milliseconds."""

MOST_PRICES, FEWEST_PRICES = 10**9, 10**8
"""Places that a descent without the exact search prices, by the time it has; see `descend`."""

MEMORY_BYTES = 1 << 30
"""What the table may grow to. A full table forgets everything and goes on: slower, still exact."""

LARGEST_TOTAL = 1 << 60
"""Totals must stay below: the kernels compute in 64 bits."""


@dataclass(frozen=True)
class Solved:
    """The result of the search.

    Attributes:
        sequence: job numbers in processing order; a heuristic's if nothing is proven.
        total: total tardiness of `sequence`.
        proven: whether no sequence has less.
        nodes: blocks that were looked into.
    """

    sequence: list[int]
    total: int
    proven: bool
    nodes: int


def compute_total_tardiness(p: IntegerList, d: IntegerList, sequence: Sequence[int]) -> int:
    """Prices a sequence of all jobs, started at time zero."""
    completion = total = 0
    for job in sequence:
        completion += int(p[job])
        total += max(0, completion - int(d[job]))
    return total


def branch_and_memorize(
    p: IntegerList, d: IntegerList, seconds: float = 60.0, memory_bytes: int = MEMORY_BYTES
) -> Solved:
    """Solves 1‖ΣTj by branch and memorize.

    The method is that of Shang, T'kindt and Della Croce (2021).

    Args:
        p: processing times, integers of at least 0, shape (n,).
        d: due dates, integers of either sign, shape (n,).
        seconds: limit of CPU time of this thread; looked at every `SLICE_NODES` nodes, compilation not counted.
        memory_bytes: limit of the table of solved blocks.

    Raises:
        GapsmithError: the arguments are not such integers.
        AssertionError: the sequence does not cost what the search claims: a bug in this module.
    """
    processing, due = _check_arguments(p, d)
    instant = [int(job) for job in np.flatnonzero(processing == 0)]
    jobs = np.flatnonzero(processing)
    jobs = jobs[np.lexsort((jobs, processing[jobs], due[jobs]))]
    if not jobs.size:
        return Solved(instant, compute_total_tardiness(p, d, instant), True, 0)
    _compile()
    search = _Search(processing[jobs], due[jobs], time.thread_time() + seconds, memory_bytes)
    try:
        value, order = search.solve()
    except _OutOfTime:
        prices = int(min(MOST_PRICES, max(FEWEST_PRICES, FEWEST_PRICES * seconds)))
        sequence = descend(p, d, sequence_by_mdd(p, d), prices)
        return Solved(sequence, compute_total_tardiness(p, d, sequence), False, search.nodes)
    # A job without length delays no other job and is best at the start.
    sequence = instant + [int(jobs[number]) for number in order]
    total = compute_total_tardiness(p, d, sequence)
    claimed = value + compute_total_tardiness(p, d, instant)
    if total != claimed or sorted(sequence) != list(range(len(p))):
        raise AssertionError(
            f"bug in branch and memorize: claims {claimed}, its sequence costs {total}; please report"
        )
    return Solved(sequence, total, True, search.nodes)


def _check_arguments(p: IntegerList, d: IntegerList) -> tuple[Integers, Integers]:
    processing, due = np.asarray(p), np.asarray(d)
    if processing.ndim != 1 or processing.shape != due.shape:
        raise GapsmithError(
            f"p has shape {processing.shape} and d {due.shape}; expected one number per job in each"
        )
    if processing.size and not all(np.issubdtype(values.dtype, np.integer) for values in (processing, due)):
        raise GapsmithError(f"p is {processing.dtype} and d is {due.dtype}; expected integers")
    if (processing < 0).any():
        raise GapsmithError(f"job {int(np.argmin(processing))} takes {processing.min()}; expected at least 0")
    largest = sum(processing.tolist()) + max((abs(value) for value in due.tolist()), default=0)
    if largest * processing.size >= LARGEST_TOTAL:
        raise GapsmithError(
            f"{processing.size} jobs of tardiness up to {largest} exceed 2^60 in total; scale the numbers down"
        )
    return processing.astype(np.int64), due.astype(np.int64)


@functools.cache
def _compile() -> None:
    """Compiles or loads what a search needs.

    No instance's time limit is then spent on it.
    """
    _Search(np.array([9, 8, 7, 5, 4]), np.array([1, 5, 9, 12, 20]), np.inf, MEMORY_BYTES).warm_up()


class _OutOfTime(Exception):
    """The limit has passed."""


class _Search:
    """The arrays of one search, and the walk over blocks.

    Jobs are in EDD order throughout.
    """

    def __init__(self, processing: Integers, due: Integers, deadline: float, memory_bytes: int) -> None:
        from gapsmith.evaluators.problems.single_machine_tardiness.exact import branching, job_sets, memo
        from gapsmith.evaluators.problems.single_machine_tardiness.exact import positions as candidates

        self._kernel, self._sets, self._memo = branching, job_sets, memo
        self._deadline = deadline
        size = processing.size
        self._slice = max(50, min(SLICE_NODES, SLICE_NODES * 100**2 // max(1, size**2)))
        words = (size + 63) // 64
        by_length = np.lexsort((due, processing))
        rank = np.empty(size, np.int64)
        rank[by_length] = np.arange(size)
        ones = np.zeros((size, words), np.int64)
        ones[np.arange(size), by_length >> 6] = np.left_shift(1, by_length & 63)
        shorter = np.zeros((size, words), np.int64)
        shorter[by_length[1:]] = np.bitwise_or.accumulate(ones)[:-1]
        self._jobs = job_sets.Jobs(processing, due, by_length, rank, shorter)
        # Virtual memory: only the pages that a search touches are ever taken.
        frames = np.zeros((size + 2, branching.FRAME_SIZE), np.int64)
        # A block has at most two candidates a job, and those of the next depth have fewer jobs.
        pad = np.empty((size + 2) ** 2 * candidates.CANDIDATE_SIZE, np.int64)
        state = np.zeros(branching.STATE_SIZE, np.int64)
        self._stack = branching.Stack(state, frames, pad, np.zeros(words, np.int64))
        self._longest_set = job_sets.HEADER_SIZE + words + (2 + 2 * job_sets.RECORD_SIZE) * size
        self._renew_store(16 * self._longest_set, 1024)
        self._renew_memo(1024)
        self._share = memory_bytes // 2  # half for the sets, half for the values

    @property
    def nodes(self) -> int:
        """Blocks branched on so far."""
        return int(self._stack.state[self._kernel.NODES])

    def warm_up(self) -> None:
        """Runs everything that is compiled once."""
        self.solve()
        self._enlarge_memo()
        self._enlarge_store()

    def solve(self) -> tuple[int, list[int]]:
        """Returns the least total tardiness from time zero, and its sequence."""
        everything = np.arange(self._jobs.due.size)
        return self._value(self._cut_on_time(everything, 0), 0), list(self._order(everything, 0))

    def _order(self, block: Integers, begin: int) -> Iterator[int]:
        """Walks down the choices, in the order of processing."""
        pending: list[tuple[Integers, int, bool]] = [(block, begin, False)]
        while pending:
            block, begin, ordered = pending.pop()
            if ordered or block.size <= 1:
                yield from block.tolist()
                continue
            late = self._cut_on_time(block, begin)
            pending.append((block[late.size :], begin, True))
            if late.size:
                self._value(late, begin)
                pending.extend(reversed(self._split_block(late, begin)))

    def _split_block(self, block: Integers, begin: int) -> list[tuple[Integers, int, bool]]:
        """Splits a solved block by its choice.

        The pieces are in the order of processing, each with its start and whether it is ordered.
        """
        kernel, rank = self._kernel, self._jobs.rank
        top = self._stack.frames[0]
        row = self._memo.find(self._values, top[kernel.BLOCK], begin)
        if row == self._memo.MISSING:
            set_ = self._store.words[top[kernel.BLOCK] :]
            by_due_date = begin <= set_[self._sets.SECOND_SLACK]
            return [(block if by_due_date else block[np.argsort(rank[block])], begin, True)]
        position, index = divmod(int(self._values.rows[row, self._memo.CHOICE]), kernel.PAIR)
        longest, urgent = block[np.argmax(rank[block])], block[0]
        shorter = block[rank[block] <= rank[urgent]]
        first, left = block[:1], shorter[1 : index + 1]
        if longest == urgent:
            first = left = block[:0]
        last = np.array([longest])
        middle = np.setdiff1d(block[: position + 1], np.concatenate([left, first, last]))
        pieces = []
        for piece, ordered in (
            (left, False),
            (first, True),
            (middle, False),
            (last, True),
            (block[position + 1 :], False),
        ):
            pieces.append((piece, begin, ordered))
            begin += int(self._jobs.processing[piece].sum())
        return pieces

    def _cut_on_time(self, block: Integers, begin: int) -> Integers:
        """Returns a block without its last jobs that are on time.

        These jobs, the last by due date, can stay at its end.
        """
        size, end = block.size, begin + int(self._jobs.processing[block].sum())
        while size and self._jobs.due[block[size - 1]] >= end:
            size -= 1
            end -= int(self._jobs.processing[block[size]])
        return block[:size]

    def _value(self, block: Integers, begin: int) -> int:
        """Returns the value of a block, searched for if it is unknown."""
        if not block.size:
            return 0
        kernel, stack = self._kernel, self._stack
        bits = np.zeros_like(stack.bits)
        self._write_bits(block, bits)
        frame = stack.frames[0]
        while (
            value := kernel.look_up(self._jobs, self._store, self._values, bits, begin, stack.frames, 0)
        ) < 0:
            if value == self._sets.NO_ROOM:
                self._enlarge_store()
                continue
            frame[kernel.TOP], stack.state[kernel.DEPTH], stack.state[kernel.FRESH] = 0, 0, 1
            self._run()
        return int(value)

    @staticmethod
    def _write_bits(jobs: Integers, words: Integers) -> None:
        np.bitwise_or.at(words, jobs >> 6, np.left_shift(1, jobs & 63))

    def _run(self) -> None:
        """Searches in slices.

        Between slices the clock is read and the tables can grow.
        """
        kernel = self._kernel
        while True:
            budget = self.nodes + self._slice
            ending = kernel.search_blocks(self._jobs, self._store, self._values, self._stack, budget)
            if ending == kernel.DONE:
                return
            if ending == kernel.MEMO_FULL:
                self._enlarge_memo()
            elif ending == kernel.STORE_FULL:
                self._enlarge_store()
            if time.thread_time() > self._deadline:
                raise _OutOfTime

    def _renew_memo(self, capacity: int) -> None:
        rows = np.empty((capacity, self._memo.ROW_SIZE), np.int64)
        self._values = self._memo.Memo(rows, np.zeros(_round_to_power(2 * capacity), np.int32))

    def _clear_memo(self) -> None:
        """Forgets all values: that costs time, not truth."""
        self._stack.state[self._kernel.ROWS] = 0
        self._values.slots[:] = 0

    def _enlarge_memo(self) -> None:
        """Quadruples the memo, or empties it at its memory limit."""
        old, used = self._values.rows, int(self._stack.state[self._kernel.ROWS])
        if 4 * old.nbytes > self._share:
            self._clear_memo()
            return
        self._renew_memo(4 * old.shape[0])
        self._values.rows[:used] = old[:used]
        self._memo.place_all(self._values, used)

    def _renew_store(self, length: int, slots: int) -> None:
        extent = np.zeros(2, np.int64)
        self._store = self._sets.Store(np.empty(length, np.int64), np.zeros(slots, np.int64), extent)

    def _enlarge_store(self) -> None:
        """Enlarges the store of sets, or rebuilds it at its memory limit.

        In the second case only the sets on the stack are kept, and all values are forgotten.
        """
        old = self._store
        used, sets = (int(count) for count in old.extent)
        crowded = 2 * (sets + 1) > old.slots.size
        if crowded or 2 * old.words.nbytes <= self._share:
            factor, slots_factor = (1, 4) if crowded else (2, 1)
            self._renew_store(factor * old.words.size, slots_factor * old.slots.size)
            self._store.words[:used] = old.words[:used]
            self._store.extent[:] = old.extent
            self._sets.place_all(self._store, self._stack.bits.size)
            return
        self._clear_memo()
        width, blocks = self._stack.bits.size, self._stack.frames[: self._stack.state[self._kernel.DEPTH] + 1]
        places = [int(place) for place in blocks[:, self._kernel.BLOCK]]
        needed = sum(int(old.words[place + self._sets.SET_LENGTH]) for place in places)
        self._renew_store(max(old.words.size, 2 * needed + self._longest_set), old.slots.size)
        for frame, place in zip(blocks, places, strict=True):
            bits = old.words[place + self._sets.HEADER_SIZE :][:width]
            frame[self._kernel.BLOCK] = self._sets.intern(self._jobs, self._store, bits)


def _round_to_power(number: int) -> int:
    return 1 << (number - 1).bit_length()


def sequence_by_mdd(p: IntegerList, d: IntegerList) -> list[int]:
    """Builds a sequence by the rule of Baker and Bertrand (1982).

    The next job is always that of least max(time + p, d), the shorter one on ties.
    """
    processing, due = np.asarray(p), np.asarray(d)
    waiting = np.lexsort((due, processing))
    moment, sequence = 0, []
    while waiting.size:
        place = int(np.argmin(np.maximum(moment + processing[waiting], due[waiting])))
        sequence.append(int(waiting[place]))
        moment += int(processing[waiting[place]])
        waiting = np.delete(waiting, place)
    return sequence


def descend(p: IntegerList, d: IntegerList, sequence: Sequence[int], prices: int = MOST_PRICES) -> list[int]:
    """Moves single jobs to their best places until no move helps.

    The number of places that are priced is limited.
    """
    from gapsmith.evaluators.problems.single_machine_tardiness.exact.descent import descend_by_insertion

    order = np.asarray(sequence, np.int64)
    processing, due = np.asarray(p, np.int64), np.asarray(d, np.int64)
    descend_by_insertion(processing, due, order, np.empty_like(order), prices // max(1, order.size))
    return [int(job) for job in order]


def bound_by_sorting(p: IntegerList, d: IntegerList) -> int:
    """Returns a bound on total tardiness without any search.

    SPT's completion times are compared with the due dates, both sorted. The k-th completion of any sequence is at
    least SPT's k-th, and pairing sorted with sorted costs least. EDD's largest tardiness is the least possible, so
    it bounds the total as well.
    """
    processing, due = np.asarray(p, np.int64), np.asarray(d, np.int64)
    paired = np.maximum(0, np.cumsum(np.sort(processing)) - np.sort(due)).sum()
    edd = np.argsort(due, kind="stable")
    largest = np.maximum(0, np.cumsum(processing[edd]) - due[edd]).max(initial=0)
    return int(max(paired, largest))


def solve_total_tardiness(p: IntegerList, d: IntegerList, seconds: float) -> Baseline:
    """Solves within the CPU limit, or returns bounds and a sequence."""
    _compile()
    start = time.thread_time()
    solved = branch_and_memorize(p, d, seconds)
    lower = solved.total if solved.proven else bound_by_sorting(p, d)
    solver = "branch-and-memorize" if solved.total == lower else "descent"
    return Baseline(lower, solved.total, solved.sequence, solver, time.thread_time() - start)
