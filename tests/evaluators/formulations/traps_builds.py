"""Whole models that are wrong, and decoders that lie."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
from traps import lie

from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.whole_model_patterns import (
    decode,
    ordering,
    positional,
)


def earliest_due_date(values, data):
    """A sequence that has nothing to do with the model."""
    return np.argsort(data["d"], kind="stable").tolist()


def decoded_backwards(values, data):
    """The places from behind, where that is as good for all but the ends."""
    sequence = np.argmax(np.array(values["at"]), axis=0).tolist()
    return sequence[::-1] if len(sequence) == 3 else sequence


def good_again(values, data):
    """A good sequence, found once more, whatever the model says."""
    return good_sequence(data["p"], data["d"])[0]


def heuristic_as_model(data):
    """A good sequence in the guise of a model: proved at once, and nearly always right."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    _, total = good_sequence(data["p"], data["d"])
    tardiness = model.new_int_var(total, total + 1, "total tardiness")
    model.minimize(tardiness)
    return model, {"tardiness": tardiness}


def positional_and_another(data):
    """A right model; the decoder lies."""
    return positional(data)


def positional_and_backwards(data):
    """A right model; the decoder is wrong for three jobs."""
    return positional(data)


def ordering_and_good(data):
    """A right model; the decoder does not look at it."""
    return ordering(data)


def twice_the_tardiness(data):
    """A right model of twice the objective."""
    model, variables = positional(data)
    total = sum(range(len(data["p"])))
    model.minimize(2 * sum(model.get_int_var_from_proto_index(k) for k in late_variables(model)) + 0 * total)
    return model, variables


def late_variables(model):
    """The variables of tardiness, by their names."""
    return [k for k, each in enumerate(model.proto.variables) if each.name.startswith("tardiness")]


def no_negative_due_dates(data):
    """Cuts due dates off at 0, as if there were none below."""
    return positional({"p": data["p"], "d": np.maximum(data["d"], 0)})


def small_constant(data):
    """Orders by big-M, with an M that is the sum of all times but the longest."""
    from ortools.sat.python import cp_model

    p, d = data["p"].tolist(), data["d"].tolist()
    n, model, most = len(p), cp_model.CpModel(), sum(p) - max(p)
    start = [model.new_int_var(0, sum(p) - p[j], f"start {j}") for j in range(n)]
    late = [model.new_int_var(0, max(0, sum(p) - d[j]), f"late {j}") for j in range(n)]
    before = [[model.new_bool_var(f"{i} {j}") if i < j else None for j in range(n)] for i in range(n)]
    for i in range(n):
        model.add(late[i] >= start[i] + p[i] - d[i])
        for j in range(i + 1, n):
            model.add(start[j] >= start[i] + p[i] - most * (1 - before[i][j]))
            model.add(start[i] >= start[j] + p[j] - most * before[i][j])
    model.minimize(sum(late))
    return model, {"before": before}


def circles_allowed(data):
    """Linear ordering without the constraints against circles: too good where three jobs can chase each other."""
    from ortools.sat.python import cp_model

    p, d = data["p"].tolist(), data["d"].tolist()
    n, model = len(p), cp_model.CpModel()
    before = [[model.new_bool_var(f"{i} {j}") if i < j else None for j in range(n)] for i in range(n)]
    late = [model.new_int_var(0, max(0, sum(p) - d[j]), f"late {j}") for j in range(n)]
    for j in range(n):
        earlier = sum(p[i] * before[i][j] for i in range(j))
        later = sum(p[i] * (1 - before[j][i]) for i in range(j + 1, n))
        model.add(late[j] >= earlier + later + p[j] - d[j])
    model.minimize(sum(late))
    return model, {"before": before}


NAME = "tardiness_positional"

LIES = (
    lie(NAME, positional_and_another, earliest_due_date, "decodes to another sequence", (positional,)),
    lie(NAME, positional_and_backwards, decoded_backwards, "wrong for three jobs alone", (positional,)),
    lie(
        NAME,
        ordering_and_good,
        good_again,
        "the decoder's sequence is as good as the optimum only mostly",
        (ordering, emmons_order, good_sequence),
    ),
    lie(
        NAME,
        heuristic_as_model,
        good_again,
        "proves nothing: wrong where the rule is: rare",
        (good_sequence,),
    ),
    lie(
        NAME,
        twice_the_tardiness,
        decode,
        "an objective that is not the problem's",
        (positional, late_variables),
    ),
    lie(NAME, no_negative_due_dates, decode, "wrong only where a due date is below 0", (positional,)),
    lie(NAME, small_constant, decode, "a big-M that is too small"),
    lie(NAME, circles_allowed, decode, "a relaxation, and decoded to a worse sequence"),
)
