import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import Rule
from gapsmith.evaluators.problems.online_bin_packing.grammar import GRAMMAR
from gapsmith.evaluators.problems.online_bin_packing.problem import problem
from gapsmith.evaluators.running.assess import assess, assess_all
from gapsmith.evaluators.solvers.bin_packing.column_generation import ColumnGeneration
from gapsmith.evaluators.solvers.bin_packing.patterns import Knapsack
from gapsmith.evaluators.solvers.bin_packing.solve import (
    best_fit_decreasing,
    bound_by_halves,
    bound_by_volume,
    compute_bin_packing_baseline,
)
from gapsmith.sandbox import Level, Sandbox, open_sandbox

FOLDER = DATA / "bin_packing"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of public instances is absent")
SETS = {"OR1": "binpack1.txt", "OR2": "binpack2.txt", "FS-weibull5k": "funsearch_weibull5k.json"}
HARD = "binpack2-13"  # u250_12: 105 bins are possible and take longer than a test may


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of whatever isolation there is: none of this rests on it."""
    with open_sandbox(minimum=Level.L0) as box:
        yield box


def instance_of(*items: int, capacity: int = 10) -> Instance:
    """An instance of those items."""
    return Instance("tiny", {"items": np.array(items, dtype=np.int64), "capacity": capacity})


def least_bins(items: list[int], capacity: int) -> int:
    """The optimum by trying, for each item in turn, every bin in use and one new."""
    best = len(items)

    def place(k: int, left: list[int]) -> None:
        nonlocal best
        if len(left) >= best:
            return
        if k == len(items):
            best = len(left)
            return
        for j, room in enumerate(left):
            if room >= items[k]:
                place(k + 1, [*left[:j], room - items[k], *left[j + 1 :]])
        place(k + 1, [*left, capacity - items[k]])

    place(0, [])
    return best


@needs_data
@pytest.mark.parametrize("name", SETS.values())
def test_every_stored_file_is_read(name: str) -> None:
    """Every file of the folder parses, with a name for each instance and no item above the capacity."""
    instances = problem.read(FOLDER / name)
    assert len(instances) == (5 if name.endswith("json") else 20)
    assert instances[1].name == f"{Path(name).stem}-2"
    for instance in instances:
        items = np.asarray(instance.data["items"])
        assert items.min() >= 1
        assert items.max() <= instance.data["capacity"]


def published() -> list[tuple[str, str, float]]:
    """The figures of `published.csv` whose instances are there: set, rule, excess over the volume bound."""
    if not FOLDER.is_dir():
        return []
    rules = {"FirstFit": "First Fit", "BestFit": "Best Fit"}
    with (FOLDER / "published.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] in SETS]
    own = {True: "FunSearch Weibull", False: "FunSearch OR"}
    return [
        (
            row["dataset"],
            rules.get(row["method"], own["weibull" in row["dataset"]]),
            float(row["excess_over_L1_percent"]),
        )
        for row in rows
    ]


@needs_data
@pytest.mark.parametrize(("dataset", "rule", "excess"), published())
def test_rules_reproduce_published_figures(sandbox: Sandbox, dataset: str, rule: str, excess: float) -> None:
    """First Fit, Best Fit and FunSearch's functions reach their published excess to 0.02 points."""
    instances = problem.read(FOLDER / SETS[dataset])
    scores = assess_all(problem, problem.find_rule(rule).source("priority"), instances, sandbox)
    costs = [score.cost for score in scores if score.cost is not None]
    assert len(costs) == len(instances)
    bounds = [bound_by_volume(np.asarray(i.data["items"]), int(i.data["capacity"])) for i in instances]  # type: ignore[arg-type]
    assert 100 * (sum(costs) / sum(bounds) - 1) == pytest.approx(excess, abs=0.02)


