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
from oracles import has_cycle

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.rcpsp.exact import compute_critical_path
from gapsmith.evaluators.problems.rcpsp.problem import problem

FOLDER = DATA / "rcpsp"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public instances are not here; set GAPSMITH_DATA"
)
GRAMMAR = problem.grammar
assert GRAMMAR is not None


def project(
    duration: list[int], arcs: list[tuple[int, int]], demand: list[list[int]], capacity: list[int]
) -> Instance:
    """An instance of plain lists."""
    data = {
        "duration": np.array(duration, np.int64),
        "precedence": np.array(arcs, np.int64).reshape(-1, 2),
        "demand": np.array(demand, np.int64),
        "capacity": np.array(capacity, np.int64),
    }
    return Instance("drawn", data)


SMALL = project([0, 3, 2, 2, 0], [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)], [[0], [2], [2], [1], [0]], [3])


@st.composite
def projects(draw: st.DrawFn) -> Instance:
    """A project of up to five activities between its two ends: brute force can try every list."""
    n = draw(st.integers(1, 5)) + 2
    duration = [0, *(draw(st.integers(0, 4)) for _ in range(n - 2)), 0]
    inner = [(i, j) for i in range(1, n - 1) for j in range(i + 1, n - 1) if draw(st.booleans())]
    arcs = [(0, i) for i in range(1, n)] + inner + [(i, n - 1) for i in range(1, n - 1)]
    demand = [[draw(st.integers(0, 3)) if 0 < i < n - 1 else 0 for _ in range(2)] for i in range(n)]
    return project(duration, arcs, demand, [draw(st.integers(3, 5)) for _ in range(2)])


def shortest(instance: Instance) -> int:
    """The least makespan over the serial scheme on every list: for regular objectives some list is optimal."""
    duration, arcs, demand, capacity = (np.asarray(value) for value in instance.data.values())
    n, best = len(duration), int(duration.sum())
    for order in itertools.permutations(range(1, n - 1)):
        place = {i: k for k, i in enumerate((0, *order, n - 1))}
        if any(place[i] > place[j] for i, j in arcs.tolist()):
            continue
        ends, used = {0: 0}, np.zeros((int(duration.sum()) + 5, 2), int)
        for i in order:
            t = max(ends[a] for a, b in arcs.tolist() if b == i)
            while (used[t : t + duration[i]] + demand[i] > capacity).any():
                t += 1
            used[t : t + duration[i]] += demand[i]
            ends[i] = t + int(duration[i])
        best = min(best, max(ends.values()))
    return best


def optima() -> dict[str, int]:
    """The stored optima by instance; all are proven."""
    with (FOLDER / "optima.csv").open() as file:
        return {row["instance"]: int(row["upper"]) for row in csv.DictReader(file) if row["optimal"] == "yes"}


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
    """Every stored project has 32 activities, 4 resources, and the critical path that its file states."""
    known = optima()
    assert len(known) == len(list(FOLDER.glob("*.sm"))) == 120
    for name in known:
        (instance,) = problem.read(FOLDER / f"{name}.sm")
        duration, precedence, demand, capacity = (np.asarray(value) for value in instance.data.values())
        lines = (FOLDER / f"{name}.sm").read_text().splitlines()
        stated = lines[next(i for i, line in enumerate(lines) if "MPM-Time" in line) + 1].split()[-1]
        assert (len(duration), demand.shape, capacity.shape) == (32, (32, 4), (4,))
        assert compute_critical_path(duration, precedence)[0].max() == int(stated)
        assert (precedence[:, 0] < precedence[:, 1]).all()


@needs_data
@pytest.mark.parametrize("k", [f"{group}_{k}" for group in (1, 2, 3, 4, 7, 8, 10, 12) for k in (1, 5)])
def test_baseline_proves_the_stored_optimum(k: str) -> None:
    """Projects of all strengths but the scarcest are proven at once."""
    (instance,) = problem.read(FOLDER / f"j30{k}.sm")
    found = problem.baseline(instance, 20)
    assert found.proven
    assert found.upper == optima()[instance.name] == problem.cost(instance, found.solution)


@needs_data
def test_an_unproven_bound_is_below_the_optimum() -> None:
    """Where the limit ends the search, the optimum lies between the bounds, and the schedule is priced."""
    (instance,) = problem.read(FOLDER / "j309_1.sm")
    found = problem.baseline(instance, 0.01)
    assert found.lower <= optima()["j309_1"] <= found.upper == problem.cost(instance, found.solution)


