"""Quadratic assignment: prices, QAPLIB's files, exactness against counting out, rules and blocks."""

import csv
from itertools import permutations

import numpy as np
import pytest
from helpers import DATA, plain
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.quadratic_assignment.exact.hahn_grant import raise_bound, solve_assignment
from gapsmith.evaluators.problems.quadratic_assignment.exact.solve import (
    bound_gilmore_lawler,
    branch_and_bound,
    compute_cost,
    find_cost_step,
    solve_quadratic_assignment,
)
from gapsmith.evaluators.problems.quadratic_assignment.exact.symmetry import list_automorphisms
from gapsmith.evaluators.problems.quadratic_assignment.problem import problem
from gapsmith.evaluators.problems.quadratic_assignment.rules import swap_changes

FOLDER = DATA / "qap"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark folder qap/ is absent")
ENTRY = problem.entry.name

# Proven within a second or so; of the others some of up to 18 facilities take a minute, and larger grids for ever.
QUICK = (
    *("chr12a", "chr12b", "chr12c", "chr15a", "chr15b", "chr15c", "chr18a", "chr18b", "chr20a", "chr20b"),
    *("chr20c", "chr22a", "chr22b", "had12", "had14", "nug12", "nug14", "nug15", "scr12", "scr15"),
)


def optima():
    """The stored costs of proven optima by instance."""
    with (FOLDER / "optima.csv").open() as file:
        return {row["instance"]: int(row["upper"]) for row in csv.DictReader(file) if row["optimal"] == "yes"}


def instance_of(flow, distance):
    """An instance of those matrices."""
    return Instance("made", {"flow": np.array(flow), "distance": np.array(distance)})


def run(source, instance):
    """What a program's entry point returns, as plain data."""
    space = {}
    exec(source, space)
    return plain(space[ENTRY](*(datum.copy() for datum in instance.data.values())))


def program(**chosen):
    """A program of the grammar: its first block in each role, but for those chosen."""
    blocks = problem.grammar.blocks
    names = {role: chosen.get(role, functions[0].__name__) for role, functions in blocks.items()}
    parts = [problem.grammar.sources(role)[name] for role, name in names.items()]
    return "\n\n".join(["import numpy as np", *parts, extract_source(problem.grammar.main, ENTRY)])


def cheapest(flow, distance):
    """The least cost, by counting out."""
    return min(compute_cost(flow, distance, place) for place in permutations(range(len(flow))))


@st.composite
def matrices(draw, most=6):
    """Two small matrices: symmetric or not, with zero diagonals or not, with common divisors or not."""
    n, factor = draw(st.integers(1, most)), draw(st.sampled_from((1, 3)))
    entries = st.lists(st.integers(0, 9), min_size=n * n, max_size=n * n)
    flow, distance = (np.array(draw(entries), dtype=np.int64).reshape(n, n) for _ in range(2))
    if draw(st.booleans()):
        flow, distance = flow + flow.T, distance + distance.T
    if draw(st.booleans()):
        np.fill_diagonal(flow, 0)
    return factor * flow, distance


THREE = instance_of([[0, 5, 1], [0, 0, 2], [0, 0, 0]], [[0, 1, 4], [7, 0, 1], [1, 1, 0]])


def test_an_assignment_is_priced_by_ordered_pairs():
    """Each ordered pair counts its flow times the distance from the one's location to the other's."""
    assert problem.cost(THREE, [0, 1, 2]) == 5 * 1 + 1 * 4 + 2 * 1
    assert problem.cost(THREE, [1, 0, 2]) == 5 * 7 + 1 * 1 + 2 * 4


@pytest.mark.parametrize(
    "broken",
    [
        [0, 1], [0, 1, 2, 0], [0, 1, 1], [0, 1, 3], [-1, 0, 1], [0, True, 2], [0, 1, 2.0], [0, "1", 2], [0, None, 2],
        [0, float("nan"), 2], [[0], 1, 2], "012", None, 3, {"0": 1},
    ],
)  # fmt: skip
def test_what_is_no_assignment_is_infeasible(broken):
    """Anything but a list of each location's integer index once is refused with a reason."""
    with pytest.raises(Infeasible, match=r"\w+ \w+"):
        problem.cost(THREE, broken)


GOOD = "2 8 8\n\n0 1\n2 0\n\n0 3\n4 0\n"


@pytest.mark.parametrize("text", [GOOD, GOOD.replace("2 8 8", "2"), GOOD.replace("2 8 8", "2 8")])
def test_a_good_file_is_read_with_or_without_known_values(text, tmp_path):
    """The first matrix is the flow, the second the distance; known values are passed over."""
    path = tmp_path / "good.qap"
    path.write_text(text)
    (instance,) = problem.read(path)
    assert instance.name == "good"
    assert instance.data["flow"].tolist() == [[0, 1], [2, 0]]
    assert instance.data["distance"].tolist() == [[0, 3], [4, 0]]


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("2 8 8", "x 8 8", r"line 1: found 'x'; expected the number of facilities"),
        ("2 0", "2 -1", r"line 4: found '-1'; expected a flow"),
        ("4 0", "4", r"line 7: the file ends; expected a distance"),
    ],
)
def test_complaints_name_file_and_line(was, becomes, complaint, tmp_path):
    """A broken file is refused with its line, what was found and what was expected."""
    path = tmp_path / "broken.qap"
    path.write_text(GOOD.replace(was, becomes))
    with pytest.raises(GapsmithError, match=r"broken\.qap, " + complaint):
        problem.read(path)


