"""The maximum independent set: prices, files, exactness against counting out, rules and blocks."""

import csv
from itertools import combinations

import numpy as np
import pytest
from helpers import DATA, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.independent_set.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.independent_set.exact.solve import (
    SCALE,
    CliqueDual,
    cover_edges,
    reduce_graph,
    search_exhaustively,
    solve_independent_set,
)
from gapsmith.evaluators.problems.independent_set.problem import MAX_VERTICES, problem

FOLDER = DATA / "independent_set"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark folder independent_set/ is absent")
ENTRY = problem.entry.name


def stored():
    """Rows of the stored values by instance."""
    with (FOLDER / "optima.csv").open() as file:
        return {row["instance"]: row for row in csv.DictReader(file)}


def graph(n, edges):
    """The adjacency matrix of those edges."""
    adjacent = np.zeros((n, n), dtype=bool)
    for u, v in edges:
        adjacent[u, v] = adjacent[v, u] = True
    return adjacent


def instance_of(adjacent):
    """An instance of that graph."""
    return Instance("made", {"adjacent": adjacent})


def run(source, instance):
    """What a program's entry point returns, as plain data."""
    space = {}
    exec(source, space)
    return plain(space[ENTRY](instance.data["adjacent"].copy()))


def program(**chosen):
    """A program of the grammar: its first block in each role, but for those chosen."""
    blocks = problem.grammar.blocks
    names = {role: chosen.get(role, functions[0].__name__) for role, functions in blocks.items()}
    parts = [problem.grammar.sources(role)[name] for role, name in names.items()]
    return "\n\n".join(["import numpy as np", *parts, extract_source(problem.grammar.main, ENTRY)])


def largest(adjacent):
    """The size of a largest independent set, by counting out."""
    n = len(adjacent)
    sets = (list(c) for size in range(n, -1, -1) for c in combinations(range(n), size))
    return len(next(c for c in sets if not adjacent[np.ix_(c, c)].any()))


@st.composite
def graphs(draw, most=9):
    """Small graphs of any density."""
    n = draw(st.integers(1, most))
    pairs = list(combinations(range(n), 2))
    return graph(n, [pair for pair in pairs if draw(st.booleans())])


PATH = instance_of(graph(4, [(0, 1), (1, 2), (2, 3)]))


def test_a_set_is_priced_by_its_size():
    """The value of a set is how many vertices it has, in any order; the empty set is one."""
    assert problem.cost(PATH, [3, 0]) == 2
    assert problem.cost(PATH, []) == 0


@pytest.mark.parametrize(
    "broken",
    [
        [0, 1], [0, 2, 3], [0, 0], [4], [-1], [True], [0.0], ["0"], [None], [float("nan")], [[0]], "0", None, {"0": 1},
    ],
)  # fmt: skip
def test_what_is_no_independent_set_is_infeasible(broken):
    """Anything but a list of distinct integer indices without an edge among them is refused with a reason."""
    with pytest.raises(Infeasible, match=r"\w+ \w+"):
        problem.cost(PATH, broken)


GOOD = "c a comment\np edge 3 2\ne 2 1\ne 2 3\n"


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("e 2 3", "e 2 4", r"line 4: found 'e 2 4'; expected e u v, with vertices from 1 to 3"),
        ("e 2 3", "e 2 2", r"line 4: found a loop at vertex 2"),
        ("e 2 3\n", "", r"line 3: found 1 edges; expected a line p edge n m and 2 edges"),
        ("e 2 3", "f 2 3", r"line 4: found 'f 2 3'"),
        ("p edge 3 2", "p edge 3", r"line 2: found 'p edge 3'"),
        ("p edge 3 2", "p edge 0 2", r"line 2: found 0 vertices"),
        ("p edge 3 2\n", "", r"line 2: found 'e 2 1'"),
    ],
)
def test_complaints_name_file_and_line(was, becomes, complaint, tmp_path):
    """A broken file is refused with its line, what was found and what was expected."""
    path = tmp_path / "broken.gph"
    path.write_text(GOOD.replace(was, becomes))
    with pytest.raises(GapsmithError, match=r"broken\.gph, " + complaint):
        problem.read(path)


def test_a_good_file_is_read(tmp_path):
    """Edges count from 1 and hold both ways."""
    path = tmp_path / "good.gph"
    path.write_text(GOOD)
    (instance,) = problem.read(path)
    assert instance.name == "good"
    assert (instance.data["adjacent"] == graph(3, [(0, 1), (1, 2)])).all()


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_every_exact_method_finds_what_counting_out_finds(adjacent):
    """Baseline, branch and bound without reductions, and CP-SAT agree with counting out on any small graph."""
    size, n = largest(adjacent), len(adjacent)
    found = solve_independent_set(adjacent, 10.0)
    assert found.lower == found.upper == size == len(found.solution)
    done, best = search_exhaustively(adjacent, [], 10.0)
    assert done
    assert len(best) == size == problem.cost(instance_of(adjacent), best)
    assert solve_with_cpsat(n, cover_edges(adjacent), n, [], 10.0)[0] == size


