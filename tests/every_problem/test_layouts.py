"""Layouts of instance files: a reader uses what the lines say, or asks, and never guesses in silence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.evaluation.problems import find_problem, set_layout
from gapsmith.evaluators.base import GapsmithError, UsageError


@pytest.fixture
def read(tmp_path):
    """Reads a text by a problem's reader."""

    def reader(problem, text, *layout):
        path = tmp_path / "some.txt"
        path.write_text(text)
        return find_problem(problem).read(path, *layout)

    return reader


def lines(rows):
    """Rows of numbers as lines of a file."""
    return "\n".join(" ".join(map(str, row)) for row in rows) + "\n"


def broken(row, width):
    """A row broken into lines of so many numbers."""
    return [row[start : start + width] for start in range(0, len(row), width)]


T, W = "single_machine_tardiness", "single_machine_weighted_tardiness"
JOBS = st.integers(1, 30).flatmap(
    lambda n: st.lists(st.tuples(st.integers(1, 100), st.integers(1, 500)), min_size=n, max_size=n)
)


@given(JOBS, st.sampled_from(["pairs", "rows"]))
def test_tardiness_is_read_as_it_stands_or_not_at_all(tmp_path_factory, jobs, layout):
    """Pairs and rows are told apart by their lines; where both fit and differ, the reader asks."""
    path = tmp_path_factory.getbasetemp() / "jobs.txt"
    rows = jobs if layout == "pairs" else list(zip(*jobs, strict=True))
    path.write_text(f"{len(jobs)}\n" + lines(rows))
    problem = find_problem(T)
    try:
        (instance,) = problem.read(path)
    except GapsmithError:
        assert len(jobs) == 2
        (instance,) = problem.read(path, layout)
    assert list(zip(instance.data["p"], instance.data["d"], strict=True)) == jobs


@pytest.mark.parametrize("text", ["2\n5 3\n2 4\n", "3 1 2 3 4 5 6\n", "3\n1 2 3 4 5 6\n", "2\n1\n2\n3\n4\n"])
def test_tardiness_asks_where_lines_say_nothing(read, text):
    """Two jobs, or all numbers on one line, fit both layouts; with the option each is read."""
    with pytest.raises(GapsmithError, match=r"some.txt, line \d: .*--layout pairs.*--layout rows"):
        read(T, text)
    assert not np.array_equal(read(T, text, "pairs")[0].data["p"], read(T, text, "rows")[0].data["p"])


def test_another_instance_of_the_file_can_tell_the_layout(read):
    """Two jobs beside three of which the lines are clear are read as these."""
    first, _ = read(T, "2\n5 3\n2 4\n3\n1 1\n1 1\n2 -4\n")
    assert first.data["p"].tolist() == [5, 2]


def weighted(count, size, seed):
    """Instances with numbers like OR-Library's: rows of p, w and d."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        p, w = rng.integers(1, 101, size), rng.integers(1, 11, size)
        rows += [p.tolist(), w.tolist(), rng.integers(0, p.sum() + 1, size).tolist()]
    return rows


@given(
    st.sampled_from(
        [(125, 20), (125, 40), (125, 50), (25, 40), (25, 100), (5, 75), (1, 125), (250, 20), (3, 125)]
    ),
    st.sampled_from([10, 20, 25, 1000]),
    st.integers(0, 99),
)
def test_weighted_tardiness_is_read_as_it_stands_or_not_at_all(tmp_path_factory, shape, width, seed):
    """Whatever the count, the size and the width of the lines, what is read is what was written."""
    rows = weighted(*shape, seed)
    path = tmp_path_factory.getbasetemp() / "weighted.txt"
    path.write_text(lines(part for row in rows for part in broken(row, width)))
    found = find_problem(W).read(path)
    assert [np.asarray(i.data[name]).tolist() for i in found for name in "pwd"] == rows


@pytest.mark.parametrize(("count", "size"), [(1, 125), (125, 8), (25, 15)])
def test_columns_are_no_rows(read, count, size):
    """A line for each job is refused, though its count of numbers is a multiple of 375."""
    rows = weighted(count, size, 1)
    jobs = [job for k in range(count) for job in zip(*rows[3 * k : 3 * k + 3], strict=True)]
    with pytest.raises(GapsmithError, match=r"some.txt, line 1: found \d+ numbers .*--layout jobs=N"):
        read(W, lines(jobs))


def test_other_weights_need_the_number_of_jobs(read):
    """Weights beyond OR-Library's say nothing of where rows end: the reader asks, and takes the answer."""
    rows = [[3, 4, 5], [50, 60, 70], [8, 9, 10]] * 125
    with pytest.raises(GapsmithError, match="--layout jobs=N"):
        read(W, lines(rows))
    assert len(read(W, lines(rows), "or-library")) == 125
    assert read(W, lines(rows), "jobs=3")[0].data["w"].tolist() == [50, 60, 70]
    with pytest.raises(GapsmithError, match="multiple of 21"):
        read(W, lines(rows), "jobs=7")
    for layout in ("jobs=0", "jobs=", "jobs=x", "jobs=" + "9" * 5000, "columns"):
        with pytest.raises(UsageError, match="--layout is"):
            read(W, lines(rows), layout)


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99))
def test_pairs_of_machine_and_time_are_no_flow_shop(tmp_path_factory, n, m, seed):
    """Files of pairs are refused, whatever their numbers; the machine-by-machine form is read as it is."""
    times = np.random.default_rng(seed).integers(1, 100, (n, m))
    pairs = np.stack([np.tile(np.arange(m), (n, 1)), times], axis=-1).reshape(n, -1)
    path = tmp_path_factory.getbasetemp() / "shop.txt"
    problem = find_problem("permutation_flow_shop")
    for head in ([n, m], [n, m, 0, 0, 0]):
        path.write_text(lines([head, *pairs.tolist()]))
        with pytest.raises(GapsmithError, match=r"shop.txt, line \d+: found"):
            problem.read(path)
    path.write_text(lines([[n, m, 0, 0, 0], *times.T.tolist()]))
    (instance,) = problem.read(path)
    assert np.array_equal(instance.data["p"], times)


