"""An exported module stands alone and repeats the archive's costs."""

import ast
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
from helpers import TINY, Inline, Scripted, finish, job, reply_with, tiny

from gapsmith.agent import Archive
from gapsmith.agent.archive import CandidateRow, Program, RunRow
from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.compare import read_entrants
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.reports.export.bars import BARS
from gapsmith.agent.reports.export.module import build_module, export
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.catalogue import list_problems

ALONE = """
import runpy, sys
sys.path.append(sys.argv[1])
sys.argv = sys.argv[2:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    assert not any(name.startswith("gapsmith") for name in sys.modules), "it needs gapsmith"
"""
BLOCK = "```python\n{}\n```\n"
ODD = {
    "future": "from __future__ import annotations\n\ndef schedule(p, d):\n    return d.argsort()\n",
    "main guard": (
        "import numpy as np\n\ndef schedule(p, d):\n    return np.argsort(d + 1)\n\n\n"
        "if __name__ == '__main__':\n    print(schedule(np.array([1]), np.array([2])))\n"
    ),
    "hash in a default": "def schedule(p, d, sep='#:'):\n    return (d + 2).argsort()\n",
    "head over lines": "def schedule(\n    p,  # work: long\n    d,\n):\n    # so\n    return (d + 3).argsort()\n",
    "one line": "def schedule(p, d): return (d + 4).argsort()\n",
    "decorated": (
        "from functools import wraps\n\ndef plain(f):\n    @wraps(f)\n"
        "    def g(*a):\n        return f(*a)\n    return g\n\n"
        "@plain\ndef schedule(p, d):\n    return (d + 5).argsort()\n"
    ),
    "class": (
        "import heapq\n\nclass Heap:\n    def __init__(self, of):\n"
        "        self.of = list(of)\n        heapq.heapify(self.of)\n\n"
        "    def drain(self):\n        return [heapq.heappop(self.of)[1] for _ in range(len(self.of))]\n\n\n"
        "def schedule(p, d):\n    return Heap((int(x) + 6, k) for k, x in enumerate(d)).drain()\n"
    ),
    "own import": "def schedule(p, d):\n    import numpy as np\n    return np.argsort(d + 7)\n",
    "try import": (
        "try:\n    import numpy as np\nexcept ImportError:\n    np = None\n\ndef schedule(p, d):\n"
        "    return np.argsort(d + 8)\n"
    ),
    "docstrings": 'def schedule(p, d):\n    """Sorts: by \\\\alpha and """\n    return (d + 9).argsort()\n',
    "braces": "def schedule(p, d):\n    key = {j: f'{j}' for j in [1]}\n    return (d + len(key)).argsort()\n",
    "other numpy": "import numpy\n\ndef schedule(p, d):\n    return numpy.argsort(d + 11)\n",
    "keeps annotations": "def schedule(p: 'array', d: list) -> list[int]:\n    return (d + 12).argsort()\n",
    "other names": "def schedule(work, due):\n    return (due + 14).argsort()\n",
    "giant number": f"X = 0x{'f' * 4500}\n\ndef schedule(p, d, x=0x{'f' * 4500}):\n    return (d + 15).argsort()\n",
    "nested lambdas": f"def schedule(p, d, f={'lambda: ' * 90}0):\n    return (d + 16).argsort()\n",
    "form feeds": "\x0cX = 17\n\x0c\ndef schedule(p, d):\n    # \x0c\n    return (d + X).argsort()\n",
    "escapes": "def schedule(p, d):\n    # \x1b[31mred\n    s = '\x1b]0;x\x07'\n    return (d + len(s)).argsort()\n",
    "changes its arguments": "def schedule(p, d):\n    d += 13\n    return d.argsort()\n",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive of a run in which every odd program was found."""
    place = str(tmp_path_factory.mktemp("export") / "a.db")
    texts = [BLOCK.format(source) for source in ODD.values()]
    run = finish(job(place, model=Scripted(texts, 3), calls=len(ODD), without=("novelty", "racing")))
    return run.archive


def number_of(archive, name):
    """The program's number."""
    return archive.read_candidates(1)[3 + list(ODD).index(name)].program


def alone(path, *words):
    """Runs a module where there is no gapsmith, only numpy; returns its lines."""
    packages = Path(numpy.__file__).parents[1]
    bare = path.parent / "packages"
    bare.mkdir(exist_ok=True)
    for name in ("numpy", "numpy.libs"):
        if (packages / name).exists() and not (bare / name).exists():
            (bare / name).symlink_to(packages / name)
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(bare), str(path), *map(str, words)]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def order_of(source):
    """What a program makes of three jobs."""
    space = {}
    exec(compile(source, "program", "exec"), space)
    return list(map(int, space["schedule"](numpy.array([3, 1, 2]), numpy.array([3, 9, 4]))))


