"""P‖Cmax: files, prices machine by machine, exactness, rules and blocks."""

import csv
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import Rule, extract_source
from gapsmith.evaluators.problems.parallel_machines.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.parallel_machines.exact.solve import (
    balance_jobs,
    bound_makespan,
    solve_parallel_machines,
)
from gapsmith.evaluators.problems.parallel_machines.grammar import GRAMMAR
from gapsmith.evaluators.problems.parallel_machines.problem import MACHINES, MAX_MACHINES, problem

FOLDER = DATA / "parallel_machines"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of public instances is absent")
SLOW = ("PCMAX_NU_3_0050_10_4", "PCMAX_U_3_0100_25_1")


def instance_of(*p: int, m: int = 2) -> Instance:
    """An instance of those jobs."""
    return Instance("tiny", {"p": np.array(p, dtype=np.int64), "m": m})


def stored() -> list[dict[str, str]]:
    """The rows of `optima.csv`."""
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "optima.csv").open() as file:
        return list(csv.DictReader(file))


def run(function: Any, instance: Instance) -> list[int]:
    """What a rule returns, as plain data, run from its own source."""
    source = function.source("assign") if isinstance(function, Rule) else function
    space: dict[str, Any] = {}
    exec(source, space)
    p = np.asarray(instance.data["p"]).copy()
    return np.asarray(space["assign"](p, instance.data["m"])).tolist()  # type: ignore[no-any-return]


@needs_data
@pytest.mark.parametrize("row", stored(), ids=lambda row: row["instance"])
def test_stored_instances(row: dict[str, str]) -> None:
    """Every file parses; no rule beats a stored bound; the baseline closes all but two, and contradicts none."""
    (instance,) = problem.read(FOLDER / f"{row['instance']}.txt")
    assert instance.name == row["instance"]
    assert len(np.asarray(instance.data["p"])) == int(row["n"])
    for rule in problem.rules:
        assert problem.cost(instance, run(rule, instance)) >= int(row["lower"]), rule.name
    found = problem.baseline(instance, 0.5 if row["instance"] in SLOW else 20)
    assert problem.cost(instance, found.solution) == found.upper
    assert int(row["lower"]) <= found.upper <= int(row["upper"])
    assert found.lower <= int(row["upper"])
    assert found.proven or row["instance"] in SLOW
    if row["optimal"] == "yes":
        assert found.lower == int(row["lower"])


def optimum(p: list[int], m: int) -> int:
    """The least makespan by full enumeration."""
    return min(
        max(sum(work for work, k in zip(p, machines, strict=True) if k == number) for number in range(m))
        for machines in product(range(m), repeat=len(p))
    )


JOBS = st.lists(st.integers(1, 30), min_size=1, max_size=7)


@settings(max_examples=120, deadline=None)
@given(JOBS, st.integers(1, 3))
def test_the_baseline_is_exact_on_small_instances(p: list[int], m: int) -> None:
    """It equals full enumeration, and the simple bound never passes the optimum."""
    best = optimum(p, m)
    found = solve_parallel_machines(np.array(p), m, 5)
    assert found.lower == found.upper == best
    assert bound_makespan(np.array(p), m) <= best


@settings(max_examples=25, deadline=None)
@given(JOBS, st.integers(1, 3))
def test_the_model_is_exact_on_small_instances(p: list[int], m: int) -> None:
    """CP-SAT, given nothing but all jobs on one machine, agrees with enumeration."""
    lower, machines = solve_with_cpsat(np.array(p), m, 0, [list(range(len(p)))], 5)
    assert lower == optimum(p, m) == max(sum(p[job] for job in jobs) for jobs in machines)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=9))
def test_two_machines_are_balanced_exactly(p: list[int]) -> None:
    """The split by subset sums is the best of all, holds each job once, and has the fuller part first."""
    more, less = balance_jobs(list(range(len(p))), p)
    assert sorted(more + less) == list(range(len(p)))
    loads = [sum(p[job] for job in part) for part in (more, less)]
    assert loads[0] == max(loads) == optimum(p, 2)


def test_bounds_that_count_jobs() -> None:
    """Three jobs of 10 on two machines need 20; of 11 on three machines the 8 least are on two of them, or 5 on one."""
    assert bound_makespan(np.array([10, 10, 10]), 2) == 20
    assert bound_makespan(np.array([10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15]), 3) == 46


def test_a_limit_of_no_time_gives_honest_bounds() -> None:
    """With no time, the bounds still enclose the optimum, and the schedule is feasible."""
    instance = problem.generate_instances(Split.TRAIN)[3]
    found, better = problem.baseline(instance, 0.0), problem.baseline(instance, 3.0)
    assert found.lower <= better.lower <= better.upper <= found.upper
    assert problem.cost(instance, found.solution) == found.upper


