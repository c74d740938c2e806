"""The multi-dimensional knapsack: prices, decimals, exactness against counting out, rules and blocks."""

import csv
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from helpers import DATA, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.multidimensional_knapsack.exact.solve import (
    PackingDual,
    bound_by_lagrangian,
    pack_in_order,
    solve_packing,
)
from gapsmith.evaluators.problems.multidimensional_knapsack.problem import convert_to_integers, problem

FOLDER = DATA / "knapsack"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark folder knapsack/ is absent")
ENTRY = problem.entry.name


def stored():
    """Rows of the stored values by our names: OR-Library counts the `cb` instances from 00, files from 1."""
    with (FOLDER / "optima.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        stem, _, number = row["instance"].rpartition("-")
        if "cb" in stem:
            row["instance"] = f"{stem}-{int(number) + 1}"
    return {row["instance"]: row for row in rows}


def instance_of(profit, weight, capacity):
    """An instance of those numbers."""
    return Instance(
        "made", {"profit": np.array(profit), "weight": np.array(weight), "capacity": np.array(capacity)}
    )


def run(source, instance):
    """What a program's entry point returns, as plain data."""
    space = {}
    exec(source, space)
    return plain(space[ENTRY](*(np.array(datum) for datum in instance.data.values())))


def program(**chosen):
    """A program of the grammar: its first block in each role, but for those chosen."""
    blocks = problem.grammar.blocks
    names = {role: chosen.get(role, functions[0].__name__) for role, functions in blocks.items()}
    parts = [problem.grammar.sources(role)[name] for role, name in names.items()]
    return "\n\n".join(["import numpy as np", *parts, extract_source(problem.grammar.main, ENTRY)])


def best(profit, weight, capacity):
    """The greatest profit, by counting out."""
    packings = np.array(list(product((0, 1), repeat=len(profit))))
    return int((packings @ profit)[(packings @ weight.T <= capacity).all(axis=1)].max())


@st.composite
def packings(draw, largest=60):
    """Small instances, with items that weigh nothing or fit nowhere, and capacities of nothing."""
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    numbers = lambda count: np.array(draw(st.lists(st.integers(0, largest), min_size=count, max_size=count)))  # noqa: E731
    return numbers(n), numbers(n * m).reshape(m, n), 3 * numbers(m)


SMALL = instance_of([5, 4, 3], [[2, 3, 1], [4, 1, 2]], [5, 5])


def test_a_packing_is_priced_by_its_profits():
    """The cost of a packing is the sum of its items' profits, in any order; none at all is worth 0."""
    assert problem.cost(SMALL, [1, 0]) == 9
    assert problem.cost(SMALL, []) == 0


@pytest.mark.parametrize(
    "broken",
    [
        [0, 2], [0, 1, 2], [0, 0], [3], [-1], [True], [1.0], ["1"], [None], [float("nan")], [[0]], "0", None, {"0": 1},
    ],
)  # fmt: skip
def test_what_is_no_packing_is_infeasible(broken):
    """Anything but a list of distinct integer indices within every capacity is refused with a reason."""
    with pytest.raises(Infeasible, match=r"\w+ \w+"):
        problem.cost(SMALL, broken)


def test_a_capacity_may_be_used_up_but_not_exceeded_by_one():
    """Weights that sum to a capacity fit; one unit more does not, and the message says which resource."""
    assert problem.cost(instance_of([1, 1], [[2, 3], [1, 1]], [5, 2]), [0, 1]) == 2
    with pytest.raises(Infeasible, match=r"take 5 of resource 0; its capacity is 4"):
        problem.cost(instance_of([1, 1], [[2, 3], [1, 1]], [4, 2]), [0, 1])


def test_decimals_are_reckoned_with_exactly():
    """Tenths that sum to a capacity fit, though their doubles do not, and profits sum to the decimal's double."""
    tenths = instance_of([0.1, 0.2, 0.7], [[0.1, 0.2, 0.4]], [0.3])
    assert 0.1 + 0.2 > 0.3
    assert problem.cost(tenths, [0, 1]) == 0.3
    found = problem.baseline(tenths, 10.0)
    assert found.lower == found.upper == problem.cost(tenths, found.solution) == 0.3
    assert convert_to_integers(np.array([0.25, 3.0]))[1] == 100
    with pytest.raises(ValueError, match="decimals"):
        convert_to_integers(np.array([1 / 3]))


GOOD = "1\n3 2 9\n5 4 3\n2 3 1\n4 1 2\n5 5\n"


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("5 4 3", "5 x 3", r"line 3: found 'x'; expected a profit"),
        ("2 3 1", "2 -3 1", r"line 4: found '-3'; expected a weight"),
        ("5 5", "5", r"line 6: the file ends; expected a capacity"),
        ("5 5", "5 5 5", r"line 6: found '5'; expected the end"),
        ("3 2 9", "0 2 9", r"line 2: found '0'; expected the number of items"),
        ("5 4 3", "5 4 9999999999", r"line 3: found '9999999999'"),
        ("5 4 3", "5 nan 3", r"line 3: found 'nan'"),
    ],
)
def test_complaints_name_file_and_line(was, becomes, complaint, tmp_path):
    """A broken file is refused with its line, what was found and what was expected."""
    path = tmp_path / "broken.txt"
    path.write_text(GOOD.replace(was, becomes))
    with pytest.raises(GapsmithError, match=r"broken\.txt, " + complaint):
        problem.read(path)


