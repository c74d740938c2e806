import csv
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.permutation_flow_shop.exact.solve import (
    bound_by_machine,
    bound_by_two_machines,
    makespan,
    solve_flow_shop,
)
from gapsmith.evaluators.problems.permutation_flow_shop.problem import problem
from gapsmith.evaluators.solvers.makespan import solve_permutation_flow_shop as by_cpsat

FOLDER = DATA / "flow_shop"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public instances are not here; set GAPSMITH_DATA"
)
GRAMMAR = problem.grammar
assert GRAMMAR is not None
SMALL = Instance("small", {"p": np.array([[3, 2], [1, 4], [2, 2]])})
TIMES = st.tuples(st.integers(1, 6), st.integers(1, 4), st.sampled_from([3, 20, 99])).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, shape[2]), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def optima() -> dict[str, tuple[int, int]]:
    """The stored bounds by instance."""
    with (FOLDER / "optima.csv").open() as file:
        return {row["instance"]: (int(row["lower"]), int(row["upper"])) for row in csv.DictReader(file)}


def call(source: str, instance: Instance) -> Any:
    """What a program returns, after the journey through JSON that the sandbox makes it take."""
    names: dict[str, Any] = {}
    exec(source, names)
    value = names[problem.entry.name](**{key: np.array(value) for key, value in instance.data.items()})
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


def programs() -> list[str]:
    """The first blocks of all roles, with one of them exchanged at a time."""
    assert GRAMMAR is not None
    kinds = {role: GRAMMAR.sources(role) for role in GRAMMAR.blocks}
    first = {role: next(iter(blocks)) for role, blocks in kinds.items()}
    chosen = [{**first, role: name} for role, blocks in kinds.items() for name in blocks]
    main = extract_source(GRAMMAR.main, problem.entry.name)
    return [
        "\n\n".join(["import numpy as np", *(kinds[role][name] for role, name in names.items()), main])
        for names in chosen
    ]


@needs_data
def test_all_files_parse() -> None:
    """Every stored file is one instance of the size and with the bounds that its header states."""
    files = sorted(FOLDER.glob("*.txt"))
    assert len(files) == 40
    for path in files:
        (instance,) = problem.read(path)
        n, m, *_ = (int(word) for word in path.read_text().split()[:5])
        assert instance.name == path.stem
        assert np.asarray(instance.data["p"]).shape == (n, m)


@needs_data
def test_neh_reproduces_the_published_makespans() -> None:
    """NEH gives what the literature reports for it on the first ten instances, 3.30 % above the optima."""
    published = [1286, 1365, 1159, 1325, 1305, 1228, 1278, 1223, 1291, 1151]
    instances = [problem.read(FOLDER / f"Ta{k:03d}.txt")[0] for k in range(1, 11)]
    neh = problem.find_rule("NEH").source(problem.entry.name)
    assert [problem.cost(instance, call(neh, instance)) for instance in instances] == published


@needs_data
def test_palmer_reproduces_published_gaps() -> None:
    """The slope index is as far from the best known makespans as Ruiz and Maroto (2005) report, in percent."""
    source, known = problem.find_rule("Palmer").source(problem.entry.name), optima()
    for first, gap in ((11, 15.28), (21, 16.34), (31, 5.34)):
        instances = [problem.read(FOLDER / f"Ta{k:03d}.txt")[0] for k in range(first, first + 10)]
        gaps = [100 * (problem.cost(i, call(source, i)) / known[i.name][1] - 1) for i in instances]
        assert np.mean(gaps) == pytest.approx(gap, abs=0.01)


@needs_data
@pytest.mark.parametrize("k", [*range(1, 11), 11, 15, 16, 19, *range(31, 41)])
def test_baseline_proves_the_best_known_makespan(k: int) -> None:
    """Of 20 × 5, 50 × 5 and some 20 × 10, the exact method proves what the literature has proven."""
    (instance,) = problem.read(FOLDER / f"Ta{k:03d}.txt")
    found = problem.baseline(instance, 20)
    assert found.proven
    assert found.upper == optima()[instance.name][1] == problem.cost(instance, found.solution)


@needs_data
def test_an_unproven_bound_is_below_the_best_known_makespan() -> None:
    """Where the limit ends the search, the bound is honest and the sequence is priced."""
    (instance,) = problem.read(FOLDER / "Ta021.txt")
    found = problem.baseline(instance, 0.2)
    assert not found.proven
    assert optima()[instance.name][0] <= found.lower <= 2297 <= found.upper
    assert problem.cost(instance, found.solution) == found.upper


@needs_data
def test_nothing_beats_a_proven_optimum() -> None:
    """No rule's and no block's verified sequence is shorter than the optimum."""
    sources = [rule.source(problem.entry.name) for rule in problem.rules] + programs()
    for name, optimum in (("Ta001", 1278), ("Ta011", 1582)):
        (instance,) = problem.read(FOLDER / f"{name}.txt")
        for source in sources:
            assert problem.cost(instance, call(source, instance)) >= optimum


@pytest.mark.parametrize(
    ("solution", "reason"),
    [
        (None, "NoneType"),
        ("012", "str"),
        ({"0": 0}, "dict"),
        ([0, 1], "returned 2 indices"),
        ([0, 1, 2, 0], "returned 4 indices"),
        ([0, 1, 1], "job 2 is missing"),
        ([0, 1, 3], "from 0 to 2"),
        ([0, 1, -1], "from 0 to 2"),
        ([0, True, 2], "True"),
        ([0, 1.0, 2], "1.0"),
        ([0, "1", 2], "'1'"),
        ([0, None, 2], "None"),
        ([0, float("nan"), 2], "nan"),
        ([[0], [1], [2]], r"\[0\]"),
    ],
)
def test_what_is_no_sequence_is_turned_away(solution: Any, reason: str) -> None:
    """Everything but each job once, as an integer, is infeasible, with the reason in words."""
    with pytest.raises(Infeasible, match=reason):
        problem.cost(SMALL, solution)


