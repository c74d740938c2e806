"""Whole models of 1‖ΣTj as candidates.

Functions `build(data)`, and the `decode(values, data)` that they share.
"""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-overload, operator"

import numpy as np

from gapsmith.evaluators.grammar import Rule
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
)


def positional(data):
    """Positional assignment, completion times written out."""
    from ortools.sat.python import cp_model

    p, d = data["p"].tolist(), data["d"].tolist()
    n, model, done = len(p), cp_model.CpModel(), 0
    at = [[model.new_bool_var(f"job {j} at {k}") for k in range(n)] for j in range(n)]
    for one in range(n):
        model.add_exactly_one(at[one])
        model.add_exactly_one(at[j][one] for j in range(n))
    tardiness = [model.new_int_var(0, max(0, sum(p) - min(d)), f"tardiness at {k}") for k in range(n)]
    for k in range(n):
        done += sum(p[j] * at[j][k] for j in range(n))
        model.add(tardiness[k] >= done - sum(d[j] * at[j][k] for j in range(n)))
    model.minimize(sum(tardiness))
    return model, {"at": at}


def ordering(data):
    """Linear ordering; pairs that Emmons' conditions decide are constants, and a good sequence bounds the total."""
    from ortools.sat.python import cp_model

    p, d = data["p"].tolist(), data["d"].tolist()
    n, model, order = len(p), cp_model.CpModel(), emmons_order(data["p"], data["d"])
    _, most = good_sequence(data["p"], data["d"])
    before = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1, n):
            known = order[i, j] or order[j, i]
            fixed = model.new_constant(int(order[i, j]))
            before[i][j] = fixed if known else model.new_bool_var(f"{i} before {j}")
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                around = before[i][j] + before[j][k] - before[i][k]
                model.add_linear_constraint(around, 0, 1)
    tardiness = []
    for j in range(n):
        earlier = sum(p[i] * before[i][j] for i in range(j))
        later = sum(p[i] * (1 - before[j][i]) for i in range(j + 1, n))
        latest = int(sum(p) - data["p"][order[j]].sum())
        tardiness.append(model.new_int_var(0, max(0, min(most, latest - d[j])), f"tardiness {j}"))
        model.add(tardiness[j] >= earlier + later + p[j] - d[j])
    model.add(sum(tardiness) <= most)
    model.minimize(sum(tardiness))
    return model, {"before": before}


def decode(values, data):
    """The jobs by their places, or by how many come before them."""
    if "at" in values:
        return np.argmax(np.array(values["at"]), axis=0).tolist()
    before, n = values["before"], len(data["p"])
    ahead = [
        sum(before[i][j] for i in range(j)) + sum(1 - before[j][i] for i in range(j + 1, n)) for j in range(n)
    ]
    return sorted(range(n), key=lambda j: ahead[j])


POSITIONAL = Rule("positional", positional, "Lasserre and Queyranne 1992: positional assignment", (decode,))
ORDERING = Rule(
    "ordering",
    ordering,
    "Potts 1980: linear ordering; Emmons 1969: dominance; Baker and Bertrand 1982: a good sequence",
    (decode, emmons_order, good_sequence),
)
