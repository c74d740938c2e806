"""The travelling salesman: prices, TSPLIB's rounding, exactness against the subset programme, rules and blocks."""

import csv
from itertools import combinations, permutations

import numpy as np
import pytest
from helpers import DATA, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.tsp.exact.solve import (
    SCALE,
    OneTrees,
    bound_held_karp,
    compute_length,
    find_tour,
    solve_tour,
)
from gapsmith.evaluators.problems.tsp.problem import problem
from gapsmith.evaluators.problems.tsp.reader import (
    FORMATS,
    measure_euclidean,
    measure_euclidean_up,
    measure_geographical,
    measure_pseudo_euclidean,
)

FOLDER = DATA / "tsp"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark folder tsp/ is absent")

# Proven by the bound, or by CP-SAT within a second or so.
QUICK = (
    "bayg29",
    "bays29",
    "berlin52",
    "brazil58",
    "burma14",
    "dantzig42",
    "eil51",
    "eil76",
    "fri26",
    "gr17",
    "gr21",
)


def optima():
    """The stored lengths of proven shortest tours by instance."""
    with (FOLDER / "optima.csv").open() as file:
        return {row["instance"]: int(row["upper"]) for row in csv.DictReader(file) if row["optimal"] == "yes"}


def instance_of(distance):
    """An instance of that matrix."""
    return Instance("made", {"distance": np.asarray(distance, dtype=np.int64)})


def run(source, instance):
    """What a program's entry point returns, as plain data."""
    space = {}
    exec(source, space)
    return plain(space[problem.entry.name](instance.data["distance"].copy()))


def program(**chosen):
    """A program of the grammar: its first block in each role, but for those chosen."""
    parts = [
        problem.grammar.sources(role)[chosen.get(role, blocks[0].__name__)]
        for role, blocks in problem.grammar.blocks.items()
    ]
    return "\n\n".join(
        ["import numpy as np", *parts, extract_source(problem.grammar.main, problem.entry.name)]
    )


def shortest(distance):
    """The shortest tour's length, over all subsets (Held and Karp 1962)."""
    n, rows = len(distance), distance.tolist()
    least = {(1 << city, city): rows[0][city] for city in range(1, n)}
    for size in range(2, n):
        for chosen in combinations(range(1, n), size):
            cities = sum(1 << city for city in chosen)
            for last in chosen:
                rest = cities ^ (1 << last)
                least[cities, last] = min(least[rest, c] + rows[c][last] for c in chosen if c != last)
    return min(least[(1 << n) - 2, last] + rows[last][0] for last in range(1, n))


@st.composite
def matrices(draw, least=3, most=8):
    """Symmetric matrices of small integers; no triangle inequality."""
    n = draw(st.integers(least, most))
    upper = np.triu(
        np.array(draw(st.lists(st.integers(0, 30), min_size=n * n, max_size=n * n))).reshape(n, n), 1
    )
    return (upper + upper.T).astype(np.int64)


SQUARE = [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]]


def test_a_tour_is_priced_with_its_way_back():
    """The length of a tour is the sum of its edges, the closing one included."""
    assert problem.cost(instance_of(SQUARE), [0, 1, 2, 3]) == 4
    assert problem.cost(instance_of(SQUARE), [0, 2, 1, 3]) == 6


@pytest.mark.parametrize(
    "broken",
    [
        [0, 1, 2], [0, 1, 2, 3, 0], [0, 1, 2, 2], [0, 1, 2, 4], [-1, 0, 1, 2], [0, True, 2, 3], [0, 1, 2.0, 3],
        [0, 1, "2", 3], [0, 1, None, 3], [0, 1, float("nan"), 3], [[0], 1, 2, 3], "0123", None, 4, {"0": 1},
    ],
)  # fmt: skip
def test_what_is_no_tour_is_infeasible(broken):
    """Anything but a list of each city's integer index once is refused with a reason."""
    with pytest.raises(Infeasible, match=r"\w+ \w+"):
        problem.cost(instance_of(SQUARE), broken)


def test_roundings_are_those_of_tsplib():
    """Halves go up, ATT never rounds down, and degrees.minutes are cut off, not rounded."""
    halves = np.array([[0.0, 0.0], [2.5, 0.0], [0.0, 3.2]])
    assert measure_euclidean(halves)[0].tolist() == [0, 3, 3]
    assert measure_euclidean_up(halves)[0].tolist() == [0, 3, 4]
    assert measure_pseudo_euclidean(np.array([[0.0, 0.0], [10.0, 0.0], [3.0, 0.0]]))[0].tolist() == [0, 4, 1]
    ulysses = np.array([[38.24, 20.42], [39.57, 26.15]])
    assert measure_geographical(ulysses)[0].tolist() == [0, 509]
    assert measure_geographical(np.array([[36.80, 174.0], [36.80, 174.0]])).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_explicit_format_gives_the_same_matrix(form, tmp_path):
    """A matrix written in any of TSPLIB's formats is read back unchanged."""
    matrix = np.array([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]])
    numbers = " ".join(map(str, matrix[FORMATS[form](4)]))
    path = tmp_path / "small.tsp"
    path.write_text(
        f"NAME: small\nTYPE : TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: {form} \n"
        f"EDGE_WEIGHT_SECTION\n{numbers}\n EOF\n"
    )
    (read,) = problem.read(path)
    assert read.name == "small"
    assert read.data["distance"].tolist() == matrix.tolist()