def write(folder, instances):
    """A file of the field's format."""
    path = folder / "new.txt"
    blocks = [
        [len(i.data["p"]), *(f"{p} {d}" for p, d in zip(i.data["p"], i.data["d"], strict=True))]
        for i in instances
    ]
    path.write_text("\n".join(str(line) for block in blocks for line in block))
    return path


@pytest.mark.parametrize("name", ODD)
def test_odd_programs_are_exported(archive, name):
    """Whatever its shape, a program becomes a module that repeats the archive's costs where candidates run."""
    found = archive.read_candidates(1)[3 + list(ODD).index(name)]
    assert found.train_gap is not None, found.message
    made = export(number_of(archive, name), archive, Inline())
    assert made.tests == 3
    compile(made.text, "module", "exec")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ci95": [0.5, 1.5]}, "1.000 pooled (95 % interval 0.500 to 1.500)"),
        ({"ci95": None, "solved": 4}, "1.000 pooled (4 instances)"),
        (
            {"ci95": [0.5, 1.5], "solved": 99, "failures": [{"instance": "n20-1", "outcome": "timeout_cpu"}]},
            "1.000 pooled (95 % interval 0.500 to 1.500; 99 instances; failed on 1 more)",
        ),
    ],
)
def test_the_docstring_says_what_the_test_rests_on(archive, more, said):
    """An export has the gap of the sealed test with the number of instances, and an interval where there is one."""
    number = number_of(archive, next(iter(ODD)))
    best = {"id": number, "pooled_gap_percent": 1.0, "mean_gap_percent": 2.0, "optimal_share": 0.5, **more}
    archive.finish(1, "done", 1.0, {"best": best})
    assert said in export(number, archive, Inline()).text


def test_an_export_prints_the_archive_s_costs(archive, tmp_path):
    """As a program, it prints a JSON line for each instance, with the cost that the verifier finds."""
    problem = tiny()
    instances = problem.generate_instances("test")
    file = write(tmp_path, instances)
    for name in ("main guard", "class"):
        module = tmp_path / "my_rule.py"
        module.write_text(export(number_of(archive, name), archive, Inline()).text)
        rows = [json.loads(line) for line in alone(module, file)]
        assert [row["instance"] for row in rows] == [f"new-{k + 1}" for k in range(len(instances))]
        for instance, row in zip(instances, rows, strict=True):
            assert row["cost"] == problem.cost(instance, row["solution"])
        assert alone(module, "--self-test") == ["3 of 3 archived costs repeated"]