def test_a_good_file_is_read(tmp_path):
    """OR-Library's order: profits, rows of weights, capacities; one instance is named as the file."""
    path = tmp_path / "good.txt"
    path.write_text(GOOD)
    (instance,) = problem.read(path)
    assert instance.name == "good"
    assert {name: datum.tolist() for name, datum in instance.data.items()} == {
        name: datum.tolist() for name, datum in SMALL.data.items()
    }


@settings(max_examples=60, deadline=None)
@given(packings())
def test_the_baseline_is_exact_on_small_instances(drawn):
    """On any small instance the baseline proves what counting out finds."""
    found = solve_packing(*drawn, 10.0)
    assert found.lower == found.upper == best(*drawn) == drawn[0][found.solution].sum()


@settings(max_examples=60, deadline=None)
@given(packings(largest=2000), st.data())
def test_the_dual_bounds_every_packing_at_any_multipliers(drawn, data):
    """At any multipliers of at least 0 the Lagrangian is no less than the greatest profit."""
    dual = PackingDual(*drawn)
    some = st.lists(st.integers(0, 2**24), min_size=len(drawn[2]), max_size=len(drawn[2]))
    value, _ = dual(np.array(data.draw(some)))
    assert -value >= dual.scale * best(*drawn)


def test_without_time_the_bounds_are_still_true():
    """A baseline with no time at all brackets the optimum that one with time proves."""
    instance = Instance("made", problem.generate(np.random.default_rng(1), "m=5 alpha=0.5", 30))
    hasty, proven = problem.baseline(instance, 0.0), problem.baseline(instance, 30.0)
    assert (
        problem.cost(instance, hasty.solution) == hasty.lower <= proven.lower == proven.upper <= hasty.upper
    )


@needs_data
def test_all_files_parse_and_no_rule_beats_a_bound():
    """Every instance of the folder is read; every rule's packing is feasible and within the stored upper bound."""
    known, seen = stored(), 0
    for path in sorted(FOLDER.glob("*.txt")):
        for instance in problem.read(path):
            seen += 1
            for rule in problem.rules:
                value = problem.cost(instance, run(rule.source(ENTRY), instance))
                assert value <= float(known[instance.name]["upper"]), (instance.name, rule.name)
    assert seen == len(known) == 67


@needs_data
def test_the_lagrangian_comes_down_to_the_published_linear_bound():
    """On every fifth `cb` instance the bound is floor(LP) as OR-Library prints it, or at most two more."""
    known = stored()
    for path in ("mknapcb1.txt", "mknapcb2.txt"):
        for instance in problem.read(FOLDER / path)[::5]:
            profit, weight, capacity = instance.data.values()
            chosen = pack_in_order(weight, capacity, np.arange(len(profit)))
            _, _, upper = bound_by_lagrangian(profit, weight, capacity, int(profit[chosen].sum()))
            assert 0 <= upper - int(known[instance.name]["upper"]) <= 2


@needs_data
def test_the_baseline_equals_stored_optima():
    """The baseline proves the stored optima of `mknap1`, decimals and all, and of a `cb` instance of 100 items."""
    known = stored()
    for instance in [*problem.read(FOLDER / "mknap1.txt"), problem.read(FOLDER / "mknapcb1.txt")[6]]:
        found = problem.baseline(instance, 60.0)
        assert found.lower == found.upper == float(known[instance.name]["lower"])
        assert problem.cost(instance, found.solution) == found.lower


@pytest.mark.parametrize("role", ["price", "construct", "improve"])
def test_every_block_makes_a_packing(role):
    """Each block of the grammar, with classical priorities, gives a feasible packing, on one item as on forty."""
    for block in problem.grammar.blocks[role]:
        source = program(**{role: block.__name__})
        for priority in problem.grammar.priorities:
            filled = source.replace("priority = -value / use", f"priority = {priority}")
            for size, stratum in product((1, 2, 40), problem.strata[::2]):
                instance = Instance("made", problem.generate(np.random.default_rng(size), stratum, size))
                assert problem.cost(instance, run(filled, instance)) >= 0


def test_rules_and_blocks_survive_nothing():
    """No capacity, no weight and no profit are instances like any other."""
    for numbers in (
        ([3, 4], [[1, 2]], [0]),
        ([3, 4], [[0, 0]], [0]),
        ([0, 0], [[1, 2]], [9]),
        ([7], [[9]], [3]),
    ):
        instance = instance_of(*numbers)
        greatest = best(*(np.array(datum) for datum in numbers))
        for source in [program(), program(construct="drop"), *(rule.source(ENTRY) for rule in problem.rules)]:
            assert problem.cost(instance, run(source, instance)) <= greatest


def test_instances_are_reproducible_and_splits_disjoint():
    """The same seed draws the same instances; no instance is in two splits; strata are what they say."""
    drawn = {split: problem.generate_instances(split, seed=4, count=12) for split in Split}
    again = problem.generate_instances(Split.TRAIN, seed=4, count=12)
    assert [i.digest for i in drawn[Split.TRAIN]] == [i.digest for i in again]
    digests = [i.digest for instances in drawn.values() for i in instances]
    assert len(set(digests)) == len(digests)
    for instance in drawn[Split.TRAIN]:
        weight, capacity = instance.data["weight"], instance.data["capacity"]
        assert instance.stratum.startswith(f"m={len(weight)} ")
        assert (
            capacity == (float(instance.stratum.split("alpha=")[1]) * weight.sum(axis=1)).astype(int)
        ).all()


# Files, prices, strata


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