def test_numbers_too_many_or_too_large_are_refused(tmp_path):
    """A file that goes on after its matrices, or holds what could overflow, is refused; so is an absent one."""
    path = tmp_path / "broken.qap"
    for was, becomes, complaint in (
        ("4 0", "4 0 0", "goes on"),
        ("3", "3000000", "line 6: found '3000000'; expected a distance.* from 0 to 1000000"),
    ):
        path.write_text(GOOD.replace(was, becomes))
        with pytest.raises(GapsmithError, match=rf"broken\.qap.*{complaint}"):
            problem.read(path)
    with pytest.raises(GapsmithError, match="no such file"):
        problem.read(tmp_path / "absent.qap")


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_the_baseline_is_exact_on_small_matrices(drawn):
    """On any matrices the search, from a good start or a bad one, proves what counting out finds."""
    found, least = solve_quadratic_assignment(*drawn, 10.0), cheapest(*drawn)
    assert found.lower == found.upper == least == compute_cost(*drawn, found.solution)
    lower, place, _ = branch_and_bound(*drawn, list(range(len(drawn[0]))), 10.0)
    assert lower == least == compute_cost(*drawn, place)


@settings(max_examples=40, deadline=None)
@given(matrices(most=5), st.randoms(use_true_random=False))
def test_the_step_divides_all_costs_and_swaps_are_priced_exactly(drawn, random):
    """Every cost is a multiple of the step, and every swap's change is the difference of the costs."""
    step, n = find_cost_step(*drawn), len(drawn[0])
    place = list(range(n))
    random.shuffle(place)
    cost = compute_cost(*drawn, place)
    assert cost % step == 0
    changes = swap_changes(*drawn, np.array(place))
    for i in range(n):
        for j in range(i + 1, n):
            other = place.copy()
            other[i], other[j] = place[j], place[i]
            assert changes[i, j] == compute_cost(*drawn, other) - cost


def test_without_time_the_bounds_are_still_true():
    """A baseline that stops after its first nodes brackets a stored optimum's kind of cost: the bound is the root's."""
    data = problem.generate(np.random.default_rng(5), "uniform", 20)
    hasty = solve_quadratic_assignment(data["flow"], data["distance"], 0.0)
    assert 0 < hasty.lower < hasty.upper == compute_cost(data["flow"], data["distance"], hasty.solution)


@needs_data
def test_all_files_parse_and_no_rule_beats_a_proven_optimum():
    """Every file is read; every rule's assignment is feasible and no cheaper than the stored optimum."""
    known = optima()
    for name, least in known.items():
        (instance,) = problem.read(FOLDER / f"{name}.qap")
        for source in [*(rule.source(ENTRY) for rule in problem.rules), program(improve="tabu")]:
            assert problem.cost(instance, run(source, instance)) >= least, name
    assert len(known) == len(list(FOLDER.glob("*.qap"))) == 37


@needs_data
@pytest.mark.parametrize("name", QUICK)
def test_the_baseline_equals_stored_optima(name):
    """The baseline proves the stored optimum of every quick instance."""
    (instance,) = problem.read(FOLDER / f"{name}.qap")
    found = problem.baseline(instance, 60.0)
    assert found.lower == found.upper == optima()[name] == problem.cost(instance, found.solution)


@needs_data
@pytest.mark.parametrize(("name", "published"), [("nug15", 963), ("nug20", 2057), ("nug30", 4539)])
def test_the_gilmore_lawler_bound_is_the_published_one(name, published):
    """It is that of QAPLIB's tables, rounded up to an even number where costs are even."""
    (instance,) = problem.read(FOLDER / f"{name}.qap")
    assert bound_gilmore_lawler(instance.data["flow"], instance.data["distance"]) == published + published % 2


@needs_data
@pytest.mark.parametrize(("name", "gilmore", "relaxed"), [("nug12", 493, 523), ("nug20", 2057, 2182)])
def test_the_bound_of_the_root_lies_between_published_ones(name, gilmore, relaxed):
    """Dual ascent comes far beyond Gilmore and Lawler's bound, but not beyond the relaxation that it ascends."""
    (instance,) = problem.read(FOLDER / f"{name}.qap")
    flow, distance = instance.data["flow"], instance.data["distance"]
    scale, n = 1 << 12, len(flow)
    pairs = (flow[:, None, :, None] * distance[None, :, None, :] * scale).astype(np.int32).ravel()
    leads, costs, work = (np.zeros((k, n), np.int64) for k in (n, n, 7))
    bound = raise_bound(n, 0, optima()[name] * scale, 100, 10**6, leads, pairs, costs, work) / scale
    assert gilmore + 0.5 * (relaxed - gilmore) <= bound <= relaxed + 1


