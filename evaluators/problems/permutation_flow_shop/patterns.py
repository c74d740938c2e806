"""Classical ways to strengthen the positional assignment of F|prmu|Cmax."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def finish(p, sequence):
    """When each machine is free after a sequence."""
    free = np.zeros(p.shape[1], dtype=int)
    for job in sequence:
        now = 0
        for k in range(p.shape[1]):
            now = free[k] = max(now, free[k]) + p[job, k]
    return free


def good_sequence(p):
    """NEH: longest total time first, each job where the partial sequence is shortest; then insertions that help."""
    sequence = []
    for job in np.argsort(-p.sum(axis=1), kind="stable"):
        trials = [[*sequence[:i], int(job), *sequence[i:]] for i in range(len(sequence) + 1)]
        sequence = min(trials, key=lambda trial: finish(p, trial)[-1])
    improved = True
    while improved:
        improved = False
        for job in list(sequence):
            rest = [other for other in sequence if other != job]
            trials = [[*rest[:i], job, *rest[i:]] for i in range(len(sequence))]
            found = min(trials, key=lambda trial: finish(p, trial)[-1])
            if finish(p, found)[-1] < finish(p, sequence)[-1]:
                sequence, improved = found, True
    return sequence, int(finish(p, sequence)[-1])


def upper_bound(model, variables, data):
    """The makespan of a good sequence."""
    _, length = good_sequence(data["p"])
    model.add(variables["makespan"] <= length).with_name("bound: NEH")


def hint(model, variables, data):
    """A good sequence to start from."""
    sequence, length = good_sequence(data["p"])
    for i, job in enumerate(sequence):
        for j in range(len(sequence)):
            model.add_hint(variables["at"][j][i], int(j == job))
    model.add_hint(variables["makespan"], length)


def machine_bounds(model, variables, data):
    """The makespan is at least every machine's work with the least time before it and the least after it."""
    p = data["p"]
    for k in range(p.shape[1]):
        before, after = p[:, :k].sum(axis=1), p[:, k + 1 :].sum(axis=1)
        pairs = [before[i] + after[j] for i in range(len(p)) for j in range(len(p)) if i != j or len(p) == 1]
        model.add(variables["makespan"] >= int(p[:, k].sum() + min(pairs))).with_name("bound: machine")


def johnson_bounds(model, variables, data):
    """The makespan is at least that of each two machines with lags between them, by Mitten's order."""
    p = data["p"]
    for k in range(p.shape[1]):
        for h in range(k + 1, p.shape[1]):
            lag = p[:, k + 1 : h].sum(axis=1)
            a, b = p[:, k] + lag, p[:, h] + lag
            first = sorted(np.flatnonzero(a <= b), key=lambda j: a[j])
            last = sorted(np.flatnonzero(a > b), key=lambda j: -b[j])
            one = two = 0
            for j in [*first, *last]:
                one += int(p[j, k])
                two = max(two, one + int(lag[j])) + int(p[j, h])
            least = int(p[:, :k].sum(axis=1).min()) + two + int(p[:, h + 1 :].sum(axis=1).min())
            model.add(variables["makespan"] >= least).with_name("bound: two machines")


def place_tails(model, variables, data):
    """From a place on, a machine has the work of the places to come, then the last job its own rest."""
    at, start, p = variables["at"], variables["start"], data["p"]
    n, m = p.shape
    for i in range(n):
        for k in range(m):
            work = sum(int(p[j, k]) * at[j][q] for j in range(n) for q in range(i, n))
            rest = sum(int(p[j, k + 1 :].sum()) * at[j][n - 1] for j in range(n))
            model.add(variables["makespan"] >= start[i][k] + work + rest).with_name(
                "implied: tail of a place"
            )


def place_heads(model, variables, data):
    """A place starts on a machine no earlier than the first job gets there, and the machine's work before it."""
    at, start, p = variables["at"], variables["start"], data["p"]
    n, m = p.shape
    for i in range(n):
        for k in range(m):
            head = sum(int(p[j, :k].sum()) * at[j][0] for j in range(n))
            work = sum(int(p[j, k]) * at[j][q] for j in range(n) for q in range(i))
            model.add(start[i][k] >= head + work).with_name("implied: head of a place")


def place_windows(model, variables, data):
    """A place starts on a machine after the shortest jobs, and leaves time for the shortest ones."""
    start, p = variables["start"], data["p"]
    n, m = p.shape
    for k in range(m):
        least = np.concatenate(([0], np.cumsum(np.sort(p[:, k]))))
        head, tail = int(p[:, :k].sum(axis=1).min()), int(p[:, k + 1 :].sum(axis=1).min())
        for i in range(n):
            model.add(start[i][k] >= head + int(least[i])).with_name("implied: window of a place")
            rest = int(least[n - i]) + tail
            model.add(variables["makespan"] >= start[i][k] + rest).with_name("implied: window of a place")


def equal_jobs(model, variables, data):
    """Of equal jobs the one of lower number comes first."""
    at, p = variables["at"], data["p"]
    for j in range(len(p)):
        twin = next((i for i in range(j + 1, len(p)) if (p[i] == p[j]).all()), None)
        for k in range(len(p) if twin is not None else 0):
            model.add(sum(at[twin][: k + 1]) <= sum(at[j][:k])).with_name("symmetry: equal jobs")


def first_machine_left(model, variables, data):
    """The first machine never waits: its starts are sums of times."""
    at, start, p = variables["at"], variables["start"], data["p"]
    n = len(p)
    for i in range(n):
        work = sum(int(p[j, 0]) * at[j][q] for j in range(n) for q in range(i))
        model.add(start[i][0] == work).with_name("symmetry: no wait on the first machine")


NEH = "Nawaz, Enscore and Ham 1983, Omega 11"

PATTERNS = (
    make_pattern(upper_bound, Claim.BOUND, NEH, (good_sequence, finish)),
    make_pattern(hint, Claim.HINT, NEH, (good_sequence, finish)),
    make_pattern(machine_bounds, Claim.BOUND, "Ignall and Schrage 1965, Oper. Res. 13"),
    make_pattern(
        johnson_bounds, Claim.BOUND, "Johnson 1954; Mitten 1959; Lageweg, Lenstra and Rinnooy Kan 1978"
    ),
    make_pattern(place_tails, Claim.IMPLIED, "Ignall and Schrage 1965, place by place"),
    make_pattern(place_heads, Claim.IMPLIED, "Ignall and Schrage 1965, place by place"),
    make_pattern(place_windows, Claim.IMPLIED, "folklore: the shortest jobs before and after a place"),
    make_pattern(first_machine_left, Claim.SYMMETRY, "folklore: left-shifted schedules"),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
)