def test_cost_is_the_makespan_of_the_gantt_chart() -> None:
    """A chart drawn by hand: 1 on the first machine to 1, then 0 to 4, then 2 to 6; the second ends at 9."""
    assert problem.cost(SMALL, [1, 0, 2]) == 9
    assert problem.cost(SMALL, [0, 1, 2]) == 11


@settings(max_examples=60, deadline=None)
@given(TIMES)
def test_baseline_equals_brute_force(times: list[list[int]]) -> None:
    """On small shops, zeros and ties included, the proven makespan is the least over all sequences."""
    p = np.array(times, dtype=np.int64)
    least = min(makespan(p, np.array(order)) for order in itertools.permutations(range(len(p))))
    found = solve_flow_shop(p, 10)
    assert found.lower == found.upper == least == makespan(p, np.array(found.solution))
    assert bound_by_machine(p) <= least
    assert bound_by_two_machines(p) <= least


@pytest.mark.parametrize("shape", [(8, 4), (8, 5), (9, 3)])
def test_baseline_equals_cpsat(shape: tuple[int, int]) -> None:
    """A general solver's formulation finds the same optimum, and a sequence of that makespan."""
    p = np.random.default_rng(3).integers(1, 30, shape)
    found, sequence = by_cpsat(p, bound_by_machine(p), 20)
    exact = solve_flow_shop(p, 10)
    assert found.lower == makespan(p, np.array(sequence)) == exact.lower == exact.upper


@settings(max_examples=30, deadline=None)
@given(TIMES, st.sampled_from(problem.rules))
def test_rules_are_feasible_on_any_shop(times: list[list[int]], rule: Any) -> None:
    """Each rule orders all jobs, on one machine or one job too, and never beats a bound."""
    instance = Instance("any", {"p": np.array(times, dtype=np.int64)})
    assert problem.cost(instance, call(rule.source(problem.entry.name), instance)) >= bound_by_machine(
        np.array(times)
    )


def test_johnson_is_optimal_on_two_machines() -> None:
    """CDS is Johnson's rule there, which no sequence beats."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        instance = Instance("two", {"p": rng.integers(1, 20, (7, 2))})
        cds = call(problem.find_rule("CDS").source(problem.entry.name), instance)
        assert problem.cost(instance, cds) == problem.baseline(instance, 5).lower


@pytest.mark.parametrize("source", programs())
def test_every_block_is_feasible(source: str) -> None:
    """Each block, beside the first of the others, gives a sequence of every generated size, of one job too."""
    instances = [
        *problem.generate_instances(Split.TRAIN, count=4),
        SMALL,
        Instance("one", {"p": np.array([[4]])}),
    ]
    for instance in instances:
        problem.cost(instance, call(source, instance))


def test_improvement_never_lengthens() -> None:
    """What `improve` returns is no longer than what it was given, sweeps that move blindly excepted."""
    assert GRAMMAR is not None
    for instance in problem.generate_instances(Split.TRAIN, seed=9, count=6):
        p = np.asarray(instance.data["p"])
        start = np.random.default_rng(1).permutation(len(p))
        for block in GRAMMAR.blocks["improve"]:
            assert makespan(p, block(p, start)) <= makespan(p, start), block.__name__


@pytest.mark.parametrize("priority", GRAMMAR.priorities)
def test_priorities_read_only_terminals(priority: str) -> None:
    """The classical priorities are made of the terminals that the grammar declares."""
    assert GRAMMAR is not None
    names = {terminal.name: np.ones(3) for terminal in GRAMMAR.terminals}
    assert eval(priority, {"np": np}, names).shape == (3,)


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """The same seed gives the same instances; no instance is in two splits; the strata are the machines."""
    splits = {split: problem.generate_instances(split) for split in Split}
    digests = {split: [instance.digest for instance in found] for split, found in splits.items()}
    assert digests == {split: [i.digest for i in problem.generate_instances(split)] for split in Split}
    assert len(set(itertools.chain(*digests.values()))) == sum(problem.counts.values())
    assert all(f"m={np.asarray(i.data['p']).shape[1]}" == i.stratum for i in splits[Split.TEST])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2 1 0 0 0\n3", "line 2: the file ends; expected a processing time, an integer of at least 0"),
        ("2 1 0 0 0\n3 x", "line 2: found 'x'; expected a processing time"),
        ("2 1 0 0 0\n3 -1", "line 2: found '-1'; expected a processing time"),
        ("0 1 0 0 0", "line 1: found '0'; expected the number of jobs, an integer of at least 1"),
        ("", "holds no numbers"),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    """The complaint names the file, the line, what was found and what was expected."""
    (tmp_path / "broken.txt").write_text(text)
    with pytest.raises(GapsmithError, match=complaint):
        problem.read(tmp_path / "broken.txt")


def test_a_file_may_hold_several_shops(tmp_path: Path) -> None:
    """Instances of a file of several are named by their places; machines are the rows."""
    (tmp_path / "two.txt").write_text("2 1 0 0 0\n3 4\n1 2 0 0 0\n5\n6\n")
    first, second = problem.read(tmp_path / "two.txt")
    assert (first.name, second.name) == ("two-1", "two-2")
    assert np.asarray(second.data["p"]).tolist() == [[5, 6]]
