"""Instances written in the layouts of their files and read back: the same data, or a refusal, never others."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Split
from gapsmith.evaluators.catalogue import load_problem

QUIET = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)
FLOW_SHOP, ASSIGNMENT, TARDINESS, WEIGHTED = (
    load_problem(name)
    for name in (
        "permutation_flow_shop",
        "quadratic_assignment",
        "single_machine_tardiness",
        "single_machine_weighted_tardiness",
    )
)


def line(values):
    """Numbers on a line."""
    return " ".join(str(int(value)) for value in values) + "\n"


def shop_text(p):
    """A shop as Taillard writes it: a line for each machine."""
    return line((*p.shape, 12345, 999, 900)) + "".join(map(line, p.T))


def jobs_text(p):
    """A shop with a line for each job."""
    return line((*p.shape, 12345, 999, 900)) + "".join(map(line, p))


def assignment_text(flow, distance, head=()):
    """An instance as QAPLIB writes it."""
    rows = [*map(line, flow), "\n", *map(line, distance)]
    return line((len(flow), *head)) + "\n" + "".join(rows)


def pairs_text(p, d):
    """Jobs of total tardiness, a line for each."""
    return line([len(p)]) + "".join(map(line, zip(p, d, strict=True)))


def rows_text(*columns):
    """A line of all processing times, and so on."""
    return "".join(map(line, columns))


def read(problem, tmp_path, text, *layout):
    """The instances of a file with that text, as lists."""
    path = tmp_path / "made.txt"
    path.write_text(text)
    return [
        {key: np.asarray(value).tolist() for key, value in instance.data.items()}
        for instance in problem.read(path, *layout)
    ]


def drawn(seed):
    """A source of chance."""
    return np.random.default_rng(seed)


@QUIET
@given(seed=SEEDS, n=st.integers(1, 9), m=st.integers(1, 6), count=st.integers(1, 3))
def test_shops_come_back(seed, n, m, count, tmp_path):
    """One or several shops are read with their machines as columns, by machines and by jobs."""
    shops = [drawn(seed + k).integers(0, 99, (n, m)) for k in range(count)]
    expected = [{"p": p.tolist()} for p in shops]
    assert read(FLOW_SHOP, tmp_path, "".join(map(shop_text, shops)), "machines") == expected
    assert read(FLOW_SHOP, tmp_path, "".join(map(jobs_text, shops)), "jobs") == expected


@QUIET
@given(seed=SEEDS, n=st.integers(1, 9), m=st.integers(1, 9))
def test_a_shop_by_jobs_is_never_read_by_machines(seed, n, m, tmp_path):
    """Where the lines are those of jobs, the default refuses, and says what to ask for."""
    if n == m:
        return
    p = drawn(seed).integers(0, 99, (n, m))
    with pytest.raises(GapsmithError, match="--layout jobs"):
        read(FLOW_SHOP, tmp_path, jobs_text(p))


@QUIET
@given(seed=SEEDS, n=st.integers(2, 8), head=st.sampled_from([(), (7,), (7, 7)]))
def test_assignments_come_back(seed, n, head, tmp_path):
    """Both matrices are read row by row, with or without known values."""
    flow, distance = drawn(seed).integers(0, 999, (2, n, n))
    found = read(ASSIGNMENT, tmp_path, assignment_text(flow, distance, head))
    assert found == [{"flow": flow.tolist(), "distance": distance.tolist()}]


@QUIET
@given(seed=SEEDS, n=st.integers(3, 9), count=st.integers(1, 3))
def test_jobs_come_back_as_pairs_and_as_rows(seed, n, count, tmp_path):
    """Lines of pairs and lines of rows are told apart, for several instances too."""
    jobs = [
        (drawn(seed + k).integers(1, 99, n), drawn(seed + k + 99).integers(-50, 500, n)) for k in range(count)
    ]
    expected = [{"p": p.tolist(), "d": d.tolist()} for p, d in jobs]
    pairs = "".join(pairs_text(p, d) for p, d in jobs)
    rows = "".join(line([n]) + rows_text(p, d) for p, d in jobs)
    assert read(TARDINESS, tmp_path, pairs) == read(TARDINESS, tmp_path, pairs, "pairs") == expected
    assert read(TARDINESS, tmp_path, rows) == read(TARDINESS, tmp_path, rows, "rows") == expected


@QUIET
@given(seed=SEEDS, n=st.integers(3, 9))
def test_numbers_without_lines_are_asked_about(seed, n, tmp_path):
    """On one line nothing says which numbers belong together: a layout must be named, and then is followed."""
    p, d = drawn(seed).integers(1, 99, (2, n))
    text = line([n, *p, *d])
    with pytest.raises(GapsmithError, match="--layout"):
        read(TARDINESS, tmp_path, text)
    assert read(TARDINESS, tmp_path, text, "rows") == [{"p": p.tolist(), "d": d.tolist()}]
    together = [n, *p, *d][1:]
    expected = {"p": [int(x) for x in together[::2]], "d": [int(x) for x in together[1::2]]}
    assert read(TARDINESS, tmp_path, text, "pairs") == [expected]


@QUIET
@given(seed=SEEDS, n=st.integers(4, 9), count=st.integers(1, 4))
def test_weighted_jobs_come_back(seed, n, count, tmp_path):
    """Rows of a stated number of jobs are read as they stand, however long their lines are."""
    rng = drawn(seed)
    jobs = [(rng.integers(1, 99, n), rng.integers(1, 10, n), rng.integers(0, 500, n)) for _ in range(count)]
    expected = [{"p": p.tolist(), "w": w.tolist(), "d": d.tolist()} for p, w, d in jobs]
    text = "".join(rows_text(*columns) for columns in jobs)
    assert read(WEIGHTED, tmp_path, text, f"jobs={n}") == expected
    assert read(WEIGHTED, tmp_path, text.replace("\n", " "), f"jobs={n}") == expected


@pytest.mark.parametrize("layout", ["jobs=0", "jobs=-3", "jobs=x", "jobs", "rows", "OR-LIBRARY"])
def test_unknown_layouts_of_weighted_jobs_are_refused(layout, tmp_path):
    """A layout that is not known is an error that names what is expected."""
    with pytest.raises(GapsmithError, match="expected or-library or jobs=N"):
        read(WEIGHTED, tmp_path, "1 2 3\n4 5 6\n7 8 9\n", layout)


@pytest.mark.parametrize("problem", [FLOW_SHOP, ASSIGNMENT, TARDINESS, WEIGHTED], ids=lambda each: each.name)
@pytest.mark.parametrize("text", ["", "\n\n", "word\n", "1.5\n", "99999999999999999999\n", "3\n"])
def test_what_is_no_instance_is_refused_with_its_file(problem, text, tmp_path):
    """Empty files, words, fractions, huge numbers and cut files are named errors."""
    with pytest.raises(GapsmithError, match=r"made\.txt"):
        read(problem, tmp_path, text)


@pytest.mark.parametrize("problem", [FLOW_SHOP, ASSIGNMENT, TARDINESS, WEIGHTED], ids=lambda each: each.name)
def test_generated_instances_survive_their_files(problem, tmp_path):
    """What the generator draws, written and read, has the same digest of its data."""
    (instance,) = problem.generate_instances(Split.TRAIN, 5, 1)
    data = {key: np.asarray(value) for key, value in instance.data.items()}
    texts = {
        "permutation_flow_shop": lambda: shop_text(data["p"]),
        "quadratic_assignment": lambda: assignment_text(data["flow"], data["distance"]),
        "single_machine_tardiness": lambda: pairs_text(data["p"], data["d"]),
        "single_machine_weighted_tardiness": lambda: rows_text(data["p"], data["w"], data["d"]),
    }
    layout = [f"jobs={len(data['p'])}"] if problem is WEIGHTED else []
    path = tmp_path / "generated.txt"
    path.write_text(texts[problem.name]())
    (found,) = problem.read(path, *layout)
    assert found.digest == instance.digest