@settings(max_examples=30, deadline=None)
@given(matrices(most=4), st.integers(1, 6))
def test_dual_ascent_changes_no_cost(drawn, rounds):
    """What the bound and the costs that are left say of an assignment is what it costs, however long the ascent."""
    (flow, distance), n = drawn, len(drawn[0])
    pairs = (flow[:, None, :, None] * distance[None, :, None, :]).astype(np.int32)
    each = np.arange(n)
    pairs[each, :, each, :] = 0
    pairs[:, each, :, each] = 0
    leads = np.outer(flow.diagonal(), distance.diagonal())
    costs, work = np.zeros((n, n), np.int64), np.zeros((7, n), np.int64)
    bound = raise_bound(n, 0, 1 << 28, rounds, 1 << 30, leads, pairs.reshape(-1), costs, work)
    for place in permutations(range(n)):
        apart = sum(int(pairs[i, place[i], k, place[k]]) for i in range(n) for k in range(n) if i != k)
        assert bound + leads[each, list(place)].sum() + apart == compute_cost(flow, distance, place)


@settings(max_examples=60, deadline=None)
@given(arrays(np.int64, (5, 5), elements=st.integers(0, 30)))
def test_settling_solves_the_linear_assignment(costs):
    """Its value is the least sum of one cost in each row and column; what is left is at least 0 and has a zero one."""
    least = min(sum(costs[i, place[i]] for i in range(5)) for place in permutations(range(5)))
    assert solve_assignment(costs, 5, np.zeros((7, 5), np.int64)) == least
    assert costs.min() >= 0
    assert any(not any(costs[i, place[i]] for i in range(5)) for place in permutations(range(5)))


def test_symmetries_are_those_of_the_grid():
    """A rectangle of locations can be turned and mirrored in four ways, a square in eight, a path in two."""
    for rows, columns, ways in ((2, 3, 4), (3, 3, 8), (1, 5, 2)):
        at = np.array([(r, c) for r in range(rows) for c in range(columns)])
        matrix = np.abs(at[:, None] - at).sum(axis=-1)
        found = list_automorphisms(matrix)
        assert len({tuple(each) for each in found.tolist()}) == ways
        assert all((matrix[np.ix_(each, each)] == matrix).all() for each in found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_symmetric_grids_are_solved_exactly(seed):
    """Where locations, facilities or both can change places, the search still proves what counting out finds."""
    rng, matrix = (
        np.random.default_rng(seed),
        problem.generate(np.random.default_rng(0), "grid", 6)["distance"],
    )
    flow = problem.generate(rng, "grid", 6)["flow"]
    for pair in ((flow, matrix), (matrix, flow), (matrix, matrix)):
        lower, place, _ = branch_and_bound(*pair, list(range(6)), 10.0)
        assert lower == cheapest(*pair) == compute_cost(*pair, place)


def test_costs_beyond_the_unit_are_solved_exactly():
    """Costs that have to be rounded down for the bounds are still proven to the last unit."""
    rng = np.random.default_rng(2)
    flow, distance = (rng.integers(0, 10**6, (6, 6)) for _ in range(2))
    found = solve_quadratic_assignment(flow, distance, 10.0)
    assert found.lower == found.upper == cheapest(flow, distance)


@pytest.mark.parametrize("role", ["construct", "improve", "polish"])
def test_every_block_makes_an_assignment(role):
    """Each block of the grammar, with classical priorities, gives a feasible assignment, of one facility as of 12."""
    for block in problem.grammar.blocks[role]:
        source = program(**{role: block.__name__})
        hole = (
            next(line for line in source.splitlines() if line.strip().startswith("priority = "))
            if "priority = " in source
            else "\0"
        )
        for priority in problem.grammar.priorities if role == "construct" else ["known"]:
            filled = source.replace(hole.strip(), f"priority = {priority}")
            for size, stratum in ((1, "grid"), (2, "uniform"), (3, "tree"), (12, "grid"), (12, "real-life")):
                instance = Instance("made", problem.generate(np.random.default_rng(size), stratum, size))
                assert problem.cost(instance, run(filled, instance)) >= 0


@settings(max_examples=20, deadline=None)
@given(matrices(most=5))
def test_no_rule_beats_counting_out(drawn):
    """On any small matrices every rule gives an assignment that costs no less than the cheapest."""
    instance = instance_of(*drawn)
    for rule in problem.rules:
        assert problem.cost(instance, run(rule.source(ENTRY), instance)) >= cheapest(*drawn)


def test_instances_are_reproducible_and_splits_disjoint():
    """The same seed draws the same instances; none is in two splits; matrices are symmetric with zero diagonals."""
    drawn = {split: problem.generate_instances(split, seed=4, count=12) for split in Split}
    again = problem.generate_instances(Split.TRAIN, seed=4, count=12)
    assert [i.digest for i in drawn[Split.TRAIN]] == [i.digest for i in again]
    digests = [i.digest for instances in drawn.values() for i in instances]
    assert len(set(digests)) == len(digests)
    for matrix in (datum for instance in drawn[Split.TRAIN] for datum in instance.data.values()):
        assert (matrix == matrix.T).all()
        assert not matrix.diagonal().any()
