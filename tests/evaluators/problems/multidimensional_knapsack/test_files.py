"""Knapsacks survive their file in both layouts, decimals included, and packings are judged exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance
from gapsmith.evaluators.problems.multidimensional_knapsack.problem import convert_to_integers, problem


@st.composite
def knapsacks(draw, unit=1):
    """Instances of up to eight items and three resources, as multiples of 1 / unit."""
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    weight = rng.integers(0, 100, (m, n))
    data = {"profit": rng.integers(0, 100, n), "weight": weight, "capacity": weight.sum(axis=1) // 2}
    return Instance("drawn", data if unit == 1 else {key: datum / unit for key, datum in data.items()})


def text_of(instances, layout="resources"):
    """OR-Library's format: a line for the profits, each row of weights, and the capacities."""
    lines = [str(len(instances))]
    for instance in instances:
        profit, weight, capacity = instance.data.values()
        rows = weight if layout == "resources" else weight.T
        lines.append(f"{len(profit)} {len(capacity)} 0")
        lines += [" ".join(map(repr, row)) for row in [profit.tolist(), *rows.tolist(), capacity.tolist()]]
    return "\n".join(lines) + "\n"


@settings(max_examples=40)
@given(st.lists(knapsacks(), min_size=1, max_size=3), st.sampled_from(["resources", "items"]))
def test_instances_survive_their_file_in_both_layouts(tmp_path_factory, instances, layout):
    """Several instances of a file come back in their order, numbered from 1, in the layout that is named."""
    path = tmp_path_factory.mktemp("knapsacks") / "drawn.txt"
    path.write_text(text_of(instances, layout))
    found = problem.read(path, layout)
    numbers = [""] if len(instances) == 1 else [f"-{k + 1}" for k in range(len(instances))]
    assert [each.name for each in found] == [f"drawn{number}" for number in numbers]
    assert [each.digest for each in found] == [each.digest for each in instances]


@settings(max_examples=25)
@given(knapsacks(unit=100))
def test_decimals_survive_their_file(tmp_path_factory, instance):
    """Hundredths come back as the doubles that they were written from."""
    path = tmp_path_factory.mktemp("knapsacks") / "drawn.txt"
    path.write_text(text_of([instance]))
    (read,) = problem.read(path)
    for name, datum in instance.data.items():
        assert (read.data[name] == datum).all()


@given(knapsacks(), st.data())
def test_a_file_with_a_number_less_or_more_is_refused(tmp_path_factory, instance, data):
    """No file that lacks a number, or has one more at its end, is read as an instance."""
    lines = [line.split() for line in text_of([instance]).splitlines()]
    row = data.draw(st.integers(1, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[row]) - 1))
    path = tmp_path_factory.mktemp("knapsacks") / "broken.txt"
    shorter = [*lines[:row], [*lines[row][:place], *lines[row][place + 1 :]], *lines[row + 1 :]]
    for broken in (shorter, [*lines, ["7"]]):
        path.write_text("\n".join(map(" ".join, broken)))
        with pytest.raises(GapsmithError):
            problem.read(path)


@pytest.mark.parametrize("unit", [1, 10, 1000])
@settings(max_examples=40)
@given(data=st.data())
def test_a_packing_has_a_price_exactly_when_it_fits(unit, data):
    """Judged in fractions: feasible selections are worth their profits, others are refused, with decimals too."""
    instance = data.draw(knapsacks(unit))
    profit, weight, capacity = instance.data.values()
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    chosen = rng.permutation(len(profit))[: rng.integers(0, len(profit) + 1)].tolist()

    def exactly(number):
        return Fraction(round(float(number) * unit), unit)

    fits = all(
        sum(exactly(row[item]) for item in chosen) <= exactly(most)
        for row, most in zip(weight, capacity, strict=True)
    )
    if fits:
        assert problem.cost(instance, chosen) == float(sum(exactly(profit[item]) for item in chosen))
    else:
        with pytest.raises(Infeasible, match="its capacity is"):
            problem.cost(instance, chosen)


@settings(max_examples=15)
@given(knapsacks(), st.data())
def test_mutants_of_a_packing_are_refused(instance, data):
    """A packing with an item twice, out of range or of another type has no price."""
    n = len(instance.data["profit"])
    chosen = problem.baseline(instance, 5.0).solution or [0]
    place = data.draw(st.integers(0, len(chosen) - 1))
    item = chosen[place]
    wrong = [n, -1, float(item), str(item), None, [item], True]
    mutants = [[*chosen[:place], each, *chosen[place + 1 :]] for each in wrong]
    for mutant in [*mutants, [*chosen, item], tuple(chosen), dict.fromkeys(chosen), None]:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@settings(max_examples=10)
@given(knapsacks(), st.sampled_from([10, 100]))
def test_optima_of_decimals_are_those_of_the_integers(instance, unit):
    """Divided by a power of ten an instance has the same packings, worth as much less."""
    tenths = Instance("tenths", {key: datum / unit for key, datum in instance.data.items()})
    found, small = problem.baseline(instance, 5.0), problem.baseline(tenths, 5.0)
    assert found.proven
    assert small.proven
    assert small.upper == found.upper / unit == problem.cost(tenths, small.solution)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), st.integers(0, 6))
def test_whole_numbers_of_the_smallest_unit_are_exact(numbers, decimals):
    """Integers divided by a power of ten come back as integers of a unit that divides it."""
    unit = 10**decimals
    (found,), part = convert_to_integers(np.array(numbers) / unit)
    assert unit % part == 0
    assert [Fraction(int(value), part) for value in found] == [Fraction(value, unit) for value in numbers]


def test_totals_beyond_64_bits_are_exact():
    """Weights near the limit of 64 bits are summed as Python's integers."""
    huge = (1 << 62) + 1
    data = {"profit": np.array([huge] * 3), "weight": np.array([[1, 1, 1]]), "capacity": np.array([3])}
    assert problem.cost(Instance("huge", data), [0, 1, 2]) == 3 * huge