GOOD = "TYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\n3 6 8\nEOF\n"


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("TYPE: TSP\n", "TYPE: ATSP\n", r"line 1: found 'ATSP'; expected TYPE"),
        ("DIMENSION: 3", "DIMENSION: x", r"line 2: found 'x'; expected DIMENSION"),
        ("EUC_2D", "XRAY1", r"line 3: found 'XRAY1'"),
        ("2 3 4", "2 3", r"line 7: found 8 numbers .* expected 9"),
        ("2 3 4", "2 3 4x", r"line 6: found '4x'"),
        ("2 3 4", "1 3 4", r"line 6: found city 1 again"),
        ("2 3 4", "4 3 4", r"line 6: found '4'; expected an integer from 1 to 3"),
        ("NODE_COORD_SECTION", "FIXED_EDGES_SECTION", r"line 4: found FIXED_EDGES_SECTION"),
        ("TYPE: TSP\n", "nonsense\n", r"line 1: found 'nonsense'"),
    ],
)
def test_complaints_name_file_and_line(was, becomes, complaint, tmp_path):
    """A broken file is refused with its line, what was found and what was expected."""
    path = tmp_path / "broken.tsp"
    path.write_text(GOOD.replace(was, becomes))
    with pytest.raises(GapsmithError, match=r"broken\.tsp, " + complaint):
        problem.read(path)


def test_an_uneven_matrix_is_refused(tmp_path):
    """A full matrix that differs from its transpose is no symmetric problem."""
    path = tmp_path / "uneven.tsp"
    path.write_text(
        "TYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: FULL_MATRIX\n"
        "EDGE_WEIGHT_SECTION\n0 1 2\n1 0 3\n9 3 0\nEOF\n"
    )
    with pytest.raises(GapsmithError, match=r"line 6: found 2 from city 1 to 3 and 9 back"):
        problem.read(path)
    with pytest.raises(GapsmithError, match="no such file"):
        problem.read(tmp_path / "absent.tsp")


@settings(max_examples=40, deadline=None)
@given(matrices(least=3, most=10))
def test_the_baseline_is_exact_on_small_matrices(distance):
    """On any symmetric matrix of up to ten cities the baseline proves what the subset programme finds."""
    found = solve_tour(distance, 10.0)
    assert found.lower == found.upper == shortest(distance) == compute_length(distance, found.solution)


@settings(max_examples=40, deadline=None)
@given(matrices(least=4, most=7), st.data())
def test_one_trees_bound_every_tour_at_any_potentials(distance, data):
    """At any multipliers the dual is below the shortest tour, and no edge of a short enough tour is struck out."""
    n, trees = len(distance), OneTrees(distance)
    potential = np.array(
        data.draw(st.lists(st.integers(-9000, 9000), min_size=n, max_size=n)), dtype=np.int64
    )
    value, excess = trees(potential)
    assert value <= SCALE * shortest(distance)
    assert excess.sum() == 0
    most = data.draw(st.integers(0, 120))
    edges = trees.mark_edges_below(potential, most)
    for rest in permutations(range(1, n)):
        tour = [0, *rest]
        if compute_length(distance, tour) <= most:
            assert all(edges[a, b] for a, b in zip(tour, tour[1:] + tour[:1], strict=True))


def test_descents_report_true_tours():
    """The kicked descent of any cities returns each city once, and no worse a tour than nearest neighbour's."""
    for size in (8, 9, 15, 40):
        distance = problem.generate(np.random.default_rng(size), "uniform", size)["distance"]
        tour = find_tour(distance, 200)
        assert sorted(tour) == list(range(size))
        nearest = run(problem.find_rule("NN").source("tour"), instance_of(distance))
        assert compute_length(distance, tour) <= compute_length(distance, nearest)


def test_without_time_the_bounds_are_still_true():
    """A baseline with no time at all brackets the optimum that one with time proves."""
    distance = problem.generate(np.random.default_rng(3), "uniform", 40)["distance"]
    hasty, proven = solve_tour(distance, 0.0), solve_tour(distance, 30.0)
    assert (
        hasty.lower <= proven.lower == proven.upper <= hasty.upper == compute_length(distance, hasty.solution)
    )