@needs_data
def test_the_baseline_equals_stored_optima() -> None:
    """All of u120 and each fifth of u250 are proven; no bound and no packing contradicts a stored one."""
    with (FOLDER / "optima.csv").open() as file:
        stored = {row["instance"]: row for row in csv.DictReader(file)}
    first, second = problem.read(FOLDER / "binpack1.txt"), problem.read(FOLDER / "binpack2.txt")
    names = [f"u120_{k:02}" for k in range(20)] + [f"u250_{k:02}" for k in range(20)]
    quick = list(zip(first + second, names, strict=True))
    for instance, name in quick[:20] + quick[20::5]:
        assert instance.name != HARD
        found = problem.baseline(instance, 20)
        assert found.proven, name
        assert problem.cost(instance, found.solution) == found.upper
        row = stored[name]
        assert int(row["lower"]) <= found.lower
        assert found.upper <= int(row["upper"])


@needs_data
def test_weibull_instances_are_proven() -> None:
    """Five thousand items are packed into as many bins as their volume asks for."""
    instance = problem.read(FOLDER / SETS["FS-weibull5k"])[0]
    found = problem.baseline(instance, 20)
    assert found.proven
    assert problem.cost(instance, found.solution) == found.lower == 2012


ITEMS = st.integers(5, 12).flatmap(
    lambda capacity: st.tuples(st.lists(st.integers(1, capacity), min_size=1, max_size=8), st.just(capacity))
)


@settings(max_examples=150, deadline=None)
@given(ITEMS)
def test_the_baseline_is_exact_on_small_instances(case: tuple[list[int], int]) -> None:
    """Bounds never pass the optimum, the packing never falls below it, and no simple bound beats it either."""
    items, capacity = case
    optimum, sizes = least_bins(items, capacity), np.array(items)
    found = compute_bin_packing_baseline(sizes, capacity, 5)
    assert found.lower <= optimum <= found.upper
    assert found.proven
    assert bound_by_volume(sizes, capacity) <= bound_by_halves(sizes, capacity) <= optimum


def test_the_linear_programme_sees_what_volume_does_not() -> None:
    """Sizes just above a third and a quarter: column generation has a better bound than L2."""
    items = np.array([34] * 8 + [35] * 7 + [26] * 3, dtype=np.int64)
    types, demand = np.unique(items, return_counts=True)
    bound, whole = ColumnGeneration(types, demand, 100, lambda: False).solve(99)
    assert bound > bound_by_halves(items, 100)
    assert compute_bin_packing_baseline(items, 100, 5).lower == bound
    assert all(int(pattern @ types) <= 100 for pattern in whole)
    assert (sum(whole, np.zeros(3, np.int64)) <= demand).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_the_knapsack_is_exact(seed: int) -> None:
    """The best pattern is that of all patterns."""
    rng = np.random.default_rng(seed)
    sizes, values = np.sort(rng.choice(np.arange(1, 12), 3, replace=False)), rng.integers(0, 50, 3)
    copies = rng.integers(1, 4, 3)
    value, pattern = Knapsack(sizes, copies, 20).solve(values)
    grid = np.stack(np.meshgrid(*(np.arange(c + 1) for c in copies)), -1).reshape(-1, 3)
    assert value == max(int(row @ values) for row in grid if row @ sizes <= 20) == int(pattern @ values)
    assert pattern @ sizes <= 20
    assert (pattern <= copies).all()


def test_a_limit_of_no_time_gives_honest_bounds() -> None:
    """With no time, the bounds still enclose the optimum."""
    items = np.asarray(problem.generate(np.random.default_rng(0), problem.strata[1], 120)["items"])
    found, proven = (
        compute_bin_packing_baseline(items, 150, 0.0),
        compute_bin_packing_baseline(items, 150, 20.0),
    )
    assert found.lower <= proven.lower == proven.upper <= found.upper


