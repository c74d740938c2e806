"""Programs that solve instances while they build, in several ways: right everywhere, and no formulations."""

ORDER = '''
import numpy as np
from ortools.sat.python import cp_model


def best_order(p, d):
    """A shortest path over subsets."""
    n = len(p)
    cost, last = [0] * (1 << n), [0] * (1 << n)
    for chosen in range(1, 1 << n):
        done = sum(p[j] for j in range(n) if chosen >> j & 1)
        options = [(cost[chosen ^ 1 << j] + max(0, done - d[j]), j) for j in range(n) if chosen >> j & 1]
        cost[chosen], last[chosen] = min(options)
    order, chosen = [], (1 << n) - 1
    while chosen:
        order.append(last[chosen])
        chosen ^= 1 << last[chosen]
    return order[::-1], cost[-1]


def augment(model, variables, data):
    start, late = variables["start"], variables["tardiness"]
    p, d = data["p"].tolist(), data["d"].tolist()
    (order, total), done = best_order(p, d), 0
    starts = {}
    for job in order:
        starts[job] = done
        done += p[job]
BODY
'''

BODIES = {
    "starts": """\
    for job in order:
        model.add(start[job] == starts[job]).with_name("symmetry: the best order")""",
    "chain": """\
    for i, j in zip(order, order[1:]):
        model.add(start[j] >= start[i] + p[i]).with_name("symmetry: the best order")""",
    "table": """\
    row = [starts[job] for job in range(len(p))]
    decoy = [done - p[job] - starts[job] for job in range(len(p))]
    model.add_allowed_assignments(start, [row, decoy]).with_name("symmetry: two orders")""",
    "bound": """\
    model.add(sum(late) >= total).with_name("bound: the best order")
    for job in order:
        model.add_hint(start[job], starts[job])""",
    "nearly the bound": """\
    model.add(sum(late) >= total - 1).with_name("bound: the best order")
    model.add(sum(late) <= total).with_name("bound: the best order")""",
    "all but two": """\
    for job in order[:-2]:
        model.add(start[job] == starts[job]).with_name("symmetry: the best order")""",
    "all but three": """\
    for job in order[:-3]:
        model.add(start[job] == starts[job]).with_name("symmetry: the best order")""",
    "two clauses": """\
    for job in order:
        one, other = model.new_bool_var(""), model.new_bool_var("")
        model.add_bool_or(one, other).with_name("channel: a switch")
        model.add_bool_or(one, ~other).with_name("channel: a switch")
        model.add(start[job] == starts[job]).only_enforce_if(one).with_name("symmetry: the best order")""",
    "the solver": """\
    again = cp_model.CpModel()
    again.proto.copy_from(model.proto)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_time_in_seconds = 1, 0.3
    again.add(sum(late) <= total)
    solver.solve(again)
    for each in start:
        model.add(each == solver.value(each)).with_name("symmetry: the best order")""",
}

CHAIN = """\
    kept = order[:2] + order[3:5] + order[6:8]
    for i, j in zip(kept, kept[1:]):
        model.add(start[j] >= start[i] + p[i]).with_name("symmetry: the best order")"""
HINT = """\
    for job in order:
        model.add_hint(start[job], starts[job])"""


def solving(kind):
    """A program that solves 1‖ΣTj, of the intervals' formulation, in one of the ways."""
    return ORDER.replace("BODY", BODIES.get(kind, kind))


def guarded(body, most):
    """The same, which adds nothing where there are more jobs."""
    return solving(body).replace(
        "    (order, total), done", f"    if len(p) > {most}:\n        return\n    (order, total), done"
    )