MUTANTS: list[Any] = [
    None, 1, "0110", {}, (0, 1, 1, 0), [], [0, 1, 1], [0, 1, 1, 0, 0], [0, 1, 1, True], [0, 1, 1, 1.0],
    [0, 1, 1, float("nan")], [0, 1, 1, "0"], [0, 1, 1, None], [0, 1, 1, 2], [0, 1, 1, -1], [0, 1, 1, [0]],
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=repr)
def test_the_verifier_refuses(mutant: Any) -> None:
    """Nothing but a list with an integer machine for each job has a price."""
    instance = instance_of(6, 5, 4, 1)
    assert problem.cost(instance, [0, 1, 1, 0]) == 9
    with pytest.raises(Infeasible, match=r"expected|go from"):
        problem.cost(instance, mutant)


def test_lpt_is_as_bad_as_graham_says() -> None:
    """Graham's worst case for two machines, 3 3 2 2 2: LPT ends at 7, the optimum at 6, which MULTIFIT finds."""
    instance = instance_of(3, 3, 2, 2, 2)
    assert problem.cost(instance, run(problem.find_rule("LPT"), instance)) == 7
    assert problem.cost(instance, run(problem.find_rule("MULTIFIT"), instance)) == 6
    assert problem.baseline(instance, 1).lower == 6


def test_rules_are_ordered_as_in_the_literature() -> None:
    """Over the training instances: list scheduling, LPT, SLACK, LPT with descent, each better than the one before."""
    instances = problem.generate_instances(Split.TRAIN)
    totals = [
        sum(problem.cost(instance, run(problem.find_rule(name), instance)) for instance in instances)
        for name in ("LS", "LPT", "SLACK", "LPT+descent")
    ]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == 4


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
def test_rules_are_feasible_from_their_own_source(rule: Rule) -> None:
    """A rule's module needs numpy alone, and serves one job, one machine, and more machines than jobs."""
    for instance in [
        instance_of(4),
        instance_of(4, m=3),
        instance_of(4, 4, 9, m=1),
        instance_of(5, 3, 3, m=7),
    ]:
        best = optimum(np.asarray(instance.data["p"]).tolist(), int(instance.data["m"]))  # type: ignore[arg-type]
        assert problem.cost(instance, run(rule, instance)) >= best


def programs() -> list[tuple[str, str]]:
    """Every construction with every improvement, and every classical priority once."""
    main, blocks = (
        extract_source(GRAMMAR.main, "assign"),
        {role: GRAMMAR.sources(role) for role in GRAMMAR.blocks},
    )
    found = []
    for name, construct in blocks["construct"].items():
        for better, improve in blocks["improve"].items():
            found.append((f"{name} {better}", [construct, improve, blocks["polish"]["keep"]]))
    for text in GRAMMAR.priorities:
        for name, construct in blocks["construct"].items():
            filled = construct.replace("priority = work", f"priority = {text}")
            found.append(
                (f"{name} {text}", [filled, blocks["improve"]["keep"], blocks["polish"]["exchanges"]])
            )
    return [(name, "\n\n".join(["import numpy as np\n", *parts, main])) for name, parts in found]


def test_every_block_is_feasible_and_never_beats_the_optimum() -> None:
    """Whatever the grammar puts together gives a schedule no shorter than the bound."""
    train = problem.generate_instances(Split.TRAIN)
    instances = [instance_of(4), instance_of(5, 3, 3, m=7), instance_of(7, 7, 1, m=1), train[0], train[10]]
    bounds = [bound_makespan(np.asarray(i.data["p"]), int(i.data["m"])) for i in instances]  # type: ignore[arg-type]
    for name, source in programs():
        for instance, bound in zip(instances, bounds, strict=True):
            assert problem.cost(instance, run(source, instance)) >= bound, name


@pytest.mark.parametrize("improve", GRAMMAR.blocks["improve"], ids=lambda block: block.__name__)
def test_improvements_never_worsen(improve: Any) -> None:
    """An improvement starts from any assignment, changes no argument, and ends no later."""
    for instance in problem.generate_instances(Split.TRAIN)[:12]:
        p, m = np.asarray(instance.data["p"]), int(instance.data["m"])  # type: ignore[arg-type]
        start = np.arange(len(p)) % m
        kept = start.copy()
        after = improve(p, m, start)
        assert np.array_equal(start, kept)
        assert problem.cost(instance, after.tolist()) <= problem.cost(instance, start.tolist())


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """Equal seeds give equal instances; no split shares one with another; the classes are what they say."""
    digests = {split: {i.digest for i in problem.generate_instances(split)} for split in Split}
    assert digests[Split.TRAIN] == {i.digest for i in problem.generate_instances(Split.TRAIN)}
    assert digests[Split.TRAIN] != {i.digest for i in problem.generate_instances(Split.TRAIN, seed=1)}
    assert sum(map(len, digests.values())) == len(set().union(*digests.values()))
    for instance in problem.generate_instances(Split.TRAIN):
        p, longest = np.asarray(instance.data["p"]), int(instance.stratum.partition("=")[2])
        assert p.min() >= 1
        assert p.max() <= longest
        assert len(p) >= 2 * int(instance.data["m"])  # type: ignore[arg-type]
        assert (np.median(p) >= 0.9 * (longest - 1)) == instance.stratum.startswith("NU")


