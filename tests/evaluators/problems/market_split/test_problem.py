"""Market split: files, prices row by row, exactness, rules and blocks."""

import csv
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import Rule, extract_source
from gapsmith.evaluators.problems.market_split.exact import solve as exact
from gapsmith.evaluators.problems.market_split.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.market_split.exact.solve import (
    compute_total_slack,
    flip_while_better,
    solve_market_split,
)
from gapsmith.evaluators.problems.market_split.grammar import GRAMMAR
from gapsmith.evaluators.problems.market_split.problem import problem
from gapsmith.evaluators.scoring import Scale

FOLDER = DATA / "market_split"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of public instances is absent")


def stored() -> list[dict[str, str]]:
    """The rows of `optima.csv`."""
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "optima.csv").open() as file:
        return list(csv.DictReader(file))


def instance_of(a: list[list[int]], b: list[int]) -> Instance:
    """An instance of those rows."""
    return Instance("tiny", {"a": np.array(a, dtype=np.int64), "b": np.array(b, dtype=np.int64)})


def run(program: Rule | str, instance: Instance) -> list[int]:
    """What a program returns, as plain data, run from its own source."""
    space: dict[str, Any] = {}
    exec(program if isinstance(program, str) else program.source("split"), space)
    a, b = (np.asarray(instance.data[key]).copy() for key in "ab")
    return np.asarray(space["split"](a, b)).tolist()  # type: ignore[no-any-return]


def least(a: Any, b: Any) -> int:
    """The optimum by full enumeration."""
    return min(
        compute_total_slack(np.array(a), np.array(b), np.array(x)) for x in product((0, 1), repeat=len(a[0]))
    )


@needs_data
def test_every_stored_file_is_known() -> None:
    """The folder's files and its list of optima name the same instances."""
    assert {path.stem for path in FOLDER.glob("*.dat")} == {row["instance"] for row in stored()}
    assert len(stored()) == 24


@needs_data
@pytest.mark.parametrize("row", stored(), ids=lambda row: row["instance"])
def test_stored_systems_are_solved(row: dict[str, str]) -> None:
    """Every file parses, its system is solved, and the optimum is the stored one: a slack of 0."""
    (instance,) = problem.read(FOLDER / f"{row['instance']}.dat")
    assert instance.name == row["instance"]
    assert np.asarray(instance.data["a"]).shape == (int(row["m"]), int(row["n"]))
    found = problem.baseline(instance, 30)
    assert (found.lower, found.upper) == (int(row["lower"]), int(row["upper"])) == (0, 0)
    assert problem.cost(instance, found.solution) == 0


SYSTEMS = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**32))


def drawn(case: tuple[int, int, int]) -> tuple[Any, Any]:
    """A small system, seldom feasible."""
    m, n, seed = case
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 40, (m, n))
    return a, rng.integers(0, 1 + a.sum(axis=1))


@settings(max_examples=120, deadline=None)
@given(SYSTEMS)
def test_the_baseline_is_exact_on_small_systems(case: tuple[int, int, int]) -> None:
    """It equals full enumeration, and proves it."""
    a, b = drawn(case)
    found = solve_market_split(a, b, 5)
    assert found.lower == found.upper == least(a, b) == compute_total_slack(a, b, np.array(found.solution))


