"""Graphs survive their file, and sets of vertices are judged edge by edge."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance
from gapsmith.evaluators.problems.independent_set.problem import MAX_VERTICES, problem


@st.composite
def graphs(draw):
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
    graphs(), st.integers(0, 999), st.sampled_from(["edge", "edges", "col"]), st.sampled_from(["\n", "\r\n"])
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
@given(graphs(), st.integers(0, 999))
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
@given(graphs(), st.data())
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