@needs_data
def test_nothing_beats_a_proven_optimum() -> None:
    """No rule's and no block's verified schedule is shorter than the optimum."""
    known = optima()
    rules = [rule.source(problem.entry.name) for rule in problem.rules]
    for name in known:
        (instance,) = problem.read(FOLDER / f"{name}.sm")
        for source in [*rules, *programs()] if name in ("j301_1", "j305_1", "j309_1") else rules[3::4]:
            assert problem.cost(instance, call(source, instance)) >= known[name]


@pytest.mark.parametrize(
    ("solution", "reason"),
    [
        (None, "NoneType"),
        ("00000", "str"),
        ({"0": 0}, "dict"),
        ([], "returned 0 start times; expected 5"),
        ([0, 0, 3, 3], "returned 4 start times"),
        ([0, 0, 3, 3, 5, 5], "returned 6 start times"),
        ([0, True, 3, 4, 6], "True"),
        ([0, 0.0, 3, 3, 5], "0.0"),
        ([0, "0", 3, 3, 5], "'0'"),
        ([0, None, 3, 3, 5], "None"),
        ([0, float("nan"), 3, 3, 5], "nan"),
        ([0, [0], 3, 3, 5], r"\[0\]"),
        ([0, -1, 3, 3, 5], "activity 1 starts at -1"),
        ([0, 0, 3, 2, 5], "activity 3 starts at 2, before activity 1 ends at 3"),
        ([0, 0, 3, 3, 4], "activity 4 starts at 4, before activity 2 ends at 5"),
        ([0, 0, 2, 3, 5], "at time 2 activities 1, 2 occupy 4 units of resource 0; there are 3"),
        ([0, 0, 0, 3, 5], "at time 0 activities 1, 2 occupy 4 units"),
    ],
)
def test_what_is_no_schedule_is_turned_away(solution: Any, reason: str) -> None:
    """Everything but integer starts that keep to precedences and capacities is infeasible, with the reason."""
    with pytest.raises(Infeasible, match=reason):
        problem.cost(SMALL, solution)


def test_capacity_is_exact() -> None:
    """What fills a resource to the last unit is feasible, one unit less is not; ends and starts may touch."""
    assert problem.cost(SMALL, [0, 0, 3, 3, 5]) == 5
    capacity = {**SMALL.data, "capacity": np.array([2])}
    with pytest.raises(Infeasible, match="occupy 3 units of resource 0; there are 2"):
        problem.cost(Instance("scarce", capacity), [0, 0, 3, 3, 5])


def test_huge_start_times_are_priced_exactly() -> None:
    """Times beyond 64 bits are neither an error nor wrapped around."""
    late = 10**30
    assert problem.cost(SMALL, [0, 0, 3, 3, late]) == late


@settings(max_examples=40, deadline=None)
@given(projects())
def test_baseline_equals_brute_force(instance: Instance) -> None:
    """On small projects the proven makespan is the least over all activity lists."""
    found = problem.baseline(instance, 10)
    assert found.lower == found.upper == shortest(instance) == problem.cost(instance, found.solution)


@settings(max_examples=40, deadline=None)
@given(projects(), st.sampled_from(problem.rules))
def test_rules_are_feasible_on_any_project(instance: Instance, rule: Any) -> None:
    """Each rule keeps to precedences and capacities, with activities without duration or demand too."""
    problem.cost(instance, call(rule.source(problem.entry.name), instance))


def test_worst_case_slack_by_hand() -> None:
    """Started first, activity 1 would leave 2 at its latest start less 4; 2 would leave 1 at 1 less 3: 2 goes first.

    Latest starts on the critical path 0-2-3-4 of 6: 1 at 2, 2 at 0. Both need the whole resource.
    """
    instance = project(
        [0, 4, 3, 3, 0], [(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)], [[0], [1], [1], [0], [0]], [1]
    )
    assert call(problem.find_rule("PSGS-WCS").source("schedule"), instance) == [0, 3, 0, 3, 7]


@pytest.mark.parametrize("source", programs())
def test_every_block_is_feasible(source: str) -> None:
    """Each block, beside the first of the others, schedules generated projects and an empty one."""
    empty = project([0, 0], [(0, 1)], [[0], [0]], [1])
    for instance in [*problem.generate_instances(Split.TRAIN, count=4), SMALL, empty]:
        problem.cost(instance, call(source, instance))


def test_improvement_never_lengthens() -> None:
    """What `improve` returns is no longer than what it was given."""
    assert GRAMMAR is not None
    for instance in problem.generate_instances(Split.TRAIN, seed=9, count=6):
        duration, arcs, demand, capacity = (np.asarray(value) for value in instance.data.values())
        before = np.zeros((len(duration), len(duration)), bool)
        before[arcs[:, 0], arcs[:, 1]] = True
        start = np.cumsum(duration) - duration
        for block in GRAMMAR.blocks["improve"]:
            improved = block(duration, before, demand, capacity, start).tolist()
            assert problem.cost(instance, improved) <= duration.sum(), block.__name__