def test_halves_do_not_lean_on_the_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the worst start the meet in the middle finds the optimum on its own."""
    monkeypatch.setattr(exact, exact.flip_while_better.__name__, lambda a, b, x, deadline: np.ones_like(x))
    for seed in range(20):
        a, b = drawn((3, 8, seed))
        assert solve_market_split(a, b, 5).lower == least(a, b)


@settings(max_examples=25, deadline=None)
@given(SYSTEMS)
def test_the_model_is_exact_on_small_systems(case: tuple[int, int, int]) -> None:
    """CP-SAT, given a bad start, agrees with enumeration."""
    a, b = drawn(case)
    lower, x = solve_with_cpsat(a, b, np.ones(a.shape[1], np.int64), 5)
    assert lower == least(a, b) == compute_total_slack(a, b, x)


def test_systems_too_wide_for_halves_have_honest_bounds() -> None:
    """With 50 columns and little time there are a bound of at least 0 and a solution of the stated cost."""
    a = np.random.default_rng(0).integers(0, 100, (6, 50))
    b = a.sum(axis=1) // 2
    found = solve_market_split(a, b, 0.3)
    assert 0 <= found.lower <= found.upper == compute_total_slack(a, b, np.array(found.solution))
    assert not found.proven


def test_a_limit_of_no_time_gives_honest_bounds() -> None:
    """With no time, nothing is claimed: the bound is 0, or the optimum that the first slice happened to be all of."""
    instance = problem.generate_instances(Split.TRAIN)[3]
    found, proven = problem.baseline(instance, 0.0), problem.baseline(instance, 20.0)
    assert found.lower <= proven.lower == proven.upper <= found.upper
    assert found.lower == 0
    assert problem.cost(instance, found.solution) == found.upper


def test_no_pair_of_flips_helps_after_flips() -> None:
    """The descent ends where neither one flip nor two lower the slack."""
    a, b = drawn((3, 9, 4))
    x = flip_while_better(a, b, np.zeros(9, np.int64))
    for i, j in product(range(9), repeat=2):
        other = x.copy()
        other[list({i, j})] ^= 1
        assert compute_total_slack(a, b, other) >= compute_total_slack(a, b, x)


MUTANTS: list[Any] = [
    None, 1, "011", {}, (0, 1, 1), [], [0, 1], [0, 1, 1, 0], [0, 1, True], [0, 1, 1.0], [0, 1, float("nan")],
    [0, 1, "1"], [0, 1, None], [0, 1, 2], [0, 1, -1], [0, 1, [1]],
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=repr)
def test_the_verifier_refuses(mutant: Any) -> None:
    """Nothing but a list of integers 0 and 1, one for each column, has a price."""
    instance = instance_of([[3, 4, 5], [1, 1, 1]], [9, 1])
    assert problem.cost(instance, [0, 1, 1]) == 1
    with pytest.raises(Infeasible, match="expected"):
        problem.cost(instance, mutant)


def test_slack_to_either_side_counts() -> None:
    """Too much in one row does not make up for too little in another."""
    assert problem.cost(instance_of([[5, 1], [1, 5]], [3, 3]), [1, 0]) == 4


def test_gaps_of_generated_instances_are_defined() -> None:
    """In each class the bounds sum up to more than 0, so that the search has a finite value to go by."""
    instances = problem.generate_instances(Split.TRAIN)
    baselines = [problem.baseline(instance, 20) for instance in instances]
    assert all(found.proven for found in baselines)
    for stratum in problem.strata:
        pairs = zip(instances, baselines, strict=True)
        assert sum(found.lower for instance, found in pairs if instance.stratum == stratum) >= 10
    scale = Scale(instances, baselines)
    slack = [
        problem.cost(instance, run(problem.find_rule("Many starts"), instance)) for instance in instances
    ]
    assert np.isfinite(scale.search(slack))
    assert scale.search([int(found.upper) for found in baselines]) == 0


def test_feasible_systems_are_judged_by_the_share_of_optima() -> None:
    """Where every bound is 0 no gap is claimed, and the share of systems solved says what there is to say."""
    instances = [instance_of([[3, 4, 5]], [9]), instance_of([[3, 4, 6]], [9])]
    aggregate = Scale(instances, [problem.baseline(instance, 5) for instance in instances]).aggregate(
        [0, 3], [0, 0]
    )
    assert (aggregate.mean_gap_percent, aggregate.pooled_gap_percent) == (None, None)
    assert aggregate.optimal_share == 0.5


def test_rules_are_ordered_by_their_work() -> None:
    """Over the training instances each rule that builds on another is better than that one."""
    instances = problem.generate_instances(Split.TRAIN)
    slack = {
        rule.name: sum(problem.cost(instance, run(rule, instance)) for instance in instances)
        for rule in problem.rules
    }
    assert slack["Greedy slack"] > slack["Greedy+flips"] > slack["Many starts"]
    assert slack["Rounding"] > slack["Rounding+enumeration"]


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
def test_rules_are_feasible_and_never_beat_the_optimum(rule: Rule) -> None:
    """A rule's module needs numpy alone, serves one row and one column, and costs no less than the optimum."""
    small = [instance_of([[7]], [3]), instance_of([[7]], [7]), instance_of([[0, 0]], [4])]
    for instance in [*small, *problem.generate_instances(Split.TRAIN)[:6]]:
        assert problem.cost(instance, run(rule, instance)) >= problem.baseline(instance, 10).lower


