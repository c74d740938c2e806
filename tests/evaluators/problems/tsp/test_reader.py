"""TSPLIB files written and read back: formats, metrics, and everything that is not one."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.problems.tsp.reader import FORMATS, LONGEST, METRICS, read_tsplib

QUIET = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
POINTS = st.lists(st.tuples(*(st.integers(-400, 400),) * 3), min_size=3, max_size=8)


def explicit(matrix, form, lead=""):
    """The text of a file with a matrix in a format."""
    n = len(matrix)
    numbers = " ".join(str(value) for value in matrix[FORMATS[form](n)])
    return (
        f"NAME : made\nTYPE : TSP\n{lead}DIMENSION : {n}\nEDGE_WEIGHT_TYPE : EXPLICIT\n"
        f"EDGE_WEIGHT_FORMAT : {form}\nEDGE_WEIGHT_SECTION\n{numbers}\nEOF\n"
    )


def measured(points, metric, scale=1.0, order=None):
    """The text of a file with coordinates, its rows in an order."""
    width = METRICS[metric][0]
    rows = [f"{k + 1} " + " ".join(repr(scale * x) for x in points[k][:width]) for k in range(len(points))]
    rows = [rows[k] for k in order or range(len(rows))]
    return "\n".join(
        [
            "TYPE: TSP",
            f"DIMENSION: {len(rows)}",
            f"EDGE_WEIGHT_TYPE: {metric}",
            "NODE_COORD_SECTION",
            *rows,
            "EOF",
            "",
        ]
    )


def read(tmp_path, text):
    """The matrix of a file with that text."""
    path = tmp_path / "made.tsp"
    path.write_text(text)
    return read_tsplib(path)


@pytest.mark.parametrize("form", sorted(FORMATS))
@QUIET
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 9))
def test_a_matrix_comes_back_from_every_format(form, seed, n, tmp_path):
    """What is written in a format is read as the same matrix, its diagonal set to 0."""
    upper = np.triu(np.random.default_rng(seed).integers(0, 999, (n, n)), 1)
    matrix = upper + upper.T
    assert read(tmp_path, explicit(matrix, form)).tolist() == matrix.tolist()


def away(one, other, metric):
    """A distance by TSPLIB's definition, in plain Python."""
    differences = [abs(a - b) for a, b in zip(one, other, strict=True)]
    if metric == "MAN_2D":
        return math.floor(sum(differences) + 0.5)
    if metric == "MAX_2D":
        return max(math.floor(x + 0.5) for x in differences)
    squares = sum(x * x for x in differences)
    if metric == "ATT":
        r = math.sqrt(squares / 10.0)
        near = math.floor(r + 0.5)
        return near + 1 if near < r else near
    return math.ceil(math.sqrt(squares)) if metric == "CEIL_2D" else math.floor(math.sqrt(squares) + 0.5)


@pytest.mark.parametrize("metric", sorted(set(METRICS) - {"GEO"}))
@QUIET
@given(points=POINTS, scale=st.sampled_from([1.0, 0.5, 0.25]))
def test_metrics_are_those_of_the_definition(metric, points, scale, tmp_path):
    """Every distance is what the printed formula gives, halves and quarters of a unit included."""
    matrix = read(tmp_path, measured(points, metric, scale))
    width = METRICS[metric][0]
    scaled = [[scale * x for x in point[:width]] for point in points]
    for i, one in enumerate(scaled):
        for k, other in enumerate(scaled):
            assert matrix[i, k] == (away(one, other, metric) if i != k else 0)


@QUIET
@given(points=POINTS, random=st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(points, random, tmp_path):
    """Cities are placed by their numbers, not by their lines."""
    order = random.sample(range(len(points)), len(points))
    plain = read(tmp_path, measured(points, "EUC_2D"))
    assert (read(tmp_path, measured(points, "EUC_2D", order=order)) == plain).all()


@QUIET
@given(
    points=st.lists(
        st.tuples(st.integers(-89, 89), st.integers(-179, 179), st.just(0)), min_size=3, max_size=6
    )
)
def test_distances_on_the_earth_are_symmetric_and_bounded(points, tmp_path):
    """No two places are farther apart than half the circumference, and the way back is as long."""
    matrix = read(tmp_path, measured(points, "GEO"))
    assert (matrix == matrix.T).all()
    assert matrix.max() <= math.pi * 6378.388 + 1
    assert not matrix.diagonal().any()


GOOD = explicit(np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]]), "FULL_MATRIX")


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("TYPE : TSP\n", "TYPE : TSP\nTYPE : TSP\n", "TYPE again"),
        ("DIMENSION : 3", "DIMENSION : 2", "DIMENSION to be an integer of at least 3"),
        ("DIMENSION : 3", "DIMENSION : 4", "9 numbers in EDGE_WEIGHT_SECTION"),
        ("DIMENSION : 3", "DIMENSION : 99999", "99999 cities"),
        ("EDGE_WEIGHT_SECTION\n", "EDGE_WEIGHT_SECTION\nEDGE_WEIGHT_SECTION\n", "EDGE_WEIGHT_SECTION again"),
        ("EDGE_WEIGHT_SECTION", "DEMAND_SECTION", "DEMAND_SECTION"),
        ("0 1 2", "0 1.5 2", "'1.5'"),
        ("0 1 2", "0 -1 2", "'-1'"),
        ("0 1 2", f"0 {LONGEST + 1} 2", str(LONGEST + 1)),
        ("0 1 2", "0 inf 2", "'inf'"),
        ("0 1 2", "0 7 2", "7"),
        ("NAME : made", "no colon here", "KEYWORD : VALUE"),
        ("TYPE : EXPLICIT", "TYPE : SPECIAL", "'SPECIAL'"),
        ("FORMAT : FULL_MATRIX", "FORMAT : FUNCTION", "'FUNCTION'"),
    ],
)
def test_what_is_not_tsplib_is_refused_with_the_file(was, becomes, complaint, tmp_path):
    """The message names the file, the line and what was found."""
    assert was in GOOD
    with pytest.raises(GapsmithError) as refused:
        read(tmp_path, GOOD.replace(was, becomes, 1))
    assert complaint in str(refused.value)
    assert "made.tsp, line" in str(refused.value)


@pytest.mark.parametrize("row", ["1 0", "1 0 0 0", "2 5 5", "4 1 1", "0 1 1", "1 x 1", "1.5 1 1"])
def test_broken_rows_of_coordinates_are_refused(row, tmp_path):
    """Too few or many numbers, a city twice or none, and words are errors."""
    text = measured([(0, 0, 0), (5, 5, 0), (9, 9, 0)], "EUC_2D").replace("1 0.0 0.0", row)
    with pytest.raises(GapsmithError, match=r"made\.tsp, line"):
        read(tmp_path, text)


def test_comments_blank_lines_and_display_data_are_passed_over(tmp_path):
    """Comments may be many, lines may be empty, and coordinates for display change no distance."""
    matrix = np.array([[0, 4, 5], [4, 0, 6], [5, 6, 0]])
    text = explicit(matrix, "UPPER_ROW", "COMMENT : a\nCOMMENT : b\n\n").replace(
        "EOF", "DISPLAY_DATA_SECTION\n1 2 3\n2 3 4\n3 4 5\nEOF\nafter the end"
    )
    assert read(tmp_path, text).tolist() == matrix.tolist()