def test_most_training_baselines_are_proven() -> None:
    """Of the first twelve training instances all but one are proven, and that one is all but closed."""
    found = [problem.baseline(instance, 2) for instance in problem.generate_instances(Split.TRAIN, count=12)]
    assert sum(each.proven for each in found) >= 11
    assert all(each.upper <= 1.002 * each.lower for each in found)


BROKEN = [
    ("", "holds no numbers"),
    ("2 3 4 5", "line 1: the file ends; expected a processing time"),
    ("2\n2\n4\nx\n", "line 4: found 'x'; expected a processing time"),
    ("2\n2\n4\n0\n", "line 4: found '0'; expected a processing time, an integer of at least 1"),
    ("0\n2\n4\n4\n", "line 1: found '0'; expected the number of machines"),
    ("2\n2\n4\n5\n6\n", "more than 2 processing times"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_broken_files_are_named_with_place_and_expectation(tmp_path: Path, text: str, words: str) -> None:
    """A complaint says file, line, what was found and what was expected."""
    path = tmp_path / "jobs.txt"
    path.write_text(text)
    with pytest.raises(GapsmithError) as trouble:
        problem.read(path)
    assert str(path) in str(trouble.value)
    assert words in str(trouble.value)


# Files, prices, strata


@st.composite
def shops(draw):
    """Instances of up to ten jobs and four machines."""
    p = draw(st.lists(st.integers(1, 1000), min_size=1, max_size=10))
    return Instance("drawn", {"p": np.array(p), "m": draw(st.integers(1, 4))})


@settings(max_examples=40)
@given(shops(), st.sampled_from([" ", "\n", "\r\n", "  # a time\n"]))
def test_jobs_survive_their_file(tmp_path_factory, instance, gap):
    """Machines and times come back, on one line or many."""
    p = instance.data["p"].tolist()
    path = tmp_path_factory.mktemp("jobs") / "drawn.txt"
    path.write_bytes(gap.join(map(str, [instance.data["m"], len(p), *p])).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest


@settings(max_examples=40)
@given(shops(), st.data())
def test_a_file_with_a_time_less_or_more_is_refused(tmp_path_factory, instance, data):
    """The count of jobs is held against the times."""
    p = instance.data["p"].tolist()
    place = data.draw(st.integers(0, len(p) - 1))
    path = tmp_path_factory.mktemp("jobs") / "broken.txt"
    for broken in ([*p[:place], *p[place + 1 :]], [*p, 7], [*p[:place], 0, *p[place + 1 :]]):
        path.write_text("\n".join(map(str, [instance.data["m"], len(p), *broken])))
        with pytest.raises(GapsmithError):
            problem.read(path)


def test_too_many_machines_are_refused(tmp_path):
    """A count of machines beyond the limit is refused with the limit in words."""
    path = tmp_path / "many.txt"
    path.write_text(f"{MAX_MACHINES + 1}\n1\n5\n")
    with pytest.raises(
        GapsmithError, match=f"found '{MAX_MACHINES + 1}'; expected at most {MAX_MACHINES} machines"
    ):
        problem.read(path)


@settings(max_examples=30)
@given(shops(), st.integers(0, 999))
def test_the_cost_is_the_greatest_load(instance, seed):
    """Every assignment is priced by its fullest machine, never below the proven optimum."""
    p, m = instance.data["p"].tolist(), instance.data["m"]
    machine = np.random.default_rng(seed).integers(0, m, len(p)).tolist()
    loads = {k: sum(work for work, on in zip(p, machine, strict=True) if on == k) for k in machine}
    assert problem.cost(instance, machine) == max(loads.values())
    found = problem.baseline(instance, 5.0)
    assert problem.cost(instance, found.solution) == found.upper == found.lower <= max(loads.values())


@given(shops(), st.integers(0, 999), st.data())
def test_mutants_of_an_assignment_are_refused(instance, seed, data):
    """An assignment with a job less, more, on no machine or on one of another type has no price."""
    p, m = instance.data["p"], instance.data["m"]
    machine = np.random.default_rng(seed).integers(0, m, len(p)).tolist()
    place = data.draw(st.integers(0, len(p) - 1))
    wrong = [m, -1, float(machine[place]), str(machine[place]), None, [machine[place]], False]
    mutants = [[*machine[:place], each, *machine[place + 1 :]] for each in wrong]
    for mutant in [*mutants, machine[:-1], [*machine, 0], tuple(machine), dict(enumerate(machine))]:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@pytest.mark.parametrize("stratum", problem.strata)
@settings(max_examples=15)
@given(size=st.integers(1, 200), seed=st.integers(0, 999))
def test_every_stratum_draws_what_it_names(stratum, size, seed):
    """Times are from 1 to R; in classes NU none is between 0.2 R and 0.9 R; machines leave two jobs to each."""
    data = problem.generate(np.random.default_rng(seed), stratum, size)
    kind, longest = stratum.split()[0], int(stratum.partition("=")[2])
    p, m = data["p"], data["m"]
    assert 1 <= p.min() <= p.max() <= longest
    assert m in MACHINES or m == max(1, size // 2)
    assert size >= 2 * m or size == m == 1
    if kind == "NU":
        assert not ((p >= 0.2 * longest) & (p < int(0.9 * (longest - 1)))).any()