def run_module(path, *words):
    """Runs a module; returns code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, str(path), *map(str, words)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """A module of single-machine scheduling, as `export` writes it."""
    problem = find_problem("single_machine_tardiness")
    source = "import numpy as np\n\ndef schedule(p, d):\n    return np.argsort(d, kind='stable')\n"
    run = RunRow(id=1, problem=problem.name, model="offline", seed=1, started=0.0, config=STORED)
    program = Program(id=1, problem=problem.name, hash="0", source=source, size=1)
    birth = CandidateRow(run=1, slot=4, operator="new", outcome="ok", train_gap=1.0, cpu_seconds=0.002)
    instance = problem.generate_instances("train")[0]
    tests = [(instance, problem.cost(instance, numpy.argsort(instance.data["d"], kind="stable").tolist()))]
    path = tmp_path_factory.mktemp("module") / "my_rule.py"
    path.write_text(build_module(problem, program, [birth], SimpleNamespace(run=lambda _: run), tests))
    return path


STORED = Settings(problem="single_machine_tardiness", budget=Budget(evaluations=1)).encode()


def test_the_head_says_how_good_and_where_it_was_not_tried(module):
    """CPU time, training instances with ranges, and the limits, before any code."""
    head = ast.get_docstring(ast.parse(module.read_text()))
    for words in (
        "CPU time per instance: 2.0 ms (training)",
        "Trained on 20 instances",
        "Not tried:",
        "p [50]",
    ):
        assert words in head


def test_a_schedule_is_printed_with_its_times(module, tmp_path):
    """`--csv` gives a line for each operation: jobs follow each other without a gap."""
    (tmp_path / "i.txt").write_text("3\n3 4\n2 3\n1 9\n")
    code, out, err = run_module(module, tmp_path / "i.txt", "--csv")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "instance,where,operation,start,end",
        *("i,machine,1,0,2", "i,machine,0,2,5", "i,machine,2,5,6"),
    ]


def test_wrong_files_are_a_line(module, tmp_path):
    """Neither a missing file nor one of another kind gives a traceback; help is printed."""
    (tmp_path / "bad.txt").write_text("three\n")
    for words in (["gone.txt"], [tmp_path / "bad.txt"], [tmp_path / "bad.txt", "--layout", "rows"], []):
        code, out, err = run_module(module, *words)
        assert code in (1, 2)
        assert (out, len(err.splitlines())) == ("", 1)
    assert "--layout" in run_module(module, "--help")[1]


def test_lists_are_taken_and_nothing_is_refused(module):
    """The function takes lists by place or by name, and says so where there is no job."""
    space = {"__name__": "my_rule"}
    exec(compile(module.read_text(), "module", "exec"), space)
    assert list(space["schedule"]([3, 2, 1], [4, 2, 3])) == [1, 2, 0]
    assert list(space["schedule"]([3, 2, 1], d=[4, 2, 3])) == [1, 2, 0]
    assert list(space["schedule"](numpy.array([3, 2]), numpy.array([4, 2]))) == [1, 0]
    with pytest.raises(ValueError, match="nothing to solve: p, d hold no numbers"):
        space["schedule"]([], [])


def test_an_export_is_a_function_with_types(archive, tmp_path):
    """The module can be imported; its entry point has the types of the problem, and all functions are typed."""
    text = export(number_of(archive, "class"), archive, Inline()).text
    tree = ast.parse(text)
    top = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert ast.unparse(top["schedule"].args) == "p: NDArray[np.int64], d: NDArray[np.int64]"
    assert ast.unparse(top["schedule"].returns) == "Sequence[int] | NDArray[np.int64]"
    for function in top.values():
        assert function.returns is not None
        assert all(a.annotation for a in function.args.args if a.arg not in ("self", "cls"))
    assert "program" in ast.get_docstring(tree).lower()
    assert "training: " in ast.get_docstring(tree)


def test_mypy_is_content_with_an_export(archive, tmp_path):
    """`mypy --strict` finds nothing in a module."""
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    module = tmp_path / "my_rule.py"
    module.write_text(export(number_of(archive, "hash in a default"), archive, Inline()).text)
    said, errors, code = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(module)])
    assert (code, errors) == (0, ""), said


def test_costs_that_are_not_repeated_are_not_exported(archive, tmp_path):
    """A module whose self-test finds other costs than the archive holds is refused."""
    place = tmp_path / "false.db"
    run = finish(job(str(place), model=Scripted([reply_with("return np.argsort(d + 3 * p)")], 3), calls=1))
    program = run.archive.read_candidates(1)[3].program
    run.archive.close()
    with sqlite3.connect(place) as connection:
        connection.execute(f"UPDATE evaluations SET cost = cost + 1 WHERE program = {program}")
    connection.close()
    with pytest.raises(GapsmithError, match="does not repeat the archive's costs"):
        export(program, Archive(str(place)), Inline())


def test_a_program_that_failed_is_not_exported(tmp_path):
    """Where the archive has no cost, there is nothing that a module could repeat."""
    run = finish(job(str(tmp_path / "a.db"), model=Scripted([reply_with("return 'no'")], 3), calls=1))
    with pytest.raises(GapsmithError, match="no cost of this program"):
        export(run.archive.read_candidates(1)[3].program, run.archive, Inline())


def test_the_problem_is_found_by_its_path(archive):
    """The run's settings name the file of the problem, so that an export needs nothing else."""
    assert archive.run(1).config["problem"] == str(TINY)


