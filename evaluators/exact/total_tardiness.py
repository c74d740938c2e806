"""Proven optima of 1‖ΣTj, each with its sequence, priced again before it is believed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Trouble

Integers: TypeAlias = "NDArray[np.int64]"
Numbers: TypeAlias = "Sequence[int] | NDArray[np.integer]"

SLICE_NODES = 50_000
"""Nodes between two looks at the clock: some tens of milliseconds."""

MEMORY_BYTES = 1 << 30
"""What the table may grow to. A full table forgets everything and goes on: slower, still exact."""


@dataclass(frozen=True)
class Solved:
    """What the search found.

    Attributes:
        sequence: job numbers in processing order; a heuristic's where nothing is proven.
        total: total tardiness of `sequence`.
        proven: whether no sequence has less.
        nodes: blocks that were looked into.
    """

    sequence: list[int]
    total: int
    proven: bool
    nodes: int


def total_tardiness(p: Numbers, d: Numbers, sequence: Sequence[int]) -> int:
    """Prices a sequence of all jobs, started at time zero."""
    completion = total = 0
    for job in sequence:
        completion += int(p[job])
        total += max(0, completion - int(d[job]))
    return total


def branch_and_memorize(
    p: Numbers, d: Numbers, seconds: float = 60.0, memory_bytes: int = MEMORY_BYTES
) -> Solved:
    """Solves 1‖ΣTj by branch and memorize (Shang, T'kindt, Della Croce 2021).

    Args:
        p: processing times, integers of at least 0, shape (n,).
        d: due dates, integers of either sign, shape (n,).
        seconds: limit of CPU time; looked at every `SLICE_NODES` nodes.
        memory_bytes: limit of the table of solved blocks.

    Raises:
        Trouble: the arguments are not such integers.
        AssertionError: the sequence does not cost what the search claims, which is a bug of ours.
    """
    processing, due = _checked(p, d)
    instant = [int(job) for job in np.flatnonzero(processing == 0)]
    jobs = np.flatnonzero(processing)
    jobs = jobs[np.lexsort((jobs, processing[jobs], due[jobs]))]
    if not jobs.size:
        return Solved(instant, total_tardiness(p, d, instant), True, 0)
    search = _Search(processing[jobs], due[jobs], time.process_time() + seconds, memory_bytes)
    try:
        value, order = search.solve()
    except _OutOfTime:
        sequence = descend(p, d, modified_due_date(p, d))
        return Solved(sequence, total_tardiness(p, d, sequence), False, search.nodes)
    # A job without length delays nobody and is best off at the start.
    sequence = instant + [int(jobs[number]) for number in order]
    total = total_tardiness(p, d, sequence)
    claimed = value + total_tardiness(p, d, instant)
    if total != claimed or sorted(sequence) != list(range(len(p))):
        raise AssertionError(
            f"bug in branch and memorize: claims {claimed}, its sequence costs {total}; please report"
        )
    return Solved(sequence, total, True, search.nodes)


def _checked(p: Numbers, d: Numbers) -> tuple[Integers, Integers]:
    processing, due = np.asarray(p), np.asarray(d)
    if processing.ndim != 1 or processing.shape != due.shape:
        raise Trouble(
            f"p has shape {processing.shape} and d {due.shape}; expected one number per job in each"
        )
    if processing.size and not all(np.issubdtype(values.dtype, np.integer) for values in (processing, due)):
        raise Trouble(f"p is {processing.dtype} and d is {due.dtype}; expected integers")
    if (processing < 0).any():
        raise Trouble(f"job {int(np.argmin(processing))} takes {processing.min()}; expected at least 0")
    return processing.astype(np.int64), due.astype(np.int64)


class _OutOfTime(Exception):
    """The limit has passed."""


class _Search:
    """The arrays of one search and the walk over the blocks of its optimum; jobs are in EDD order throughout."""

    def __init__(self, processing: Integers, due: Integers, deadline: float, memory_bytes: int) -> None:
        from gapsmith.evaluators.exact import branching, memo

        self._kernel, self._memo = branching, memo
        size = processing.size
        self._deadline = deadline
        self._words = (size + 63) // 64
        self._rows_limit = max(16, memory_bytes // (8 * (memo.KEY + self._words) + 8))
        self._processing, self._due = processing, due
        by_length = np.lexsort((due, processing))
        self._rank = np.empty(size, np.int64)
        self._rank[by_length] = np.arange(size)
        self._zobrist = np.random.default_rng(size).integers(-(2**62), 2**62, size)
        # Virtual memory: only the pages that a search touches are ever taken.
        self._lists = np.empty((size + 2) * (2 * size + 2), np.int64)
        self._pad = np.empty((size + 2) * (10 * size + 16), np.int64)
        self._bits = np.zeros((size + 2, 2 * self._words), np.int64)
        self._frames = np.zeros((size + 2, branching.FRAME_SIZE), np.int64)
        self._by_rank = np.zeros(size, np.int64)
        self._state = np.zeros(branching.STATE_SIZE, np.int64)
        self._table = np.empty((min(4096, self._rows_limit), memo.KEY + self._words), np.int64)
        self._slots = np.zeros(self._slots_for(self._table.shape[0]), np.int32)

    @property
    def nodes(self) -> int:
        """Blocks looked into so far."""
        return int(self._state[self._kernel.NODES])

    def solve(self) -> tuple[int, list[int]]:
        """The least total tardiness of all jobs from time zero, and an order that attains it."""
        everything = np.arange(self._processing.size)
        value, _, _ = self._value(everything, 0)
        return value, list(self._order(everything, 0))

    def _order(self, block: Integers, begin: int) -> Iterator[int]:
        """Walks down the choices, in the order of processing."""
        pending: list[tuple[Integers, int, bool]] = [(block, begin, False)]
        while pending:
            block, begin, ordered = pending.pop()
            if ordered or block.size <= 1:
                yield from block.tolist()
                continue
            _, choice, kept = self._value(block, begin)
            pieces = self._pieces(block[:kept], begin, choice)
            pending.append((block[kept:], 0, True))
            pending.extend(reversed(pieces))

    def _pieces(self, block: Integers, begin: int, choice: int) -> list[tuple[Integers, int, bool]]:
        """What a choice makes of a block: pieces in the order of processing, each with its start."""
        if choice == self._kernel.IN_DUE_ORDER:
            return [(block, begin, True)]
        if choice == self._kernel.IN_LENGTH_ORDER:
            return [(block[np.argsort(self._rank[block])], begin, True)]
        position, index = divmod(choice, self._kernel.PAIR)
        longest, urgent = block[np.argmax(self._rank[block])], block[0]
        shorter = block[self._rank[block] <= self._rank[urgent]]
        left, head = shorter[1 : index + 1], block[:1]
        if longest == urgent:
            left = head = block[:0]
        taken = np.concatenate([left, head, [longest]])
        middle = np.setdiff1d(block[: position + 1], taken)
        pieces, moment = [], begin
        for piece, ordered in (
            (left, False),
            (head, True),
            (middle, False),
            (np.array([longest]), True),
            (block[position + 1 :], False),
        ):
            pieces.append((piece, moment, ordered))
            moment += int(self._processing[piece].sum())
        return pieces

    def _value(self, block: Integers, begin: int) -> tuple[int, int, int]:
        """The value of a block, the choice behind it, and how many of its jobs that concerns: the rest are on time."""
        end, kept = begin + int(self._processing[block].sum()), block.size
        while kept and self._due[block[kept - 1]] >= end:
            kept -= 1
            end -= int(self._processing[block[kept]])
        block, kernel = block[:kept], self._kernel
        if not kept:
            return 0, kernel.IN_DUE_ORDER, 0
        words, hash_ = self._bits[0], self._zobrist[block].sum()
        words[:] = 0
        np.bitwise_or.at(words, block >> 6, np.left_shift(1, block & 63))
        row = self._memo.find(self._table, self._slots, words[: self._words], hash_, begin)
        if row != self._memo.MISSING:
            return int(self._table[row, self._memo.VALUE]), int(self._table[row, self._memo.CHOICE]), kept
        self._lists[:kept] = block
        frame, state = self._frames[0], self._state
        frame[kernel.START], frame[kernel.LENGTH], frame[kernel.BEGIN] = 0, kept, begin
        frame[kernel.SET_HASH], frame[kernel.LIST_TOP], frame[kernel.PAD_TOP] = hash_, kept, 0
        state[kernel.DEPTH], state[kernel.FRESH] = 0, 1
        self._run()
        return int(state[kernel.ANSWER]), int(state[kernel.ANSWER_CHOICE]), kept

    def _run(self) -> None:
        """Searches slice by slice, so that the clock is looked at and the table can grow."""
        kernel = self._kernel
        while True:
            ending = kernel.search(
                self._processing,
                self._due,
                self._rank,
                self._zobrist,
                self._by_rank,
                self._lists,
                self._pad,
                self._bits,
                self._frames,
                self._table,
                self._slots,
                self._state,
                self.nodes + SLICE_NODES,
            )
            if ending == kernel.DONE:
                return
            if ending == kernel.FULL:
                self._make_room()
            if time.process_time() > self._deadline:
                raise _OutOfTime

    def _make_room(self) -> None:
        """Doubles the table, or empties it where it has its full size: forgetting costs time, not truth."""
        rows, used = self._table.shape[0], int(self._state[self._kernel.ROWS])
        if rows >= self._rows_limit:
            self._state[self._kernel.ROWS] = 0
            self._slots[:] = 0
            return
        larger = np.empty((min(4 * rows, self._rows_limit), self._table.shape[1]), np.int64)
        larger[:used] = self._table[:used]
        self._table = larger
        self._slots = np.zeros(self._slots_for(larger.shape[0]), np.int32)
        self._memo.place_all(self._table, self._slots, used)

    @staticmethod
    def _slots_for(rows: int) -> int:
        return 1 << (2 * rows - 1).bit_length()


def subset_dynamic_programme(p: Numbers, d: Numbers) -> Solved:
    """Solves 1‖ΣTj over all subsets (Held and Karp 1962): the judge of small cases, n up to 16 or so.

    Time and memory grow as n 2^n and 2^n.
    """
    processing, due = [int(value) for value in p], [int(value) for value in d]
    size = len(processing)
    least, last, length = [0] * (1 << size), [0] * (1 << size), [0] * (1 << size)
    for jobs in range(1, 1 << size):
        lowest = (jobs & -jobs).bit_length() - 1
        length[jobs] = length[jobs & (jobs - 1)] + processing[lowest]
        least[jobs], last[jobs] = min(
            (least[jobs ^ (1 << job)] + max(0, length[jobs] - due[job]), job)
            for job in range(size)
            if jobs >> job & 1
        )
    sequence, jobs = [], (1 << size) - 1
    while jobs:
        sequence.append(last[jobs])
        jobs ^= 1 << last[jobs]
    return Solved(sequence[::-1], least[-1], True, 1 << size)


def modified_due_date(p: Numbers, d: Numbers) -> list[int]:
    """The rule of Baker and Bertrand (1982): always the job of least max(time + p, d), shorter jobs first on ties."""
    processing, due = np.asarray(p), np.asarray(d)
    waiting = np.lexsort((due, processing))
    moment, sequence = 0, []
    while waiting.size:
        place = int(np.argmin(np.maximum(moment + processing[waiting], due[waiting])))
        sequence.append(int(waiting[place]))
        moment += int(processing[waiting[place]])
        waiting = np.delete(waiting, place)
    return sequence


def descend(p: Numbers, d: Numbers, sequence: Sequence[int]) -> list[int]:
    """Moves single jobs to their best place until no move helps."""
    from gapsmith.evaluators.exact.descent import insertion_descent

    order = np.asarray(sequence, np.int64)
    insertion_descent(np.asarray(p, np.int64), np.asarray(d, np.int64), order)
    return [int(job) for job in order]


def lower_bound(p: Numbers, d: Numbers) -> int:
    """A bound on total tardiness that takes no search: SPT's completion times against the due dates, both sorted.

    The k-th completion of any sequence is at least SPT's k-th, and pairing sorted with sorted costs least. EDD's
    largest tardiness is the least possible, so it bounds the total as well.
    """
    processing, due = np.asarray(p, np.int64), np.asarray(d, np.int64)
    paired = np.maximum(0, np.cumsum(np.sort(processing)) - np.sort(due)).sum()
    edd = np.argsort(due, kind="stable")
    largest = np.maximum(0, np.cumsum(processing[edd]) - due[edd]).max(initial=0)
    return int(max(paired, largest))


def total_tardiness_baseline(p: Numbers, d: Numbers, seconds: float) -> Baseline:
    """The optimum within the limit of CPU seconds, else honest bounds around a good sequence."""
    start = time.process_time()
    solved = branch_and_memorize(p, d, seconds)
    lower = solved.total if solved.proven else lower_bound(p, d)
    solver = "branch-and-memorize" if solved.total == lower else "descent"
    return Baseline(lower, solved.total, solved.sequence, solver, time.process_time() - start)