def programs() -> list[tuple[str, str]]:
    """Every construction with every improvement, and every classical priority once."""
    main, blocks = (
        extract_source(GRAMMAR.main, "split"),
        {role: GRAMMAR.sources(role) for role in GRAMMAR.blocks},
    )
    found = []
    for name, construct in blocks["construct"].items():
        for better, improve in blocks["improve"].items():
            found.append((f"{name} {better}", [construct, improve, blocks["polish"]["keep"]]))
        hole = next(line for line in construct.splitlines() if line.strip().startswith("priority = "))
        for text in GRAMMAR.priorities:
            filled = construct.replace(hole.strip(), f"priority = {text}")
            found.append(
                (f"{name} {text}", [filled, blocks["improve"]["keep"], blocks["polish"]["enumerate_few"]])
            )
    return [(name, "\n\n".join(["import numpy as np\n", *parts, main])) for name, parts in found]


def test_every_block_is_feasible_and_never_beats_the_optimum() -> None:
    """Whatever the grammar puts together gives zeros and ones with no less slack than there must be."""
    instances = [instance_of([[7]], [3]), *problem.generate_instances(Split.TRAIN)[:4]]
    bounds = [problem.baseline(instance, 10).lower for instance in instances]
    for name, source in programs():
        for instance, bound in zip(instances, bounds, strict=True):
            assert problem.cost(instance, run(source, instance)) >= bound, name