@settings(max_examples=40, deadline=None)
@given(graphs(), st.data())
def test_bounds_and_reductions_keep_the_optimum(adjacent, data):
    """Cliques cover all edges, the dual at any multipliers is no less than the optimum, reductions lose nothing."""
    cliques = cover_edges(adjacent)
    covered = graph(len(adjacent), [pair for clique in cliques for pair in combinations(clique, 2)])
    assert (covered == adjacent).all()
    taken, rest = reduce_graph(adjacent)
    assert len(taken) + (largest(adjacent[np.ix_(rest, rest)]) if rest else 0) == largest(adjacent)
    if cliques:
        some = st.lists(st.integers(0, 2 * SCALE), min_size=len(cliques), max_size=len(cliques))
        value, _ = CliqueDual(len(adjacent), cliques)(np.array(data.draw(some)))
        assert -value >= SCALE * largest(adjacent)


def test_branch_and_bound_agrees_with_cpsat_beyond_one_word():
    """On graphs of 70 and 130 vertices, two and three words of bits, both exact methods prove the same size."""
    for size, stratum in ((70, "p=0.2"), (70, "attachment"), (130, "p=0.5")):
        adjacent = problem.generate(np.random.default_rng(size), stratum, size)["adjacent"]
        done, best = search_exhaustively(adjacent, [], 30.0)
        assert done
        assert len(best) == problem.cost(instance_of(adjacent), best)
        if size == 70:
            bound, found = solve_with_cpsat(size, cover_edges(adjacent), size, [], 30.0)
            assert bound == len(found) == len(best)


def test_without_time_the_bounds_are_still_true():
    """A baseline with no time at all brackets the optimum that one with time proves."""
    adjacent = problem.generate(np.random.default_rng(1), "p=0.2", 60)["adjacent"]
    hasty, proven = solve_independent_set(adjacent, 0.0), solve_independent_set(adjacent, 30.0)
    assert problem.cost(instance_of(adjacent), hasty.solution) == hasty.lower <= proven.lower
    assert proven.lower == proven.upper <= hasty.upper


@needs_data
def test_all_files_parse_and_no_rule_beats_a_proven_optimum():
    """Every file is read with its stored size; no rule's set is larger than a stored optimum."""
    known = stored()
    for path in sorted(FOLDER.glob("*.gph")):
        (instance,) = problem.read(path)
        row, adjacent = known.pop(instance.name), instance.data["adjacent"]
        assert len(adjacent) == int(row["n"])
        assert adjacent.sum() // 2 == int(row["m"])
        for rule in problem.rules[:2] if len(adjacent) > 150 else problem.rules:
            value = problem.cost(instance, run(rule.source(ENTRY), instance))
            assert row["optimal"] == "no" or value <= int(row["upper"]), (instance.name, rule.name)
    assert not known


@needs_data
def test_the_baseline_equals_stored_optima():
    """The baseline proves every stored optimum: all files but the two that nobody has proven."""
    proven = {name: int(row["upper"]) for name, row in stored().items() if row["optimal"] == "yes"}
    assert len(proven) == 15
    for name, size in proven.items():
        (instance,) = problem.read(FOLDER / f"{name}.gph")
        found = problem.baseline(instance, 60.0)
        assert found.lower == found.upper == size == problem.cost(instance, found.solution), name


@pytest.mark.parametrize("role", ["reduce", "construct", "improve"])
def test_every_block_makes_an_independent_set(role):
    """Each block of the grammar, with classical priorities, gives a feasible set, on one vertex as on forty."""
    for block in problem.grammar.blocks[role]:
        source = program(**{role: block.__name__})
        for priority in problem.grammar.priorities if role == "construct" else ["degree"]:
            filled = source.replace("priority = degree", f"priority = {priority}")
            for size, stratum in ((1, "p=0.5"), (2, "p=0.5"), (40, "p=0.1"), (40, "attachment")):
                instance = Instance("made", problem.generate(np.random.default_rng(size), stratum, size))
                assert problem.cost(instance, run(filled, instance)) >= 1


@settings(max_examples=30, deadline=None)
@given(graphs(most=9))
def test_no_rule_or_block_beats_counting_out(adjacent):
    """On any small graph every rule and every reduction gives a set, not larger than the largest, never empty."""
    instance = instance_of(adjacent)
    sources = [rule.source(ENTRY) for rule in problem.rules]
    sources += [program(reduce=block.__name__) for block in problem.grammar.blocks["reduce"]]
    for source in sources:
        assert 1 <= problem.cost(instance, run(source, instance)) <= largest(adjacent)


def test_instances_are_reproducible_and_splits_disjoint():
    """The same seed draws the same graphs, symmetric and without loops; none is in two splits."""
    drawn = {split: problem.generate_instances(split, seed=4, count=12) for split in Split}
    again = problem.generate_instances(Split.TRAIN, seed=4, count=12)
    assert [i.digest for i in drawn[Split.TRAIN]] == [i.digest for i in again]
    digests = [i.digest for instances in drawn.values() for i in instances]
    assert len(set(digests)) == len(digests)
    for instance in drawn[Split.TRAIN]:
        adjacent = instance.data["adjacent"]
        assert (adjacent == adjacent.T).all()
        assert not adjacent.diagonal().any()