def test_best_fit_decreasing_takes_the_fullest_bin() -> None:
    """6, 5, 4, 3, 2 into tens: 4 joins 6 and 3 and 2 join 5."""
    assert best_fit_decreasing(np.array([2, 3, 4, 5, 6]), 10) == [1, 1, 0, 1, 0]


GOOD = [0, 1, 0, 2, 1]
MUTANTS: list[Any] = [
    None, 3, "01021", {}, (0, 1, 0, 2, 1), [], [0, 1, 0, 2], [0, 1, 0, 2, 1, 3], [0, 1, 0, 2, True], [0, 1, 0, 2.0, 1],
    [0, 1, 0, float("nan"), 1], [0, 1, 0, "2", 1], [0, 1, 0, None, 1], [0, 1, 0, -1, 1], [0, 1, 0, [2], 1],
    [0, 0, 0, 2, 1], [0, 1, 0, 0, 1],
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=repr)
def test_the_verifier_refuses(mutant: Any) -> None:
    """Nothing but a list with an integer bin for each item, no bin over its capacity, has a price."""
    instance = instance_of(6, 5, 4, 1, 5)
    assert problem.cost(instance, GOOD) == 3
    with pytest.raises(Infeasible, match=r"\w+ \w+"):
        problem.cost(instance, mutant)


def test_one_unit_over_the_capacity_is_refused() -> None:
    """Exactly full is feasible, one unit more is not."""
    assert problem.cost(instance_of(6, 4), [7, 7]) == 1
    with pytest.raises(Infeasible, match="more than 10"):
        problem.cost(instance_of(6, 5), [7, 7])


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """Equal seeds give equal instances; no split shares one with another; all items fit."""
    digests = {split: {i.digest for i in problem.generate_instances(split)} for split in Split}
    assert digests[Split.TRAIN] == {i.digest for i in problem.generate_instances(Split.TRAIN)}
    assert digests[Split.TRAIN] != {i.digest for i in problem.generate_instances(Split.TRAIN, seed=1)}
    assert sum(map(len, digests.values())) == len(set().union(*digests.values()))
    for instance in problem.generate_instances(Split.TRAIN):
        items = np.asarray(instance.data["items"])
        assert items.min() >= 1
        assert items.max() <= instance.data["capacity"]


def test_training_baselines_are_proven() -> None:
    """The off-line optimum of training instances is known."""
    for instance in problem.generate_instances(Split.TRAIN, count=8):
        found = problem.baseline(instance, 10)
        assert found.proven, instance.name
        assert problem.cost(instance, found.solution) == found.upper


def numbers_of(sandbox: Sandbox, source: str, *items: int) -> Any:
    """The bins that a program chooses, capacity ten."""
    instance = instance_of(*items)
    assessed = assess(problem, source, [instance], sandbox)
    assert assessed.outcome == "ok", assessed.message
    return assessed.scores[0].cost


def test_the_driver_takes_the_first_of_equal_scores(sandbox: Sandbox) -> None:
    """Equal scores are First Fit, and an empty bin that is passed over costs nothing."""
    zeros = "import numpy as np\ndef priority(item, bins): return np.zeros(len(bins))\n"
    last = "import numpy as np\ndef priority(item, bins): return np.arange(len(bins))\n"
    assert numbers_of(sandbox, zeros, 6, 7, 4, 3) == 2
    assert numbers_of(sandbox, last, 6, 7, 4, 3) == 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("np.zeros(len(bins) - 1)", "expected a score for each"),
        ("np.full(len(bins), np.nan)", "nan"),
        ("0", "shape"),
        ("None", "shape"),
    ],
)
def test_the_driver_refuses_what_is_no_score(sandbox: Sandbox, body: str, words: str) -> None:
    """Scores that are too few, no numbers, or none at all end the call, with the reason."""
    source = f"import numpy as np\ndef priority(item, bins): return {body}\n"
    assessed = assess(problem, source, [instance_of(3, 4)], sandbox)
    assert assessed.outcome == "candidate_exception"
    assert words in assessed.message


