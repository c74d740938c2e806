"""Prices are exact: what a reader lets in costs what integers of any size say, and what would not is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import GapsmithError, Instance
from gapsmith.evaluators.solutions import make_exact

HUGE = st.integers(1, 1 << 62)


@st.composite
def sequences(draw, rows):
    """Jobs with huge numbers, a line each, and an order of them."""
    n = draw(st.integers(2, 6))
    data = [[draw(HUGE) for _ in range(n)] for _ in range(rows)]
    return np.array(data, dtype=np.int64), draw(st.permutations(range(n)))


@given(sequences(3))
def test_weighted_tardiness_is_exact(drawn):
    """Sums and products beyond 64 bits are those of Python's integers."""
    (p, w, d), order = drawn
    end = total = plain = 0
    for job in order:
        end += int(p[job])
        late = max(0, end - int(d[job]))
        total, plain = total + int(w[job]) * late, plain + late
    found = find_problem("single_machine_weighted_tardiness").cost(
        Instance("x", {"p": p, "w": w, "d": d}), order
    )
    assert found == total
    assert find_problem("single_machine_tardiness").cost(Instance("x", {"p": p, "d": d}), order) == plain


@given(sequences(3))
def test_makespans_are_exact(drawn):
    """So are the times of a flow shop, of machines and of a job shop."""
    times, order = drawn
    done = [0, 0, 0]
    for job in order:
        ready = 0
        for k in range(3):
            ready = done[k] = max(ready, done[k]) + int(times[k][job])
    assert find_problem("permutation_flow_shop").cost(Instance("x", {"p": times.T.copy()}), order) == done[-1]
    one = Instance("x", {"p": times[0], "m": 1})
    assert find_problem("parallel_machines").cost(one, [0] * len(order)) == sum(times[0].tolist())


@given(st.integers(2, 5), st.data())
def test_tours_assignments_and_slacks_are_exact(n, data):
    """So are lengths, products of flows and distances, and slacks."""
    flow, distance = (
        np.array(data.draw(st.lists(st.lists(HUGE, min_size=n, max_size=n), min_size=n, max_size=n)))
        for _ in range(2)
    )
    order = data.draw(st.permutations(range(n)))
    tour = sum(int(distance[order[k - 1], order[k]]) for k in range(n))
    assert find_problem("tsp").cost(Instance("x", {"distance": distance}), order) == tour
    cost = sum(int(flow[i, k]) * int(distance[order[i], order[k]]) for i in range(n) for k in range(n))
    placed = Instance("x", {"flow": flow, "distance": distance})
    assert find_problem("quadratic_assignment").cost(placed, order) == cost
    slack = sum(abs(sum(row) - side) for row, side in zip(flow.tolist(), distance[0].tolist(), strict=True))
    split = Instance("x", {"a": flow, "b": distance[0]})
    assert find_problem("market_split").cost(split, [1] * n) == slack


@given(st.lists(HUGE, min_size=1, max_size=6))
def test_profits_are_exact(profit):
    """So is the profit of a knapsack, and what it takes of a capacity."""
    most = np.array([(1 << 63) - 1])
    items = list(range(len(profit)))
    light = Instance(
        "x", {"profit": np.array(profit), "weight": np.ones((1, len(profit)), int), "capacity": most}
    )
    assert find_problem("multidimensional_knapsack").cost(light, items) == sum(profit)


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=5), st.integers(1, 9))
def test_sums_of_exact_arrays_are_exact(values, times):
    """No sum of entries, each so many times, leaves its type."""
    assert int((make_exact(np.array(values, dtype=np.int64), times) * times).sum()) == sum(values) * times


BIG = str(1 << 52)
REFUSED = [
    ("single_machine_tardiness", f"3\n{BIG} 1\n{BIG} 2\n{BIG} 3\n"),
    ("single_machine_weighted_tardiness", f"{BIG}\n{BIG}\n1\n"),
    ("permutation_flow_shop", f"3 1 0 0 0\n{BIG} {BIG} {BIG}\n"),
    ("job_shop", f"1 1\n0 {BIG}\n"),
    ("parallel_machines", f"1\n3\n{BIG}\n{BIG}\n{BIG}\n"),
    ("market_split", f"1 2\n{BIG} {BIG} 5\n"),
    ("quadratic_assignment", f"2\n0 {BIG}\n1 0\n0 1\n1 0\n"),
    ("multidimensional_knapsack", f"1\n2 1 0\n{BIG} 1\n1 1\n2\n"),
    ("online_bin_packing", f"1\na\n{BIG} 1 1\n5\n"),
]


@pytest.mark.parametrize(("problem", "text"), REFUSED)
def test_what_could_not_be_exact_is_refused(tmp_path, problem, text):
    """The complaint names the number, its line and a limit."""
    path = tmp_path / "huge.txt"
    path.write_text(text)
    layout = ("jobs=1",) if "weighted" in problem else ()
    with pytest.raises(GapsmithError, match=rf"huge\.txt, line \d+: found '?{BIG}'?; expected .*\d{{6}}"):
        find_problem(problem).read(path, *layout)


WORDS = st.sampled_from(
    ["1", "2", "3", "0", "-1", "9" * 5000, "1e999999999", "nan", "x", "#", "é", "\x1a", "EOF"]
)


@settings(max_examples=60)
@given(
    st.sampled_from([name for name, _ in REFUSED] + ["tsp", "rcpsp", "independent_set"]),
    st.lists(st.lists(WORDS, max_size=6), max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
def test_any_text_is_instances_or_trouble(tmp_path_factory, problem, rows, encoding):
    """No text, whatever its numbers and encoding, makes a reader raise anything but GapsmithError."""
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes("\n".join(" ".join(row) for row in rows).encode(encoding))
    try:
        found = find_problem(problem).read(path)
    except GapsmithError as trouble:
        said = str(trouble)
    else:
        said = "" if found else "nothing"
    assert not said or "any.txt" in said