# Files, prices, strata


@st.composite
def random_graphs(draw):
    """Random graphs of up to twelve vertices."""
    n = draw(st.integers(1, 12))
    upper = np.triu(np.random.default_rng(draw(st.integers(0, 9999))).random((n, n)) < 0.4, 1)
    return upper | upper.T


def text_of(adjacent, rng, form="edge", end="\n"):
    """A DIMACS file of a graph: edges in any order and direction, some of them twice, comments in between."""
    edges = [(u + 1, v + 1) for u, v in np.argwhere(np.triu(adjacent)).tolist()]
    edges += [edge for edge in edges if rng.random() < 0.3]
    edges = [edge if rng.random() < 0.5 else edge[::-1] for edge in edges]
    lines = ["c a graph", f"p {form} {len(adjacent)} {len(edges)}"]
    for place in rng.permutation(len(edges)):
        lines += ["c", ""] * bool(rng.random() < 0.2) + ["e  {} {} ".format(*edges[place])]
    return end.join(lines) + end


@settings(max_examples=40)
@given(
    random_graphs(),
    st.integers(0, 999),
    st.sampled_from(["edge", "edges", "col"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_graph_survives_its_file(tmp_path_factory, adjacent, seed, form, end):
    """Whatever the order, direction and repetition of edges, the same matrix comes back."""
    path = tmp_path_factory.mktemp("graphs") / "drawn.gph"
    path.write_bytes(text_of(adjacent, np.random.default_rng(seed), form, end).encode())
    (instance,) = problem.read(path)
    assert instance.name == "drawn"
    assert instance.data["adjacent"].dtype == bool
    assert (instance.data["adjacent"] == adjacent).all()


def test_a_header_that_counts_both_directions_is_explained(tmp_path):
    """Where the header says twice as many edges as there are, the complaint says what is meant."""
    path = tmp_path / "twice.gph"
    path.write_text("p edge 3 4\ne 1 2\ne 2 3\n")
    with pytest.raises(GapsmithError, match=r"found 2 edges; .* counts both directions: write half of it"):
        problem.read(path)


def test_a_graph_too_large_for_a_matrix_is_refused_at_its_header(tmp_path):
    """One vertex more than the limit is refused before a matrix is made."""
    path = tmp_path / "large.gph"
    path.write_text(f"p edge {MAX_VERTICES + 1} 0\n")
    with pytest.raises(GapsmithError, match=f"line 1: found {MAX_VERTICES + 1} vertices"):
        problem.read(path)


@settings(max_examples=80)
@given(random_graphs(), st.integers(0, 999))
def test_a_set_has_a_price_exactly_when_no_edge_is_inside(adjacent, seed):
    """Any list of distinct vertices is either free of edges and worth its size, or refused with a pair named."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(adjacent))[: rng.integers(0, len(adjacent) + 1)].tolist()
    clashes = [sorted(pair) for pair in combinations(chosen, 2) if adjacent[pair]]
    instance = Instance("drawn", {"adjacent": adjacent})
    if not clashes:
        assert problem.cost(instance, chosen) == len(chosen)
    else:
        with pytest.raises(Infeasible, match=f"{len(clashes)} such pairs") as refused:
            problem.cost(instance, chosen)
        assert any(f"vertices {u} and {v} are adjacent" in str(refused.value) for u, v in clashes)


@settings(max_examples=30)
@given(random_graphs(), st.data())
def test_mutants_of_a_feasible_set_are_refused(adjacent, data):
    """A set with one entry repeated, out of range or of another type has no price."""
    instance = Instance("drawn", {"adjacent": adjacent})
    chosen = problem.baseline(instance, 5.0).solution
    place = data.draw(st.integers(0, len(chosen) - 1))
    value = chosen[place]
    wrong = [len(adjacent), -1 - value, float(value), str(value), None, [value], True]
    mutants = [[*chosen[:place], each, *chosen[place + 1 :]] for each in wrong]
    for mutant in [*mutants, [*chosen, value], tuple(chosen), dict.fromkeys(chosen), None]:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@pytest.mark.parametrize("stratum", problem.strata)
@settings(max_examples=10)
@given(size=st.integers(1, 60), seed=st.integers(0, 999))
def test_every_stratum_draws_simple_graphs_of_any_size(stratum, size, seed):
    """Matrices are symmetric, without loops, of the size asked for."""
    adjacent = problem.generate(np.random.default_rng(seed), stratum, size)["adjacent"]
    assert adjacent.shape == (size, size)
    assert (adjacent == adjacent.T).all()
    assert not adjacent.diagonal().any()


def test_attachment_joins_each_vertex_to_four_earlier_ones():
    """From the fifth vertex on exactly four edges lead back, to all earlier ones before that."""
    adjacent = problem.generate(np.random.default_rng(0), "attachment", 40)["adjacent"]
    assert [int(adjacent[v, :v].sum()) for v in range(40)] == [min(v, 4) for v in range(40)]