def test_a_flow_shop_by_jobs_is_asked_for(read):
    """Lines of one job each are no lines of machines, also where the counts would allow it."""
    rows = [[20, 5, 0, 0, 0], *np.arange(100).reshape(20, 5).tolist()]
    with pytest.raises(GapsmithError, match=r"line 2: found lines of 5, 5, 5, 5 … numbers; .*--layout jobs"):
        read("permutation_flow_shop", lines(rows))
    (instance,) = read("permutation_flow_shop", lines(rows), "jobs")
    assert np.array_equal(instance.data["p"], np.arange(100).reshape(20, 5))


@pytest.mark.parametrize(
    ("problem", "text", "words"),
    [
        ("job_shop", "2 2\n0 1\n1 0\n0 1\n1 0\n", "two tables of times and machines are not read"),
        ("job_shop", "2 2\n0 1 1 0 0 1 1 0\n", "found lines of 8 numbers; expected 2 lines"),
        ("job_shop", "Nb of jobs\n2 2\n", "found 'Nb'; expected numbers alone"),
        ("permutation_flow_shop", "number of jobs :\n 2 2 0 0 0\n", "found 'number'; expected numbers alone"),
        ("market_split", "2 3\n1 2 3\n4 5 6\n3 7\n", "found lines of 3, 3, 2 numbers; expected 2 lines of 3"),
        ("market_split", "2 1\n1\n2\n3 4\n", "found lines of 1, 1, 2 numbers"),
        (
            "multidimensional_knapsack",
            "2 4\n10 20 15 7\n",
            "expected the number of instances alone on its line",
        ),
        (
            "multidimensional_knapsack",
            "1\n4 2\n10 20 15 7\n",
            "expected a line of three numbers, `n m optimum`",
        ),
        ("multidimensional_knapsack", "1\n3 2 0\n1 2 3\n1 2\n3 4\n5 6\n9 9\n", "--layout items"),
        ("online_bin_packing", "3\n10\n7\n6\n2\n", "as in BPPLIB's, are not read"),
        ("online_bin_packing", "2\n10\n7 1\n6 2\n", "as in BPPLIB's, are not read"),
        ("rcpsp", "4 1\n4\n\n0 0 2 2 3\n", "as Patterson's .rcp files do"),
    ],
)
def test_other_layouts_are_refused_by_name(read, problem, text, words):
    """Where lines contradict what is expected, the complaint says what was found."""
    with pytest.raises(GapsmithError, match=r"some\.txt, line") as caught:
        read(problem, text)
    assert words in str(caught.value)


def test_items_by_lines_are_read_when_said(read):
    """The weights of a knapsack by items are the transpose of those by resources."""
    text = "1\n3 2 0\n1 2 3\n1 2\n3 4\n5 6\n9 9\n"
    (items,) = read("multidimensional_knapsack", text, "items")
    (resources,) = read("multidimensional_knapsack", text, "resources")
    assert items.data["weight"].tolist() == [[1, 3, 5], [2, 4, 6]]
    assert resources.data["weight"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_layout_is_known_or_refused():
    """An unknown layout names the nearest one; a problem of one layout says so."""
    with pytest.raises(UsageError, match="unknown layout 'row'; did you mean 'rows'"):
        set_layout(find_problem(T), "row")
    with pytest.raises(UsageError, match="tsp reads one layout only"):
        set_layout(find_problem("tsp"), "rows")
