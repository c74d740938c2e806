"""Classical ways to strengthen the time-indexed model of 1‖ΣTj."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
)


def emmons_windows(model, variables, data):
    """A job starts after the work of its predecessors by Emmons, and leaves room for that of its successors."""
    p, before = data["p"], emmons_order(data["p"], data["d"])
    for j, line in enumerate(variables["starts"]):
        earliest, latest = p[before[:, j]].sum(), p.sum() - p[before[j]].sum() - p[j]
        for t, literal in enumerate(line):
            if not earliest <= t <= latest:
                model.add(literal == 0).with_name("symmetry: Emmons' windows")


def emmons_precedences(model, variables, data):
    """A job has started by a moment only if its predecessors by Emmons have ended."""
    starts, p, before = variables["starts"], data["p"], emmons_order(data["p"], data["d"])
    for i, j in np.argwhere(before):
        if (before[i] & before[:, j]).any():  # what lies between says it already
            continue
        for t in range(len(starts[j])):
            ended = sum(starts[i][: max(0, t - int(p[i]) + 1)])
            model.add(sum(starts[j][: t + 1]) <= ended).with_name("symmetry: Emmons' precedence")


def equal_jobs(model, variables, data):
    """Of equal jobs the one of lower number comes first."""
    starts, p, d = variables["starts"], data["p"], data["d"]
    for j in range(len(p)):
        twin = next((i for i in range(j + 1, len(p)) if p[i] == p[j] and d[i] == d[j]), None)
        for t in range(len(starts[j]) if twin is not None else 0):
            earlier = sum(starts[j][:t])
            model.add(sum(starts[twin][: t + 1]) <= earlier).with_name("symmetry: equal jobs")


def no_idle(model, variables, data):
    """At every moment exactly one job runs: the horizon leaves no room for idle time."""
    p = data["p"]
    for moment in range(int(p.sum())):
        running = [
            literal
            for line, length in zip(variables["starts"], p, strict=True)
            for literal in line[max(0, moment - int(length) + 1) : moment + 1]
        ]
        model.add_exactly_one(running).with_name("implied: no idle time")


def reachable_starts(model, variables, data):
    """Without idle time a job starts where a sum of other times ends."""
    p = data["p"]
    for j, line in enumerate(variables["starts"]):
        sums = {0}
        for length in np.delete(p, j).tolist():
            sums |= {total + length for total in sums}
        for t, literal in enumerate(line):
            if t not in sums:
                model.add(literal == 0).with_name("implied: reachable starts")


def intervals(model, variables, data):
    """The jobs as intervals that do not overlap."""
    p, jobs = data["p"], []
    for j, line in enumerate(variables["starts"]):
        start = model.new_int_var(0, len(line) - 1, f"start {j}")
        model.add(start == sum(t * at for t, at in enumerate(line))).with_name("channel: start")
        jobs.append(model.new_fixed_size_interval_var(start, int(p[j]), f"channel: job {j}"))
    model.add_no_overlap(jobs).with_name("implied: no overlap")


def upper_bound(model, variables, data):
    """The total tardiness of a good sequence."""
    p, d = data["p"], data["d"]
    _, total = good_sequence(p, d)
    late = [
        max(0, t + int(p[j] - d[j])) * at
        for j, line in enumerate(variables["starts"])
        for t, at in enumerate(line)
    ]
    model.add(sum(late) <= total).with_name("bound: a good sequence")


def hint(model, variables, data):
    """A good sequence to start from."""
    sequence, _ = good_sequence(data["p"], data["d"])
    done = 0
    for job in sequence:
        for t, literal in enumerate(variables["starts"][job]):
            model.add_hint(literal, int(t == done))
        done += int(data["p"][job])


EMMONS = "Emmons 1969, Oper. Res. 17; ties by (p, d, number)"

PATTERNS = (
    make_pattern(emmons_windows, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(emmons_precedences, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
    make_pattern(no_idle, Claim.IMPLIED, "folklore: a horizon of the total work"),
    make_pattern(reachable_starts, Claim.IMPLIED, "folklore: left-shifted schedules start at sums of times"),
    make_pattern(intervals, Claim.CHANNEL, "OR-Tools' general form"),
    make_pattern(upper_bound, Claim.BOUND, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
    make_pattern(hint, Claim.HINT, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
)
