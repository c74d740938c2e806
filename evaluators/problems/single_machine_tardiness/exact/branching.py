"""Branch and memorize for 1‖ΣTj.

The compiled search, on a stack that can be left and entered again.

The value of a block (a set of jobs and the time at which it starts) is the best, over the positions of its
longest job L and of its most urgent job F, of what remains: the jobs before F, those between F and L, those after
L. Each is a block again. Values are kept in a table with exact keys. There are no lower bounds: leaving them out
is what made this family of algorithms fast.

Sources: Lawler 1977 (decomposition on L); Della Croce, Tadei, Baracco and Grosso 1998 (on both); Szwarc, Grosso
and Della Croce 2001 (without bounds); Shang, T'kindt and Della Croce 2021 (with memory).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.single_machine_tardiness.exact.job_sets import (
    FAR,
    FIRST_AT,
    FIRST_COUNT,
    HEADER_SIZE,
    JOBS_AT,
    LAST_AT,
    LAST_COUNT,
    LONGEST,
    NO_ROOM,
    RECORD_SIZE,
    SHORTER_AT,
    SIZE,
    Jobs,
    Store,
    evaluate_sorted,
    intern,
    mask_jobs,
)
from gapsmith.evaluators.problems.single_machine_tardiness.exact.memo import (
    CHOICE,
    MISSING,
    SET,
    TIME,
    VALUE,
    Memo,
    find,
    place_row,
)
from gapsmith.evaluators.problems.single_machine_tardiness.exact.positions import (
    BEFORE,
    CANDIDATE_SIZE,
    INDEX,
    KNOWN,
    READY,
    compute_tardiness,
    write_candidates,
)
from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

DONE, PAUSED, MEMO_FULL, STORE_FULL = range(4)
"""How the search left: the value is known, the budget of nodes is spent, or room is needed."""

DEPTH, NODES, ROWS, FRESH, ANSWER, STATE_SIZE = range(6)
"""What `state` carries: depth of the stack, nodes so far, rows used, whether the top was just put there, and the
value that the top has waited for."""

(
    BLOCK,
    BEGIN,
    BEST,
    PICK,
    WAITING,
    FIRST_NOW,
    LAST_NOW,
    FIRSTS,
    LASTS,
    FIRSTS_AT,
    LASTS_AT,
    TOP,
    FRAME_SIZE,
) = range(13)
"""A frame: the block's set and start, its best value and choice so far, which value it waits for, how far the
enumeration of positions of F and of L is, how many there are, where in `pad` they are, and where `pad` is free."""

LEFT, MIDDLE, RIGHT = 1, 2, 3

PAIR = 1 << 20
"""A choice is coded `position of L * PAIR + position of F`."""


class Stack(NamedTuple):
    """The state of the search.

    Attributes:
        state: see STATE_SIZE.
        frames: by depth, shape (n + 2, FRAME_SIZE).
        pad: candidates of the frames.
        bits: scratch for one set.
    """

    state: Integers
    frames: Integers
    pad: Integers
    bits: Integers


@compile_kernel
def expand_block(jobs: Jobs, words: Integers, pad: Integers, frames: Integers, depth: int) -> None:
    """Writes the candidate positions of the longest and the most urgent job.

    The block is the one on top of the stack.
    """
    set_, time, at = frames[depth, BLOCK], frames[depth, BEGIN], frames[depth, TOP]
    chosen, shorter = set_ + words[set_ + JOBS_AT], set_ + words[set_ + SHORTER_AT]
    longest, records = words[set_ + LONGEST], set_ + words[set_ + LAST_AT]
    end = records + words[set_ + LAST_COUNT] * RECORD_SIZE
    lasts = write_candidates(jobs, words, chosen, longest, time, records, end, pad, at)
    frames[depth, LASTS_AT], frames[depth, LASTS] = at, lasts
    for _ in range(lasts):
        pad[at + KNOWN] = 0 if pad[at + INDEX] == words[set_ + SIZE] - 1 else MISSING
        at += CANDIDATE_SIZE
    frames[depth, FIRSTS_AT] = at
    if longest == 0:
        # L is F: no job goes before it for being short.
        pad[at + INDEX], pad[at + BEFORE], pad[at + READY], pad[at + KNOWN] = 0, MISSING, time, 0
        firsts = 1
        at += CANDIDATE_SIZE
    else:
        records = set_ + words[set_ + FIRST_AT]
        end = records + words[set_ + FIRST_COUNT] * RECORD_SIZE
        firsts = write_candidates(jobs, words, shorter, 0, time, records, end, pad, at)
        for _ in range(firsts):
            pad[at + READY] -= jobs.processing[words[shorter]]
            pad[at + KNOWN] = 0 if pad[at + INDEX] == 0 else MISSING
            at += CANDIDATE_SIZE
    frames[depth, FIRSTS] = firsts
    frames[depth, TOP], frames[depth, FIRST_NOW], frames[depth, LAST_NOW] = at, 0, 0
    frames[depth, WAITING], frames[depth, BEST], frames[depth, PICK] = 0, FAR, MISSING


@compile_kernel
def look_up(
    jobs: Jobs, store: Store, memo: Memo, bits: Integers, begin: int, frames: Integers, depth: int
) -> int:
    """Returns the value of a block, or what is missing.

    MISSING says that the block must be searched, NO_ROOM that its set cannot be stored.

    Args:
        jobs: the instance.
        store: the sets.
        memo: the values.
        bits: the block's set; not empty.
        begin: when it starts.
        frames: the stack.
        depth: of the frame that is made to stand for the block.
    """
    set_ = intern(jobs, store, bits)
    if set_ == NO_ROOM:
        return NO_ROOM
    frames[depth, BLOCK], frames[depth, BEGIN] = set_, begin
    value: int = evaluate_sorted(store.words, set_, begin)
    if value == MISSING:
        row = find(memo, set_, begin)
        if row != MISSING:
            value = memo.rows[row, VALUE]
    return value


@compile_kernel
def get_left_value(jobs: Jobs, store: Store, memo: Memo, stack: Stack, depth: int, first: int) -> int:
    """Returns the value of the jobs before F, as `look_up` does.

    The last jobs that are on time in any case are left out.

    Args:
        jobs: the instance.
        store: the sets.
        memo: the values.
        stack: the state.
        depth: of the block's frame.
        first: where the candidate for F is.
    """
    words, bits, processing, due = store.words, stack.bits, jobs.processing, jobs.due
    set_ = stack.frames[depth, BLOCK]
    shorter = set_ + words[set_ + SHORTER_AT]
    position, end = stack.pad[first + INDEX], stack.pad[first + READY]
    while position > 0 and due[words[shorter + position]] >= end:
        end -= processing[words[shorter + position]]
        position -= 1
    if position == 0:
        return 0
    job, urgent, start = words[shorter + position], words[shorter], set_ + HEADER_SIZE
    for word in range(bits.size):
        bits[word] = words[start + word] & jobs.shorter[urgent, word] & mask_jobs(job, word)
    return look_up(jobs, store, memo, bits, stack.frames[depth, BEGIN], stack.frames, depth + 1)


@compile_kernel
def get_right_value(jobs: Jobs, store: Store, memo: Memo, stack: Stack, depth: int, last: int) -> int:
    """Returns the value of the jobs after L, as `look_up` does.

    The last of them is late in EDD order, as the last of the block is, so that nothing is left out.
    """
    words, bits, job = store.words, stack.bits, stack.pad[last + BEFORE]
    start = stack.frames[depth, BLOCK] + HEADER_SIZE
    for word in range(bits.size):
        bits[word] = words[start + word] & ~mask_jobs(job, word)
    return look_up(jobs, store, memo, bits, stack.pad[last + READY], stack.frames, depth + 1)


@compile_kernel
def get_middle_value(
    jobs: Jobs, store: Store, memo: Memo, stack: Stack, depth: int, first: int, last: int
) -> int:
    """Returns the value of the jobs between F and L.

    It is given as in `look_up`, again without the last jobs that are on time.
    """
    words, bits, pad = store.words, stack.bits, stack.pad
    processing, due, rank = jobs.processing, jobs.due, jobs.rank
    set_ = stack.frames[depth, BLOCK]
    chosen = set_ + words[set_ + JOBS_AT]
    urgent, longest = words[chosen], words[chosen + words[set_ + LONGEST]]
    before, urgent_rank = pad[first + BEFORE], rank[urgent]
    begin, end, position = pad[first + READY], pad[last + READY] - processing[longest], pad[last + INDEX]
    if urgent != longest:
        begin += processing[urgent]
    while position > 0:
        job = words[chosen + position]
        if job != longest and (job > before or rank[job] > urgent_rank):
            if due[job] < end:
                break
            end -= processing[job]
        position -= 1
    if position == 0:
        return 0
    job, start = words[chosen + position], set_ + HEADER_SIZE
    for word in range(bits.size):
        gone = jobs.shorter[urgent, word] & mask_jobs(before, word)
        bits[word] = words[start + word] & mask_jobs(job, word) & ~gone
    bits[urgent >> 6] &= ~(1 << (urgent & 63))
    bits[longest >> 6] &= ~(1 << (longest & 63))
    return look_up(jobs, store, memo, bits, begin, stack.frames, depth + 1)


@compile_kernel
def take_answer(stack: Stack, depth: int) -> int:
    """Stores the value for which a frame waited.

    Returns the value if it is that of a middle block, else MISSING.
    """
    frames, pad = stack.frames, stack.pad
    answer: int = stack.state[ANSWER]
    waiting = frames[depth, WAITING]
    frames[depth, WAITING] = 0
    if waiting == LEFT:
        pad[frames[depth, FIRSTS_AT] + frames[depth, FIRST_NOW] * CANDIDATE_SIZE + KNOWN] = answer
    elif waiting == RIGHT:
        pad[frames[depth, LASTS_AT] + frames[depth, LAST_NOW] * CANDIDATE_SIZE + KNOWN] = answer
    return answer if waiting == MIDDLE else MISSING


@compile_kernel
def advance_frame(jobs: Jobs, store: Store, memo: Memo, stack: Stack, depth: int) -> int:
    """Enumerates pairs of positions until a block of unknown value is met.

    Returns:
        MISSING when the next frame now stands for that block, NO_ROOM when the store of sets is full, and 0 when all
        pairs are through.
    """
    words, frames, pad, processing, due = store.words, stack.frames, stack.pad, jobs.processing, jobs.due
    middle = take_answer(stack, depth)
    set_ = frames[depth, BLOCK]
    chosen = set_ + words[set_ + JOBS_AT]
    urgent, longest = words[chosen], words[chosen + words[set_ + LONGEST]]
    while frames[depth, FIRST_NOW] < frames[depth, FIRSTS]:
        first = frames[depth, FIRSTS_AT] + frames[depth, FIRST_NOW] * CANDIDATE_SIZE
        before = 0
        if urgent != longest:
            before = compute_tardiness(pad[first + READY] + processing[urgent], due[urgent])
        if before >= frames[depth, BEST]:
            break  # the later F stands the later it ends
        if pad[first + KNOWN] == MISSING:
            value = get_left_value(jobs, store, memo, stack, depth, first)
            if value < 0:
                frames[depth, WAITING] = LEFT if value == MISSING else 0
                return value
            pad[first + KNOWN] = value
        before += pad[first + KNOWN]
        while frames[depth, LAST_NOW] < frames[depth, LASTS]:
            last = frames[depth, LASTS_AT] + frames[depth, LAST_NOW] * CANDIDATE_SIZE
            total = before + compute_tardiness(pad[last + READY], due[longest])
            if total >= frames[depth, BEST]:
                break  # the later L stands the later it ends
            if pad[last + BEFORE] >= pad[first + BEFORE]:
                if pad[last + KNOWN] == MISSING:
                    value = get_right_value(jobs, store, memo, stack, depth, last)
                    if value < 0:
                        frames[depth, WAITING] = RIGHT if value == MISSING else 0
                        return value
                    pad[last + KNOWN] = value
                total += pad[last + KNOWN]
                if total < frames[depth, BEST]:
                    if middle == MISSING:
                        middle = get_middle_value(jobs, store, memo, stack, depth, first, last)
                        if middle < 0:
                            frames[depth, WAITING] = MIDDLE if middle == MISSING else 0
                            return middle
                    if total + middle < frames[depth, BEST]:
                        frames[depth, BEST] = total + middle
                        frames[depth, PICK] = pad[last + INDEX] * PAIR + pad[first + INDEX]
            middle = MISSING
            frames[depth, LAST_NOW] += 1
        frames[depth, LAST_NOW] = 0
        frames[depth, FIRST_NOW] += 1
    return 0


@compile_kernel
def search_blocks(jobs: Jobs, store: Store, memo: Memo, stack: Stack, budget: int) -> int:
    """Works on the stack until done, paused, or out of room.

    It ends when the lowest block is solved, the budget is spent or room is needed. In each case, the next call
    continues from there. Store and memo may be larger by then, and the memo may have been emptied.

    Args:
        jobs: the instance.
        store: the sets.
        memo: the values.
        stack: the state.
        budget: the number of nodes, counted over all calls, at which to leave.

    Returns:
        DONE, PAUSED, MEMO_FULL or STORE_FULL.
    """
    state, frames, rows = stack.state, stack.frames, memo.rows
    while True:
        row, depth = state[ROWS], state[DEPTH]
        if row == rows.shape[0]:
            return MEMO_FULL
        if state[NODES] >= budget:
            return PAUSED
        if state[FRESH] == 1:
            state[FRESH] = 0
            state[NODES] += 1
            expand_block(jobs, store.words, stack.pad, frames, depth)
        frames[depth + 1, TOP] = frames[depth, TOP]
        found = advance_frame(jobs, store, memo, stack, depth)
        if found == NO_ROOM:
            return STORE_FULL
        if found == MISSING:
            state[DEPTH] += 1
            state[FRESH] = 1
            continue
        rows[row, SET], rows[row, TIME] = frames[depth, BLOCK], frames[depth, BEGIN]
        rows[row, VALUE], rows[row, CHOICE] = frames[depth, BEST], frames[depth, PICK]
        place_row(memo, row)
        state[ROWS] += 1
        state[ANSWER] = frames[depth, BEST]
        if depth == 0:
            return DONE
        state[DEPTH] -= 1