@pytest.mark.parametrize("priority", GRAMMAR.priorities)
def test_priorities_read_only_terminals(priority: str) -> None:
    """The classical priorities are made of the terminals that the grammar declares."""
    assert GRAMMAR is not None
    names = {terminal.name: np.ones(3) for terminal in GRAMMAR.terminals}
    assert eval(priority, {"np": np}, names).shape == (3,)


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """The same seed gives the same instances, and no instance is in two splits."""
    digests = {split: [instance.digest for instance in problem.generate_instances(split)] for split in Split}
    assert digests == {split: [i.digest for i in problem.generate_instances(split)] for split in Split}
    assert len(set(itertools.chain(*digests.values()))) == sum(problem.counts.values())


def test_generated_projects_are_what_their_stratum_says() -> None:
    """Arcs, share of requests and scarcity are those of the stratum; no cycle, no request above its capacity."""
    for instance in problem.generate_instances(Split.TEST):
        duration, arcs, demand, capacity = (np.asarray(value) for value in instance.data.values())
        complexity, factor, _ = (float(part.split("=")[1]) for part in instance.stratum.split())
        assert not has_cycle(len(duration), arcs)
        assert (arcs[:, 0] < arcs[:, 1]).all()
        assert len(arcs) == pytest.approx(complexity * len(duration), rel=0.05)
        assert (demand[1:-1] > 0).mean() == pytest.approx(factor, abs=0.01)
        assert (demand <= capacity).all()
        inner = set(range(1, len(duration) - 1))
        assert inner <= set(arcs[:, 0].tolist())
        assert inner <= set(arcs[:, 1].tolist())


TEXT = """\
jobs (incl. supersource/sink ):  3
  - renewable                 :  1   R
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          1           2
   2        1          1           3
   3        1          0
REQUESTS/DURATIONS:
jobnr. mode duration  R 1
-------------------------
  1      1     0       0
  2      1     8       4
  3      1     0       0
RESOURCEAVAILABILITIES:
  R 1
    4
"""


def test_a_project_is_read(tmp_path: Path) -> None:
    """Jobs are numbered from 0; durations, arcs, requests and capacities are where they stand."""
    (tmp_path / "one.sm").write_text(TEXT)
    (instance,) = problem.read(tmp_path / "one.sm")
    plain = {key: np.asarray(value).tolist() for key, value in instance.data.items()}
    assert instance.name == "one"
    assert plain == {
        "duration": [0, 8, 0],
        "precedence": [[0, 1], [1, 2]],
        "demand": [[0], [4], [0]],
        "capacity": [4],
    }


@pytest.mark.parametrize(
    ("found", "instead", "complaint"),
    [
        ("):  3", "):  x", "line 1: found 'x'; expected jobs"),
        ("):  3", "):", "line 1: found 0 numbers; expected jobs"),
        ("):  3", "):  4", "line 8: found 'REQUESTS/DURATIONS:'; expected job 4, modes and successors"),
        (
            "   2        1          1           3",
            "   2        2          1           3",
            "line 6: found job 2 with 2",
        ),
        (
            "   2        1          1           3",
            "   2        1          2           3",
            "line 6: found 1 successors",
        ),
        (
            "   2        1          1           3",
            "   2        1          1           1",
            "line 6: found successor 1",
        ),
        (
            "   2        1          1           3",
            "   2        1          1           4",
            "line 6: found successor 4",
        ),
        (
            "  2      1     8       4",
            "  2      1     8       5",
            "line 12: job 2 requests 5 units of resource 1",
        ),
        ("  2      1     8       4", "  2      1     8", "line 12: found 3 numbers; expected job 2, mode"),
        ("  2      1     8       4", "  2      2     8       4", "line 12: found job 2 in mode 2"),
        ("  R 1\n    4\n", "  R 1\n", "line 15: the file ends; expected the capacities of 1 resources"),
        ("RESOURCEAVAILABILITIES:", "", "the file ends; expected a line 'RESOURCEAVAILABILITIES'"),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, found: str, instead: str, complaint: str) -> None:
    """The complaint names the file, the line, what was found and what was expected."""
    assert found in TEXT
    (tmp_path / "broken.sm").write_text(TEXT.replace(found, instead))
    with pytest.raises(GapsmithError, match=complaint):
        problem.read(tmp_path / "broken.sm")
