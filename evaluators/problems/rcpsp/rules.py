"""Reference rules for the resource-constrained project: schedule generation schemes with priorities.

Of the eligible activities the one of least priority value comes first; ties go to the lowest activity number. The
worst case slack is defined by the decision times of the parallel scheme: the serial one has the latest start instead.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def matrix(n, precedence):
    """Whether activity i comes immediately before activity j, as a boolean array [n, n]."""
    before = np.zeros((n, n), dtype=bool)
    before[precedence[:, 0], precedence[:, 1]] = True
    return before


def latest_finish(duration, before):
    """The latest finish times for the length of the critical path, by backward recursion."""
    tail = np.zeros(len(duration), dtype=np.int64)
    for _ in range(len(duration)):
        longer = np.where(before, tail + duration, 0).max(axis=1)
        if (longer == tail).all():
            break
        tail = longer
    return (tail + duration).max() - tail


def followers(before):
    """How many activities come after each, immediately or not."""
    reach = before.copy()
    for _ in range(int(np.ceil(np.log2(len(before)))) + 1):
        reach |= (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return reach.sum(axis=1)


def positional_weight(duration, before):
    """Greatest rank positional weight: its own duration and those of its immediate successors."""
    return duration + before @ duration


def serial(duration, precedence, demand, capacity, priority):
    """Takes the eligible activity of least priority and starts it as early as predecessors and resources allow."""
    n = len(duration)
    before = matrix(n, precedence)
    start, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    used = np.zeros((int(duration.sum()) + int(duration.max()) + 1, len(capacity)), dtype=np.int64)
    for _ in range(n):
        eligible = np.flatnonzero(~done & ~(before & ~done[:, None]).any(axis=0))
        chosen = eligible[np.argmin(priority[eligible])]
        t = int((start + duration)[before[:, chosen]].max(initial=0))
        while True:
            window = used[t : t + duration[chosen]]
            clash = np.flatnonzero((window + demand[chosen] > capacity).any(axis=1))
            if not clash.size:
                break
            t += int(clash[-1]) + 1
        used[t : t + duration[chosen]] += demand[chosen]
        start[chosen], done[chosen] = t, True
    return start


def parallel(duration, precedence, demand, capacity, priority):
    """Goes from one finish time to the next and starts what fits, least priority first.

    `priority` is called with the time, the activities that could start, and which of all run until when.
    """
    n = len(duration)
    before = matrix(n, precedence)
    start, started, finish = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
    t = 0
    while not started.all():
        running = started & (finish > t)
        free = capacity - demand[running].sum(axis=0)
        over = started & (finish <= t)
        possible = ~started & ~(before & ~over[:, None]).any(axis=0) & (demand <= free).all(axis=1)
        if possible.any():
            eligible = np.flatnonzero(possible)
            chosen = eligible[np.argmin(priority(t, eligible, running, finish))]
            start[chosen], finish[chosen], started[chosen] = t, t + duration[chosen], True
        else:
            t = finish[running].min()
    return start


def serial_lft(duration, precedence, demand, capacity):
    """Serial scheme, least latest finish time first."""
    priority = latest_finish(duration, matrix(len(duration), precedence))
    return serial(duration, precedence, demand, capacity, priority)


def serial_lst(duration, precedence, demand, capacity):
    """Serial scheme, least latest start time first."""
    priority = latest_finish(duration, matrix(len(duration), precedence)) - duration
    return serial(duration, precedence, demand, capacity, priority)


def serial_mts(duration, precedence, demand, capacity):
    """Serial scheme, most total successors first."""
    priority = -followers(matrix(len(duration), precedence))
    return serial(duration, precedence, demand, capacity, priority)


def serial_grpw(duration, precedence, demand, capacity):
    """Serial scheme, greatest rank positional weight first."""
    priority = -positional_weight(duration, matrix(len(duration), precedence))
    return serial(duration, precedence, demand, capacity, priority)


def parallel_lft(duration, precedence, demand, capacity):
    """Parallel scheme, least latest finish time first."""
    late = latest_finish(duration, matrix(len(duration), precedence))
    return parallel(duration, precedence, demand, capacity, lambda t, some, running, finish: late[some])


def parallel_mts(duration, precedence, demand, capacity):
    """Parallel scheme, most total successors first."""
    count = followers(matrix(len(duration), precedence))
    return parallel(duration, precedence, demand, capacity, lambda t, some, running, finish: -count[some])


def parallel_grpw(duration, precedence, demand, capacity):
    """Parallel scheme, greatest rank positional weight first."""
    weight = positional_weight(duration, matrix(len(duration), precedence))
    return parallel(duration, precedence, demand, capacity, lambda t, some, running, finish: -weight[some])


def parallel_wcs(duration, precedence, demand, capacity):
    """Parallel scheme, least worst case slack first: what is left if the worst other one is started instead."""
    late = latest_finish(duration, matrix(len(duration), precedence)) - duration

    def slack(t, some, running, finish):
        worst = np.full(len(some), t)
        ends = np.append(np.flatnonzero(running), 0)
        for i in some:
            ends[-1] = i
            over = np.where(ends == i, t + duration[i], finish[ends])
            moments = np.unique(np.append(over, t))
            # Free units at each moment if i starts now; free for good, so that the first that suffices counts.
            free = capacity - (over > moments[:, None]).astype(np.int64) @ demand[ends]
            first = (demand[some][:, None, :] <= free[None]).all(axis=2).argmax(axis=1)
            worst = np.where(some == i, worst, np.maximum(worst, moments[first]))
        return late[some] - worst

    return parallel(duration, precedence, demand, capacity, slack)


_KOLISCH = "Kolisch 1996, EJOR 90: serial and parallel methods revisited"
_LATE = (matrix, latest_finish)

RULES = (
    Rule(
        "SSGS-GRPW",
        serial_grpw,
        f"Alvarez-Valdes and Tamarit 1989; {_KOLISCH}",
        (matrix, positional_weight, serial),
    ),
    Rule("SSGS-MTS", serial_mts, f"Alvarez-Valdes and Tamarit 1989; {_KOLISCH}", (matrix, followers, serial)),
    Rule(
        "SSGS-LST",
        serial_lst,
        f"Davis and Patterson 1975, Management Science 21; {_KOLISCH}",
        (*_LATE, serial),
    ),
    Rule(
        "SSGS-LFT",
        serial_lft,
        f"Davis and Patterson 1975, Management Science 21; {_KOLISCH}",
        (*_LATE, serial),
    ),
    Rule(
        "PSGS-GRPW",
        parallel_grpw,
        f"Alvarez-Valdes and Tamarit 1989; {_KOLISCH}",
        (matrix, positional_weight, parallel),
    ),
    Rule(
        "PSGS-MTS",
        parallel_mts,
        f"Alvarez-Valdes and Tamarit 1989; {_KOLISCH}",
        (matrix, followers, parallel),
    ),
    Rule(
        "PSGS-LFT",
        parallel_lft,
        f"Davis and Patterson 1975, Management Science 21; {_KOLISCH}",
        (*_LATE, parallel),
    ),
    Rule(
        "PSGS-WCS",
        parallel_wcs,
        "Kolisch 1996, J. Oper. Manag. 14: efficient priority rules",
        (*_LATE, parallel),
    ),
)
