"""Branch and memorize for 1‖ΣTj: the compiled search, with an explicit stack that can be left and entered again.

The value of a block (a set of jobs and the time at which it starts) is the best, over the positions of its longest
job L and of its most urgent job F, of what remains: the jobs before F, those between F and L, those after L. Each is
a block again. Values are kept in a table with exact keys. There are no lower bounds: leaving them out is what made
this family of algorithms fast.

Sources: Lawler 1977 (decomposition on L); Della Croce, Tadei, Baracco and Grosso 1998 (double decomposition);
Szwarc, Grosso and Della Croce 2001 (no bounds); Shang, T'kindt and Della Croce 2021 (memory).
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.exact.compiled import compiled
from gapsmith.evaluators.exact.decomposition import eligible_positions, lateness_of
from gapsmith.evaluators.exact.memo import CHOICE, HASH, KEY, MISSING, TIME, VALUE, find, place

Integers = NDArray[np.int64]

DONE, PAUSED, FULL = 0, 1, 2
"""How the search left: value known, node budget spent, no room for another row of the table."""

IN_DUE_ORDER, IN_LENGTH_ORDER = -1, -2
"""Choices other than a pair of positions: the block is solved by EDD, or by SPT."""

# What `state` holds between calls.
DEPTH, NODES, ROWS, ANSWER, ANSWER_CHOICE, FRESH = range(6)
STATE_SIZE = 6

# One frame of the stack: the block, the candidates, how far the enumeration is, and the best so far.
START, LENGTH, BEGIN, SET_HASH, BEST, PICK, LONGEST, FIRST_COUNT, LONGEST_COUNT, FIRST_AT, LONGEST_AT = range(
    11
)
FIRST_NOW, LONGEST_NOW, WAITING, LIST_TOP, PAD_TOP, FILLED, URGENT_LIST = range(11, 18)
FRAME_SIZE = 18
LEFT, MIDDLE, RIGHT = 1, 2, 3

# Records of candidates: for F and for L.
F_LAST, F_TIME, F_HASH, F_VALUE, F_COUNT, F_RECORD = 0, 1, 2, 3, 4, 5
L_POSITION, L_TIME, L_HASH, L_VALUE, L_RECORD = 0, 1, 2, 3, 4

PAIR = 1 << 20
"""A pair of positions (of L in the block, of F among the jobs no longer than it) is coded `r * PAIR + q`."""


@compiled
def bits_up_to(job: int, word: int) -> int:
    """The bits of one word that stand for jobs numbered `job` or less."""
    if word < job >> 6:
        return -1
    if word > job >> 6:
        return 0
    return (2 << (job & 63)) - 1


@compiled
def solved_by_sorting(
    processing: Integers, due: Integers, rank: Integers, by_rank: Integers, block: Integers, time: int
) -> tuple[int, int]:
    """Solves blocks for which a sorted order is optimal.

    EDD is optimal with at most one tardy job: it minimises the largest tardiness, hence the total when there is but
    one. SPT is optimal when every job is tardy wherever it stands.

    Args:
        processing: processing times by EDD number.
        due: due dates by EDD number.
        rank: rank in the order (processing time, due date, id), by EDD number.
        by_rank: scratch of one zero per job; left as it was.
        block: the jobs, ascending.
        time: when the block starts.

    Returns:
        The value and how it is reached, or (-1, 0).
    """
    completion, total, tardy, hopeless = time, 0, 0, True
    for position in range(block.size):
        job = block[position]
        if due[job] > time + processing[job]:
            hopeless = False
        completion += processing[job]
        if completion > due[job]:
            tardy += 1
            total += completion - due[job]
    if tardy <= 1:
        return total, IN_DUE_ORDER
    if not hopeless:
        return -1, 0
    lowest, highest = rank.size, 0
    for position in range(block.size):
        job = block[position]
        by_rank[rank[job]] = job + 1
        lowest, highest = min(lowest, rank[job]), max(highest, rank[job])
    completion, total = time, 0
    for place_ in range(lowest, highest + 1):
        if by_rank[place_] > 0:
            job = by_rank[place_] - 1
            by_rank[place_] = 0
            completion += processing[job]
            total += completion - due[job]
    return total, IN_LENGTH_ORDER


@compiled
def expand(
    processing: Integers,
    due: Integers,
    rank: Integers,
    zobrist: Integers,
    lists: Integers,
    pad: Integers,
    words: Integers,
    frame: Integers,
) -> None:
    """Fills the frame of a block with the candidate positions of its longest and its most urgent job.

    Args:
        processing: processing times by EDD number.
        due: due dates by EDD number.
        rank: rank in the order (processing time, due date, id), by EDD number.
        zobrist: a random number per job; the hash of a set is their sum.
        lists: stack of lists of jobs.
        pad: stack of records of candidates.
        words: the set of the block as bits, then as many words of scratch for the jobs before F.
        frame: the frame, its block given.
    """
    time, size = frame[BEGIN], frame[LENGTH]
    block = lists[frame[START] : frame[START] + size]
    longest, edd_total, edd_tardy, completion = 0, 0, 0, time
    urgent_rank = rank[block[0]]
    top = frame[LIST_TOP]
    urgent_list, urgent_count = top, 0
    for position in range(size):
        job = block[position]
        if rank[job] > rank[block[longest]]:
            longest = position
        if rank[job] <= urgent_rank:
            lists[top + urgent_count] = job
            urgent_count += 1
        completion += processing[job]
        if completion > due[job]:
            edd_total += completion - due[job]
            edd_tardy += 1
    frame[LIST_TOP] = top + urgent_count
    frame[URGENT_LIST] = urgent_list
    frame[LONGEST] = longest

    # The list of positions of L is written where the middle blocks will be: it is read before they are.
    kept = lists[frame[LIST_TOP] :]
    count, saved = eligible_positions(processing, due, block, longest, time, kept)
    # Moving L alone gives this much, so that nothing worse is of interest.
    frame[BEST] = edd_total - saved + 1
    record, hash_, completion, total, tardy, taken = frame[PAD_TOP], 0, time, 0, 0, 0
    frame[LONGEST_AT], frame[LONGEST_COUNT] = record, count
    for position in range(size):
        job = block[position]
        hash_ += zobrist[job]
        completion += processing[job]
        if completion > due[job]:
            total += completion - due[job]
            tardy += 1
        if taken < count and kept[taken] == position:
            taken += 1
            pad[record + L_POSITION] = position
            pad[record + L_TIME] = completion
            pad[record + L_HASH] = hash_
            # What follows L keeps its EDD times, so EDD's optimality can be read off here.
            pad[record + L_VALUE] = edd_total - total if edd_tardy - tardy <= 1 else MISSING
            record += L_RECORD

    frame[FIRST_AT] = record
    if longest == 0:
        pad[record + F_LAST], pad[record + F_TIME], pad[record + F_HASH] = -1, time, 0
        pad[record + F_VALUE], pad[record + F_COUNT] = 0, 0
        frame[FIRST_COUNT], frame[PAD_TOP] = 1, record + F_RECORD
    else:
        urgent = lists[urgent_list : urgent_list + urgent_count]
        count, saved = eligible_positions(processing, due, urgent, 0, time, kept)
        hash_, completion, total, tardy, taken = 0, time, 0, 0, 0
        for index in range(urgent_count):
            job = urgent[index]
            if index > 0:
                hash_ += zobrist[job]
                completion += processing[job]
                if completion > due[job]:
                    total += completion - due[job]
                    tardy += 1
            if taken < count and kept[taken] == index:
                taken += 1
                pad[record + F_LAST] = job if index > 0 else -1
                pad[record + F_TIME] = completion
                pad[record + F_HASH] = hash_
                pad[record + F_VALUE] = total if tardy <= 1 else MISSING
                pad[record + F_COUNT] = index
                record += F_RECORD
        frame[FIRST_COUNT], frame[PAD_TOP] = count, record
    frame[FIRST_NOW], frame[LONGEST_NOW], frame[WAITING], frame[FILLED] = 0, 0, 0, 0
    half = words.size // 2
    for word in range(half):
        words[half + word] = 0


@compiled
def left_block(
    processing: Integers,
    due: Integers,
    zobrist: Integers,
    lists: Integers,
    words: Integers,
    below: Integers,
    frame: Integers,
    child: Integers,
    record: Integers,
) -> None:
    """Writes the block of the jobs before F into the child's frame, less the last ones that are on time anyway."""
    half = words.size // 2
    start = frame[URGENT_LIST] + 1
    size, end, hash_ = record[F_COUNT], record[F_TIME], record[F_HASH]
    while size > 0 and due[lists[start + size - 1]] >= end:
        size -= 1
        end -= processing[lists[start + size]]
        hash_ -= zobrist[lists[start + size]]
    child[START], child[LENGTH], child[BEGIN], child[SET_HASH] = start, size, frame[BEGIN], hash_
    child[LIST_TOP] = frame[LIST_TOP]
    if size > 0:
        for word in range(half):
            below[word] = words[half + word] & bits_up_to(lists[start + size - 1], word)