def test_exports_hold_nothing_that_is_not_seen(archive):
    """A module is read with `cat`: terminal sequences and turned directions are written as escapes."""
    text = export(number_of(archive, "escapes"), archive, Inline()).text
    assert all(character.isprintable() or character in "\n\t" for character in text)
    assert r"'\x1b]0;x\x07'" in text


def test_an_export_says_that_a_model_wrote_it(archive):
    """Its head says whose code it is, and whose rights it has."""
    text = export(number_of(archive, "class"), archive, Inline()).text
    assert "A model wrote this program." in text
    assert "runs with your rights" in text


def test_programs_of_older_archives_are_screened_again(archive, tmp_path):
    """One that names what it must not is refused with its line; through the sandbox it can be called."""
    program = archive.find(number_of(archive, "other names"))
    old = 'X = (8,)[0 * __import__("os").system("exit 7")]\n\n' + program.source
    place = tmp_path / "old.db"
    _copied(archive, place)
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE programs SET source = ? WHERE id = ?", (old, program.id))
    connection.close()
    store = Archive(str(place))
    with pytest.raises(GapsmithError, match=r"is not exported.*line 1: uses __import__.*--sandboxed"):
        export(program.id, store, Inline())
    made = export(program.id, store, Inline(), sandboxed=True)
    assert made.tests == 3
    assert "Sandboxed(SOURCE, 'schedule', ('p', 'd')" in made.text
    assert made.text.count("__import__") == 1  # in a string, which nothing evaluates here
    names = {node.id for node in ast.walk(ast.parse(made.text)) if isinstance(node, ast.Name)}
    assert "__import__" not in names


def _copied(archive, place):
    source = sqlite3.connect(archive.engine.url.database)
    with sqlite3.connect(place) as target:
        source.backup(target)
    source.close()
    target.close()


def test_exported_modules_can_be_compared(archive, tmp_path):
    """`check` and `compare` take the program out of a module of either kind: it decides as that of the archive."""
    path = tmp_path / "my_rule.py"
    for name in ("future", "class", "docstrings", "escapes"):
        program = archive.find(number_of(archive, name))
        for sandboxed in (False, True):
            path.write_text(export(program.id, archive, Inline(), sandboxed).text)
            (entrant,) = read_entrants([path])
            assert screen(entrant.source, tiny().entry).outcome == "ok", (name, sandboxed)
            assert order_of(entrant.source) == order_of(program.source), (name, sandboxed)


def test_a_sandboxed_module_says_that_it_is_imported(archive, tmp_path):
    """Run as a program it does nothing silently: it says how it is used, and that it failed."""
    path = tmp_path / "my_rule.py"
    path.write_text(export(number_of(archive, "class"), archive, Inline(), sandboxed=True).text)
    done = subprocess.run(
        [sys.executable, str(path), "--self-test"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "is to be imported, and schedule(p, d) called" in done.stderr


def test_a_sandboxed_module_is_called_as_the_function(archive):
    """It solves instances in a process of its own, and says why where the program cannot."""
    made = export(number_of(archive, "docstrings"), archive, Inline(), sandboxed=True)
    space = {}
    exec(compile(made.text, "module", "exec"), space)
    try:
        assert space["schedule"](numpy.array([3, 1, 2]), numpy.array([3, 9, 4])) == [0, 2, 1]
        with pytest.raises(RuntimeError, match="candidate_exception"):
            space["schedule"](1, 2)
    finally:
        space["_PROGRAM"].close()


@pytest.mark.parametrize("name", list_problems())
def test_every_problem_s_reader_and_pricer_stand_alone(name):
    """What an export takes from several modules of ours has no two meanings under one name."""
    problem, bundle = find_problem(name), Bundle()
    bundle.add(problem.read)
    bundle.add(problem.cost)
    if name in BARS:
        bundle.add(BARS[name])
    compile(bundle.source, "module", "exec")
