"""Where the longest, or the most urgent, job of a set can stand in an optimal sequence for 1‖ΣTj.

Jobs are numbered in EDD order, that is by (due date, processing time, id), and compared in length by their rank
in the order (processing time, due date, id). Both are total, so that no argument ever hinges on a tie.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.exact.compiled import compiled

Integers = NDArray[np.int64]


@compiled
def lateness_of(completion: int, due: int) -> int:
    """Tardiness of one job."""
    return completion - due if completion > due else 0


@compiled
def eligible_positions(
    processing: Integers, due: Integers, block: Integers, moved: int, time: int, kept: Integers
) -> tuple[int, int]:
    """Finds the positions to which the longest job of a block may have to be moved.

    By Lawler (1977) some position r at or after the job's place in the EDD order is such that exactly
    the jobs up to r precede it in an optimal sequence. A position is struck out where moving the job in the EDD
    sequence shows that a neighbouring position is as good (Potts and Van Wassenhove 1982; Szwarc 1993; Szwarc,
    Grosso and Della Croce 2001).

    Args:
        processing: processing times by EDD number.
        due: due dates by EDD number, not decreasing.
        block: the jobs, ascending.
        moved: where the longest job stands in the block.
        time: when the block starts.
        kept: receives the positions, ascending; at least as long as the block.

    Returns:
        How many positions are kept, and the total tardiness saved by the best one relative to EDD.
    """
    length, last_due = processing[block[moved]], due[block[moved]]
    completion = time
    for position in range(moved + 1):
        completion += processing[block[position]]
    kept[0] = moved
    count, change, lowest, latest = 1, 0, 0, np.int64(-(2**62))
    for position in range(moved + 1, block.size):
        job = block[position]
        before = change
        change -= lateness_of(completion, last_due)
        completion += processing[job]
        change += lateness_of(completion, last_due)
        change += lateness_of(completion - length, due[job]) - lateness_of(completion, due[job])
        if change < before and count > 0 and kept[count - 1] == position - 1:
            count -= 1
        if change < lowest:
            lowest = change
            if completion > latest:
                kept[count] = position
                count += 1
        latest = max(latest, due[job] + processing[job])
    return count, -lowest