@compiled
def right_block(
    lists: Integers, words: Integers, below: Integers, frame: Integers, child: Integers, record: Integers
) -> None:
    """Writes the block of the jobs after L into the child's frame."""
    position = record[L_POSITION]
    child[START], child[LENGTH] = frame[START] + position + 1, frame[LENGTH] - position - 1
    child[BEGIN], child[SET_HASH] = record[L_TIME], frame[SET_HASH] - record[L_HASH]
    child[LIST_TOP] = frame[LIST_TOP]
    for word in range(words.size // 2):
        below[word] = words[word] & ~bits_up_to(lists[frame[START] + position], word)


@compiled
def middle_block(
    processing: Integers,
    due: Integers,
    rank: Integers,
    zobrist: Integers,
    lists: Integers,
    words: Integers,
    below: Integers,
    frame: Integers,
    child: Integers,
    first: Integers,
    last: Integers,
) -> None:
    """Writes the block of the jobs between F and L into the child's frame, less the last ones that are on time anyway.

    The jobs are not listed yet: START stays -1 and LENGTH is 0 where there are none, else 1.
    """
    half = words.size // 2
    block = lists[frame[START] : frame[START] + frame[LENGTH]]
    longest, urgent = block[frame[LONGEST]], block[0]
    before, urgent_rank = first[F_LAST], rank[urgent]
    hash_ = last[L_HASH] - first[F_HASH] - zobrist[longest]
    begin, end = first[F_TIME], last[L_TIME] - processing[longest]
    if urgent != longest:
        hash_ -= zobrist[urgent]
        begin += processing[urgent]
    position = last[L_POSITION]
    while position > 0:
        job = block[position]
        if job != longest and (job > before or rank[job] > urgent_rank):
            if due[job] < end:
                break
            end -= processing[job]
            hash_ -= zobrist[job]
        position -= 1
    child[START], child[LENGTH], child[BEGIN], child[SET_HASH] = position, min(position, 1), begin, hash_
    child[LIST_TOP] = frame[LIST_TOP]
    if position > 0:
        for word in range(half):
            below[word] = words[word] & bits_up_to(block[position], word) & ~words[half + word]
        below[urgent >> 6] &= ~(1 << (urgent & 63))
        below[longest >> 6] &= ~(1 << (longest & 63))


@compiled
def list_middle(rank: Integers, lists: Integers, frame: Integers, child: Integers, first: Integers) -> None:
    """Lists the jobs of a middle block, now that its value is not known, on top of the stack of lists."""
    block = lists[frame[START] : frame[START] + frame[LENGTH]]
    longest, before, urgent_rank = block[frame[LONGEST]], first[F_LAST], rank[block[0]]
    top = start = frame[LIST_TOP]
    for position in range(1, child[START] + 1):
        job = block[position]
        if job != longest and (job > before or rank[job] > urgent_rank):
            lists[top] = job
            top += 1
    child[START], child[LENGTH], child[LIST_TOP] = start, top - start, top


@compiled
def advance(
    processing: Integers,
    due: Integers,
    rank: Integers,
    zobrist: Integers,
    lists: Integers,
    pad: Integers,
    words: Integers,
    below: Integers,
    frame: Integers,
    child: Integers,
    table: Integers,
    slots: NDArray[np.int32],
    answer: int,
) -> bool:
    """Enumerates pairs of positions until one needs the value of a block that is not known.

    Args:
        processing: processing times by EDD number.
        due: due dates by EDD number.
        rank: rank in the order (processing time, due date, id), by EDD number.
        zobrist: a random number per job.
        lists: stack of lists of jobs.
        pad: stack of records of candidates.
        words: bits of the frame: its set, and the jobs before F.
        below: bits of the child.
        frame: the frame on top.
        child: the frame above it, free for use.
        table: rows of the memory.
        slots: slots of the memory.
        answer: the value that the frame waited for, if it did.

    Returns:
        Whether the child now holds a block to solve; otherwise all pairs are through.
    """
    middle = MISSING
    if frame[WAITING] == LEFT:
        pad[frame[FIRST_AT] + frame[FIRST_NOW] * F_RECORD + F_VALUE] = answer
    elif frame[WAITING] == RIGHT:
        pad[frame[LONGEST_AT] + frame[LONGEST_NOW] * L_RECORD + L_VALUE] = answer
    elif frame[WAITING] == MIDDLE:
        middle = answer
    frame[WAITING] = 0
    child[PAD_TOP] = frame[PAD_TOP]
    half = words.size // 2
    urgent, longest = lists[frame[START]], lists[frame[START] + frame[LONGEST]]
    while frame[FIRST_NOW] < frame[FIRST_COUNT] and frame[BEST] > 0:
        at = frame[FIRST_AT] + frame[FIRST_NOW] * F_RECORD
        first = pad[at : at + F_RECORD]
        cost = 0
        if urgent != longest:
            cost = lateness_of(first[F_TIME] + processing[urgent], due[urgent])
        while frame[FILLED] < first[F_COUNT]:
            frame[FILLED] += 1
            job = lists[frame[URGENT_LIST] + frame[FILLED]]
            words[half + (job >> 6)] |= 1 << (job & 63)
        if cost >= frame[BEST]:
            frame[FIRST_NOW] += 1
            continue
        if first[F_VALUE] == MISSING:
            left_block(processing, due, zobrist, lists, words, below, frame, child, first)
            row = find(table, slots, below[:half], child[SET_HASH], child[BEGIN])
            if row == MISSING:
                frame[WAITING] = LEFT
                return True
            first[F_VALUE] = table[row, VALUE]
        cost += first[F_VALUE]
        while frame[LONGEST_NOW] < frame[LONGEST_COUNT]:
            at = frame[LONGEST_AT] + frame[LONGEST_NOW] * L_RECORD
            last = pad[at : at + L_RECORD]
            partial = cost + lateness_of(last[L_TIME], due[longest])
            # The later L stands the later it ends, so that nothing further on is better.
            if partial >= frame[BEST]:
                break
            if lists[frame[START] + last[L_POSITION]] >= first[F_LAST]:
                if last[L_VALUE] == MISSING:
                    right_block(lists, words, below, frame, child, last)
                    row = find(table, slots, below[:half], child[SET_HASH], child[BEGIN])
                    if row == MISSING:
                        frame[WAITING] = RIGHT
                        return True
                    last[L_VALUE] = table[row, VALUE]
                partial += last[L_VALUE]
                if partial < frame[BEST]:
                    if middle == MISSING:
                        middle_block(
                            processing, due, rank, zobrist, lists, words, below, frame, child, first, last
                        )
                        middle = 0
                        if child[LENGTH] > 0:
                            row = find(table, slots, below[:half], child[SET_HASH], child[BEGIN])
                            if row == MISSING:
                                list_middle(rank, lists, frame, child, first)
                                frame[WAITING] = MIDDLE
                                return True
                            middle = table[row, VALUE]
                    if partial + middle < frame[BEST]:
                        frame[BEST] = partial + middle
                        frame[PICK] = last[L_POSITION] * PAIR + first[F_COUNT]
            middle = MISSING
            frame[LONGEST_NOW] += 1
        frame[LONGEST_NOW] = 0
        frame[FIRST_NOW] += 1
    return False


@compiled
def search(
    processing: Integers,
    due: Integers,
    rank: Integers,
    zobrist: Integers,
    by_rank: Integers,
    lists: Integers,
    pad: Integers,
    words: Integers,
    frames: Integers,
    table: Integers,
    slots: NDArray[np.int32],
    state: Integers,
    budget: int,
) -> int:
    """Works on the stack until its lowest block is solved, the budget is spent or the table is full.

    Args:
        processing: processing times by EDD number.
        due: due dates by EDD number.
        rank: rank in the order (processing time, due date, id), by EDD number.
        zobrist: a random number per job.
        by_rank: scratch of one zero per job.
        lists: stack of lists of jobs.
        pad: stack of records of candidates.
        words: bits per depth: set of the block, then the jobs before F.
        frames: frames by depth.
        table: rows of the memory.
        slots: slots of the memory.
        state: depth, nodes, rows used, and the answer; carried from call to call.
        budget: number of nodes, counted over all calls, at which to leave.

    Returns:
        DONE, PAUSED or FULL.
    """
    while True:
        if state[ROWS] == table.shape[0]:
            return FULL
        if state[NODES] >= budget:
            return PAUSED
        depth = state[DEPTH]
        frame = frames[depth]
        if state[FRESH] == 1:
            state[FRESH] = 0
            state[NODES] += 1
            block = lists[frame[START] : frame[START] + frame[LENGTH]]
            value, choice = solved_by_sorting(processing, due, rank, by_rank, block, frame[BEGIN])
            if value >= 0:
                state[ANSWER], state[ANSWER_CHOICE] = value, choice
                if depth == 0:
                    return DONE
                state[DEPTH] = depth - 1
                continue
            expand(processing, due, rank, zobrist, lists, pad, words[depth], frame)
        if advance(
            processing,
            due,
            rank,
            zobrist,
            lists,
            pad,
            words[depth],
            words[depth + 1],
            frame,
            frames[depth + 1],
            table,
            slots,
            state[ANSWER],
        ):
            state[DEPTH] = depth + 1
            state[FRESH] = 1
            continue
        row = state[ROWS]
        table[row, HASH], table[row, TIME] = frame[SET_HASH], frame[BEGIN]
        table[row, VALUE], table[row, CHOICE] = frame[BEST], frame[PICK]
        for word in range(words.shape[1] // 2):
            table[row, KEY + word] = words[depth, word]
        place(table, slots, row)
        state[ROWS] = row + 1
        state[ANSWER], state[ANSWER_CHOICE] = frame[BEST], frame[PICK]
        if depth == 0:
            return DONE
        state[DEPTH] = depth - 1
