"""Large public files: which are taken, how gaps are computed, and how the table is renewed."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import large
import pytest
from helpers import Inline

from gapsmith.agent import find_problem

SQUARE = """NAME: NAME_HERE
TYPE: TSP
DIMENSION: 4
EDGE_WEIGHT_TYPE: EUC_2D
NODE_COORD_SECTION
1 0 0
2 10 10
3 10 0
4 0 10
EOF
"""
AS_GIVEN = "def tour(distance):\n    return list(range(len(distance)))\n"


@pytest.fixture
def folder(tmp_path):
    """Five files of four cities, whose shortest tour is 40, and a file of values that are known."""
    place = tmp_path / "tsp" / "large"
    place.mkdir(parents=True)
    names = [f"square{k}" for k in range(5)]
    for name in names:
        (place / f"{name}.tsp").write_text(SQUARE.replace("NAME_HERE", name), "utf-8")
    rows = [f"{name},30,40,yes,counted" for name in names[:4]]
    (place / "optima.csv").write_text("\n".join(["instance,lower,upper,optimal,source", *rows, ""]), "utf-8")
    return place


def test_files_with_a_known_value_are_read(folder):
    """A file without a value is passed over; the best value of a minimisation is the upper one."""
    instances, known = large.read_files(find_problem("tsp"), folder, None)
    assert [each.name for each in instances] == ["square0", "square1", "square2", "square3"]
    assert known == dict.fromkeys(["square0", "square1", "square2", "square3"], 40.0)


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (2, 2), (3, 2), (4, 4), (9, 4)])
def test_a_limit_spreads_over_the_files(folder, limit, count):
    """At most so many are taken, the first among them."""
    instances, _ = large.read_files(find_problem("tsp"), folder, limit)
    assert len(instances) == count
    assert instances[0].name == "square0"


def test_gaps_are_of_the_known_value():
    """Of a maximisation it is what is missing; a failure is infinitely far."""
    assert large.compute_gap(find_problem("tsp"), 44, 40) == pytest.approx(10)
    assert large.compute_gap(find_problem("tsp"), 38, 40) == pytest.approx(-5)
    assert large.compute_gap(find_problem("independent_set"), 36, 40) == pytest.approx(10)
    assert large.compute_gap(find_problem("tsp"), None, 40) == float("inf")


def test_more_files_come_from_the_folder_above(folder):
    """They are read first, with the values that are known there."""
    (folder.parent / "outside.tsp").write_text(SQUARE.replace("NAME_HERE", "outside"), "utf-8")
    (folder.parent / "optima.csv").write_text("instance,lower,upper\noutside,1,40\n", "utf-8")
    instances, known = large.read_files(find_problem("tsp"), folder, None, ("outside.tsp",))
    assert [each.name for each in instances][:2] == ["outside", "square0"]
    assert known["outside"] == 40.0


@pytest.mark.parametrize(
    ("limit", "names"), [(None, ["n500-1", "n500-2", "n500-3"]), (2, ["n500-1", "n500-3"])]
)
def test_a_file_of_instances_has_a_list_of_optima(tmp_path, limit, names):
    """Of the tardiness files each instance has its own optimum, also where only some are taken."""
    (tmp_path / "n500.txt").write_text("1\n5 2\n1\n6 2\n1\n7 9\n", "utf-8")
    (tmp_path / "n500.opt").write_text("3\n4\n0\n", "utf-8")
    instances, known = large.read_family(find_problem("single_machine_tardiness"), tmp_path, limit)
    assert [each.name for each in instances] == list(known) == names
    assert [known[name] for name in names] == ([3, 4, 0] if limit is None else [3, 0])


def test_the_pooled_gap_is_of_all_costs_together():
    """An optimum of 0 does not matter, a failure does."""
    scores = [SimpleNamespace(cost=cost) for cost in (55, 0, 55)]
    assert large.compute_pooled(scores, [50, 0, 50]) == pytest.approx(10)
    assert large.compute_pooled([*scores, SimpleNamespace(cost=None)], [50, 0, 50, 1]) == float("inf")


def test_a_line_replaces_that_of_the_same_problem_and_limit(tmp_path, monkeypatch):
    """Lines of other problems and limits stay."""
    monkeypatch.setattr(large, "TABLE", tmp_path / "large.md")
    for key, rest in (
        ("| `tsp` | 10 | 1 |", "old"),
        ("| `tsp` | 10 | 10 |", "long"),
        ("| `tsp` | 10 | 1 |", "new"),
    ):
        large.write_line(f"{key} {rest} |", key)
    text = (tmp_path / "large.md").read_text("utf-8")
    assert text == large.HEAD + "| `tsp` | 10 | 1 | new |\n| `tsp` | 10 | 10 | long |\n"


def test_a_program_is_scored_on_the_files(folder, tmp_path, monkeypatch, capsys):
    """A given program is run on every file, and its line says how far it is from the known values."""
    program = tmp_path / "as_given.py"
    program.write_text(AS_GIVEN, "utf-8")
    monkeypatch.setattr(large, "TABLE", tmp_path / "large.md")
    monkeypatch.setattr(large, "LocalExecutor", lambda *_, **__: nullcontext(Inline()))
    monkeypatch.setattr("sys.argv", ["large.py", "tsp", str(folder.parents[1]), "--program", str(program)])
    large.main()
    assert capsys.readouterr().out.count(" 20.000 %") == 4
    line = Path(large.TABLE).read_text("utf-8").splitlines()[-1]
    assert line.startswith("| `tsp` | 4 | 1 | not trained: as given | 20.00 | 20.00 | 20.00 |")


def test_every_problem_with_large_files_has_the_scale():
    """The problems that can be named have generated instances of that size."""
    assert all("large" in find_problem(name).scales for name in large.FAMILIES)