def test_a_candidate_that_writes_into_the_bins_changes_nothing(sandbox: Sandbox) -> None:
    """The array that a candidate gets is a copy."""
    writing = "def priority(item, bins):\n    bins[:] = 100\n    return -bins\n"
    assert numbers_of(sandbox, writing, 6, 7, 4, 3) == 2


def test_harmonic_keeps_classes_apart(sandbox: Sandbox) -> None:
    """Capacity 10: the 6 has a bin of its own, two 4s share one, three 3s the next; twice in one run too."""
    source = problem.find_rule("Harmonic").source("priority")
    instances = [instance_of(6, 4, 3, 3, 4, 3, 3), instance_of(3, 4, 6, 3, 3)]
    assessed = assess(problem, source, instances, sandbox)
    assert [score.cost for score in assessed.scores] == [4, 3]


def harmonic_bins(items: list[int], capacity: int, classes: int = 12) -> int:
    """Harmonic as its authors describe it, for all items at once."""
    used, open_bins = 0, {}
    for item in items:
        kind = min(capacity // item, classes)
        if open_bins.get(kind, 0) < item or (kind < classes and open_bins[kind] < capacity // (kind + 1) + 1):
            used, open_bins[kind] = used + 1, capacity
        open_bins[kind] -= item
    return used


def test_harmonic_is_what_its_authors_describe(sandbox: Sandbox) -> None:
    """The rule with its memory gives as many bins as the plain algorithm, on instances run one after another."""
    instances = problem.generate_instances(Split.TRAIN, count=6)
    scores = assess_all(problem, problem.find_rule("Harmonic").source("priority"), instances, sandbox)
    for instance, score in zip(instances, scores, strict=True):
        items = np.asarray(instance.data["items"]).tolist()
        assert score.cost == harmonic_bins(items, int(instance.data["capacity"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
def test_rules_never_beat_the_baseline(sandbox: Sandbox, rule: Rule) -> None:
    """A rule's packing is feasible, never below the off-line bound, and the better rules are the better ones."""
    instances = problem.generate_instances(Split.TRAIN, count=6)
    for instance, score in zip(
        instances, assess_all(problem, rule.source("priority"), instances, sandbox), strict=True
    ):
        assert score.outcome == "ok", score.message
        assert score.cost is not None
        assert score.cost >= problem.baseline(instance, 5).lower


def grammar_programs() -> list[tuple[str, str]]:
    """Every score with every adjustment, and every classical priority once."""
    from gapsmith.evaluators.grammar import extract_source

    main = extract_source(GRAMMAR.main, "priority")
    scores, adjusts = GRAMMAR.sources("score"), GRAMMAR.sources("adjust")
    pairs = [(f"{s} {a}", scores[s], adjusts[a]) for s in scores for a in adjusts]
    for text in GRAMMAR.priorities:
        filled = scores["greatest"].replace("priority = -rest", f"priority = {text}")
        pairs.append((text, filled, adjusts["as_it_is"]))
    return [(name, "\n\n".join(["import numpy as np\n", s, a, main])) for name, s, a in pairs]


@pytest.mark.parametrize(("name", "source"), grammar_programs())
def test_every_block_packs_feasibly(sandbox: Sandbox, name: str, source: str) -> None:
    """Whatever the grammar puts together gives a packing."""
    instances = [problem.generate_instances(Split.TRAIN)[k] for k in (0, 1)] + [
        instance_of(1),
        instance_of(10, 10, 5),
    ]
    assessed = assess(problem, source, instances, sandbox)
    assert assessed.outcome == "ok", assessed.message


SUM_OF_SQUARES = dict(grammar_programs())["alike - after"]


def test_sum_of_squares_counts_all_bins() -> None:
    """`alike - after` is the rule of Csirik et al. (2006) to the letter: also of bins too full to be shown."""
    space: dict[str, Any] = {}
    exec(SUM_OF_SQUARES, space)
    rng, left = np.random.default_rng(3), np.full(400, 100)
    for item in rng.integers(5, 60, 400).tolist():
        count = np.bincount(left, minlength=101)
        count[[0, 100]] = 0
        used = int((left < 100).sum())
        shown = np.flatnonzero(left[: used + 2] >= item)
        expected = count[left[shown]] - count[left[shown] - item]
        scores = space["priority"](item, left[shown] * 1.0)
        np.testing.assert_array_equal(scores, expected)
        left[shown[scores.argmax()]] -= item


def test_the_count_of_bins_is_of_the_instance_at_hand(sandbox: Sandbox) -> None:
    """A new instance follows without a sign, and is packed as if it were the first."""
    data = [problem.generate(np.random.default_rng(k), s, 300) for k in range(4) for s in problem.strata]
    instances = [Instance(str(k), each) for k, each in enumerate(data)]
    together = assess(problem, SUM_OF_SQUARES, instances, sandbox).scores
    alone = assess_all(problem, SUM_OF_SQUARES, instances, sandbox, isolated=True)
    assert [score.cost for score in together] == [score.cost for score in alone]


OR_TEXT = " 2\n a_0\n 10 3 2\n5\n5\n4\n b_1\n 10.0 2 2\n5.5\n4\n"


def test_or_library_text_with_tenths_is_read(tmp_path: Path) -> None:
    """Sizes to a tenth are taken in tenths, the capacity too; names follow the file's."""
    path = tmp_path / "pack.txt"
    path.write_text(OR_TEXT)
    first, second = problem.read(path)
    assert (first.name, second.name) == ("pack-1", "pack-2")
    assert first.data["capacity"] == 10
    assert np.asarray(first.data["items"]).tolist() == [5, 5, 4]
    assert second.data["capacity"] == 100
    assert np.asarray(second.data["items"]).tolist() == [55, 40]


BROKEN = [
    ("", "line 1: the file ends; expected the number of instances"),
    ("x", "line 1: found 'x'; expected the number of instances"),
    ("1\na\n10 2 1\n5\n", "line 4: the file ends; expected the size of an item"),
    ("1\na\n10 2 1\n5\n11\n", "line 5: found '11'; expected the size of an item"),
    ("1\na\n10 2 1\n5\n0\n", "line 5: found '0'; expected the size of an item"),
    ("1\na\n10 1.5 1\n5\n", "line 3: found '1.5'; expected the number of items"),
    ("1\na\n10 1 1\nnan\n", "line 4: found 'nan'; expected the size of an item"),
    (OR_TEXT + "7", "line 11: found '7'; expected the end of the file"),
    ("{", "is not JSON"),
    ("[]", "line 1: found a list; expected an object of instances"),
    ('{"a": 3}', "instance 'a': found '3'"),
    ('{"a": {"capacity": 10, "items": [3, 12]}}', "instance 'a': item 2 is 12"),
    ('{"a": {"capacity": 10, "items": [3.0]}}', "instance 'a': item 1 is 3.0"),
    ('{"a": {"capacity": true, "items": [1]}}', "instance 'a': found"),
    ('{"a": {"capacity": 10, "items": [3], "num_items": 2}}', "holds 1 items; expected 2"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_broken_files_are_named_with_place_and_expectation(tmp_path: Path, text: str, words: str) -> None:
    """A complaint says file, line or instance, what was found and what was expected."""
    path = tmp_path / "pack.txt"
    path.write_text(text)
    with pytest.raises(GapsmithError) as trouble:
        problem.read(path)
    assert str(path) in str(trouble.value)
    assert words in str(trouble.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a binary file are refused with the reason."""
    with pytest.raises(GapsmithError, match="no such file"):
        problem.read(tmp_path / "absent.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GapsmithError, match="not a text file"):
        problem.read(tmp_path / "binary")