@pytest.mark.parametrize("improve", GRAMMAR.blocks["improve"], ids=lambda block: block.__name__)
def test_improvements_never_worsen(improve: Any) -> None:
    """An improvement starts from any selection, changes no argument, and ends with no more slack."""
    for instance in problem.generate_instances(Split.TRAIN)[:12]:
        a, b = (np.asarray(instance.data[key]) for key in "ab")
        start = np.arange(a.shape[1]) % 2
        kept = start.copy()
        after = improve(a, b, start)
        assert np.array_equal(start, kept)
        assert problem.cost(instance, after.tolist()) <= problem.cost(instance, start.tolist())


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """Equal seeds give equal instances; no split shares one with another; sides are half the row sums."""
    digests = {split: {i.digest for i in problem.generate_instances(split)} for split in Split}
    assert digests[Split.TRAIN] == {i.digest for i in problem.generate_instances(Split.TRAIN)}
    assert digests[Split.TRAIN] != {i.digest for i in problem.generate_instances(Split.TRAIN, seed=1)}
    assert sum(map(len, digests.values())) == len(set().union(*digests.values()))
    for instance in problem.generate_instances(Split.TRAIN):
        a = np.asarray(instance.data["a"])
        assert a.shape in ((3, 20), (4, 30))
        assert a.max() < int(instance.stratum.partition("=")[2])
        assert np.array_equal(a.sum(axis=1) // 2, np.asarray(instance.data["b"]))


BROKEN = [
    ("# nothing\n", "holds no numbers"),
    ("1 2\n3 4\n", "line 2: the file ends; expected a right-hand side"),
    ("1 2\n3 x 5\n", "line 2: found 'x'; expected a coefficient"),
    ("1 2\n3 -4 5\n", "line 2: found '-4'; expected a coefficient, an integer of at least 0"),
    ("0 2\n", "line 1: found '0'; expected the number of rows"),
    ("1 2\n3 4 5 6\n", "line 2: found lines of 4 numbers; expected 1 lines of 2 coefficients"),
    ("1 2\n3 4 5\n6\n", "more than 1 rows of 2 coefficients"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_broken_files_are_named_with_place_and_expectation(tmp_path: Path, text: str, words: str) -> None:
    """A complaint says file, line, what was found and what was expected."""
    path = tmp_path / "system.dat"
    path.write_text(text)
    with pytest.raises(GapsmithError) as trouble:
        problem.read(path)
    assert str(path) in str(trouble.value)
    assert words in str(trouble.value)


# Files, prices, strata


@st.composite
def systems(draw):
    """Instances of up to four rows and nine columns."""
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    a = rng.integers(0, 200, (draw(st.integers(1, 4)), draw(st.integers(1, 9))))
    return Instance("drawn", {"a": a, "b": rng.integers(0, 1 + a.sum(axis=1))})


def text_of(instance, comment="", end="\n"):
    """Sizes, then rows of coefficients with their right-hand side."""
    a, b = instance.data["a"], instance.data["b"]
    rows = [" ".join(map(str, [*row, side])) for row, side in zip(a.tolist(), b.tolist(), strict=True)]
    return end.join([comment, "{} {}".format(*a.shape), *(f"{row}  # row" for row in rows)]) + end


@settings(max_examples=40)
@given(systems(), st.sampled_from(["", "# by hand"]), st.sampled_from(["\n", "\r\n"]))
def test_a_system_survives_its_file(tmp_path_factory, instance, comment, end):
    """Coefficients and right-hand sides come back, whatever the line ends and comments."""
    path = tmp_path_factory.mktemp("systems") / "drawn.dat"
    path.write_bytes(text_of(instance, comment, end).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest
    assert read.data["a"].flags.c_contiguous


@given(systems(), st.data())
def test_a_file_with_a_number_less_or_more_is_refused(tmp_path_factory, instance, data):
    """No file that lacks a number, or has one more at its end, is read as a system."""
    lines = [line.partition("#")[0].split() for line in text_of(instance).splitlines()]
    row = data.draw(st.integers(1, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[row]) - 1))
    path = tmp_path_factory.mktemp("systems") / "broken.dat"
    shorter = [*lines[:row], [*lines[row][:place], *lines[row][place + 1 :]], *lines[row + 1 :]]
    for broken in (shorter, [*lines, ["7"]]):
        path.write_text("\n".join(map(" ".join, broken)))
        with pytest.raises(GapsmithError):
            problem.read(path)


@settings(max_examples=60)
@given(systems(), st.integers(0, 999))
def test_the_cost_is_the_slack_of_all_rows(instance, seed):
    """Every selection is priced as plain integers say, and no less than the proven optimum."""
    a, b = instance.data["a"].tolist(), instance.data["b"].tolist()
    x = np.random.default_rng(seed).integers(0, 2, len(a[0])).tolist()
    slack = 0
    for row, side in zip(a, b, strict=True):
        slack += abs(sum(value for value, chosen in zip(row, x, strict=True) if chosen) - side)
    assert problem.cost(instance, x) == slack
    found = problem.baseline(instance, 5.0)
    assert found.upper <= slack
    assert problem.cost(instance, found.solution) == found.upper


@given(systems(), st.integers(0, 999), st.data())
def test_mutants_of_a_selection_are_refused(instance, seed, data):
    """A selection with an entry less, more, of another value or of another type has no price."""
    n = instance.data["a"].shape[1]
    x = np.random.default_rng(seed).integers(0, 2, n).tolist()
    place = data.draw(st.integers(0, n - 1))
    wrong = [2, -1, float(x[place]), bool(x[place]), str(x[place]), None, [x[place]]]
    mutants = [[*x[:place], each, *x[place + 1 :]] for each in wrong]
    for mutant in [*mutants, x[:-1], [*x, 0], tuple(x), np.array(x)]:
        with pytest.raises(Infeasible, match="expected"):
            problem.cost(instance, mutant)


def test_slack_beyond_64_bits_is_exact():
    """Prices are sums of Python's integers: coefficients near the limit of 64 bits do not wrap."""
    huge = (1 << 62) + 1
    instance = Instance("huge", {"a": np.array([[huge, huge, huge]]), "b": np.array([0])})
    assert problem.cost(instance, [1, 1, 1]) == 3 * huge


@pytest.mark.parametrize("stratum", problem.strata)
def test_drawn_systems_have_ten_columns_for_each_row_but_one(stratum):
    """Sizes and coefficients are those of Cornuéjols and Dawande."""
    for m in (2, 3, 4):
        data = problem.generate(np.random.default_rng(m), stratum, m)
        assert data["a"].shape == (m, 10 * (m - 1))
        assert 0 <= data["a"].min() <= data["a"].max() < int(stratum[2:])
        assert (2 * data["b"] <= data["a"].sum(axis=1)).all()
        assert (2 * data["b"] >= data["a"].sum(axis=1) - 1).all()