@needs_data
def test_all_files_parse_and_no_rule_beats_a_proven_optimum():
    """Every file of the folder is read; every rule's tour on it is feasible and no shorter than the stored optimum."""
    known = optima()
    for name, length in known.items():
        (instance,) = problem.read(FOLDER / f"{name}.tsp")
        for rule in problem.rules[:5] if len(instance.data["distance"]) > 60 else problem.rules:
            assert problem.cost(instance, run(rule.source("tour"), instance)) >= length, (name, rule.name)
    assert len(known) == len(list(FOLDER.glob("*.tsp"))) == 35


@needs_data
@pytest.mark.parametrize("name", QUICK)
def test_the_baseline_equals_stored_optima(name):
    """The baseline proves the stored optimum of every quick instance: the rounding is right and so is the solver."""
    (instance,) = problem.read(FOLDER / f"{name}.tsp")
    found = problem.baseline(instance, 60.0)
    assert found.lower == found.upper == optima()[name] == problem.cost(instance, found.solution)


@needs_data
@pytest.mark.parametrize(
    ("name", "published"), [("kroA100", 20936.5), ("lin105", 14370.5), ("eil101", 627.5)]
)
def test_held_karp_bounds_are_the_published_ones(name, published):
    """The ascent comes within a thousandth of Held and Karp's bound as published (Johnson and McGeoch 1996)."""
    (instance,) = problem.read(FOLDER / f"{name}.tsp")
    _, ascent = bound_held_karp(instance.data["distance"], optima()[name])
    assert 0.999 * published <= ascent.bound / SCALE <= 1.0001 * published + 1


def test_construction_rules_reproduce_the_dimacs_challenge():
    """Above Held and Karp's bound, on even squares of 100 cities: NN 25 %, greedy 19 %, savings 9 %, within 3 points.

    The figures are those of Johnson and McGeoch 1997, table 1, for N = 100: 25.6, 19.5 and 9.2 %.
    """
    sums = dict.fromkeys(("bound", "NN", "Greedy", "Savings"), 0.0)
    for seed in range(25):
        instance = instance_of(problem.generate(np.random.default_rng(seed), "uniform", 100)["distance"])
        lengths = {
            name: problem.cost(instance, run(problem.find_rule(name).source("tour"), instance))
            for name in list(sums)[1:]
        }
        _, ascent = bound_held_karp(instance.data["distance"], min(lengths.values()))
        for name, length in {"bound": ascent.bound / SCALE, **lengths}.items():
            sums[name] += length
    for name, published in (("NN", 25.6), ("Greedy", 19.5), ("Savings", 9.2)):
        assert abs(100 * (sums[name] / sums["bound"] - 1) - published) < 3, name


@pytest.mark.parametrize("role", ["construct", "improve", "polish"])
def test_every_block_makes_a_tour(role):
    """Each block of the grammar, with classical priorities, gives a feasible tour, on three cities as on thirty."""
    for block in problem.grammar.blocks[role]:
        source = program(**{role: block.__name__})
        holes = (
            problem.grammar.priorities
            if "priority = " in problem.grammar.sources(role)[block.__name__]
            else [None]
        )
        for priority in holes:
            filled = (
                source if priority is None else source.replace("priority = near", f"priority = {priority}")
            )
            for size in (3, 4, 5, 30):
                for stratum in problem.strata:
                    data = problem.generate(np.random.default_rng(size), stratum, size)
                    instance = Instance("made", data)
                    assert problem.cost(instance, run(filled, instance)) >= 0


def test_rules_work_on_the_smallest_and_on_equal_distances():
    """Three cities, and cities that all lie in one place, are tours like any other."""
    for rule in problem.rules:
        for distance in (
            np.zeros((3, 3), dtype=np.int64),
            np.zeros((7, 7), dtype=np.int64),
            1 - np.eye(4, dtype=np.int64),
        ):
            instance = instance_of(distance)
            assert problem.cost(instance, run(rule.source("tour"), instance)) == distance[0, 1] * len(
                distance
            )


def test_instances_are_reproducible_and_splits_disjoint():
    """The same seed draws the same instances; no instance is in two splits; distances are symmetric."""
    drawn = {split: problem.generate_instances(split, seed=4, count=12) for split in Split}
    again = problem.generate_instances(Split.TRAIN, seed=4, count=12)
    assert [i.digest for i in drawn[Split.TRAIN]] == [i.digest for i in again]
    digests = [i.digest for instances in drawn.values() for i in instances]
    assert len(set(digests)) == len(digests)
    for instance in drawn[Split.TRAIN]:
        distance = instance.data["distance"]
        assert (distance == distance.T).all()
        assert not distance.diagonal().any()
