"""Job shops: files, lists of operations judged one by one, rules and blocks."""

import csv
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.job_shop.exact import compute_start_times, makespan
from gapsmith.evaluators.problems.job_shop.problem import problem

FOLDER = DATA / "job_shop"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public instances are not here; set GAPSMITH_DATA"
)
GRAMMAR = problem.grammar
assert GRAMMAR is not None
SMALL = Instance("small", {"machines": np.array([[0, 1], [1, 0]]), "p": np.array([[3, 2], [4, 1]])})


@st.composite
def shops(draw: st.DrawFn) -> Instance:
    """A shop of at most six operations a side that brute force can enumerate; zeros and ties are likely."""
    n, m = draw(st.sampled_from([(1, 1), (1, 3), (2, 2), (2, 3), (3, 2), (3, 1)]))
    rows = [draw(st.permutations(range(m))) for _ in range(n)]
    times = [[draw(st.integers(0, 4)) for _ in range(m)] for _ in range(n)]
    return Instance("drawn", {"machines": np.array(rows), "p": np.array(times)})


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
    """Every stored instance has the size of its first line, and each job visits each machine once."""
    for name in optima():
        (instance,) = problem.read(FOLDER / name)
        lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]
        machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
        assert instance.name == name
        assert machines.shape == p.shape == tuple(int(word) for word in lines[0].split())
        assert (np.sort(machines, axis=1) == np.arange(p.shape[1])).all()


@needs_data
@pytest.mark.parametrize("name", ["ft06", "la01", "la02", "la03", "la04", "la05", "la06", "la11"])
def test_baseline_proves_the_stored_optimum(name: str) -> None:
    """Fisher and Thompson's 6 × 6 and the smaller of Lawrence's are proven at once."""
    (instance,) = problem.read(FOLDER / name)
    found = problem.baseline(instance, 20)
    assert found.proven
    assert found.upper == optima()[name] == problem.cost(instance, found.solution)


@needs_data
def test_an_unproven_bound_is_below_the_optimum() -> None:
    """Where the limit ends the search, the optimum lies between the bounds, and the schedule is priced."""
    (instance,) = problem.read(FOLDER / "abz7")
    found = problem.baseline(instance, 0.05)
    assert not found.proven
    assert found.lower <= 656 <= found.upper == problem.cost(instance, found.solution)


@needs_data
def test_nothing_beats_a_proven_optimum() -> None:
    """No rule's and no block's verified schedule is shorter than the optimum, on sizes of all kinds."""
    known = optima()
    for name in ("ft06", "ft10", "ft20", "la16", "abz7"):
        (instance,) = problem.read(FOLDER / name)
        sources = [rule.source(problem.entry.name) for rule in problem.rules] + programs()
        for source in sources[: None if name == "ft06" else 10]:
            assert problem.cost(instance, call(source, instance)) >= known[name]


@pytest.mark.parametrize(
    ("solution", "reason"),
    [
        (None, "NoneType"),
        ("0011", "str"),
        ([], "job 0 appears 0 times; expected 2"),
        ([0, 1, 1], "job 0 appears 1 times; expected 2"),
        ([0, 0, 0, 1], "job 0 appears 3 times"),
        ([0, 0, 1, 1, 1], "job 1 appears 3 times"),
        ([0, 0, 1, 2], "from 0 to 1"),
        ([0, 0, 1, -1], "from 0 to 1"),
        ([0, 0, 1, True], "True"),
        ([0, 0, 1, 1.0], "1.0"),
        ([0, 0, 1, "1"], "'1'"),
        ([0, 0, 1, None], "None"),
        ([0, 0, 1, float("nan")], "nan"),
        ([[0, 0], [1, 1]], r"\[0, 0\]"),
    ],
)
def test_what_is_no_schedule_is_turned_away(solution: Any, reason: str) -> None:
    """Everything but each job once for each operation is infeasible, with the reason in words."""
    with pytest.raises(Infeasible, match=reason):
        problem.cost(SMALL, solution)


def test_cost_is_the_makespan_of_the_gantt_chart() -> None:
    """Charts drawn by hand: both jobs at once end at 6; one after the other waits at both machines."""
    assert problem.cost(SMALL, [0, 1, 0, 1]) == 6
    assert problem.cost(SMALL, [0, 0, 1, 1]) == 10
    assert problem.cost(SMALL, [1, 1, 0, 0]) == 10


@settings(max_examples=40, deadline=None)
@given(shops())
def test_baseline_equals_brute_force(instance: Instance) -> None:
    """On small shops the proven makespan is the least over all lists of operations."""
    machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
    operations = [job for job in range(len(p)) for _ in range(p.shape[1])]
    least = min(makespan(machines, p, list(order)) for order in set(itertools.permutations(operations)))
    found = problem.baseline(instance, 10)
    assert found.lower == found.upper == least == problem.cost(instance, found.solution)


@settings(max_examples=40, deadline=None)
@given(shops(), st.sampled_from(problem.rules))
def test_rules_give_active_schedules(instance: Instance, rule: Any) -> None:
    """No operation of a rule's schedule fits, whole and earlier, into a gap of its machine."""
    # Operations of no length have no unique place between others.
    machines, p = np.asarray(instance.data["machines"]), np.maximum(1, np.asarray(instance.data["p"]))
    instance = Instance("longer", {"machines": machines, "p": p})
    sequence = call(rule.source(problem.entry.name), instance)
    problem.cost(instance, sequence)
    start = np.array(compute_start_times(machines, p, sequence))
    end = start + p
    for (job, step), begin in np.ndenumerate(start):
        ready = end[job, step - 1] if step else 0
        others = (machines == machines[job, step]) & ~(
            (np.arange(len(p)) == job)[:, None] & (np.arange(p.shape[1]) == step)
        )
        for moment in range(ready, begin):
            clash = others & (start < moment + p[job, step]) & (end > moment)
            assert clash.any(), f"operation {step} of job {job} could start at {moment} instead of {begin}"


@pytest.mark.parametrize("source", programs())
def test_every_block_is_feasible(source: str) -> None:
    """Each block, beside the first of the others, schedules generated shops and a single operation."""
    one = Instance("one", {"machines": np.array([[0]]), "p": np.array([[4]])})
    for instance in [*problem.generate_instances(Split.TRAIN, count=3), SMALL, one]:
        problem.cost(instance, call(source, instance))


def test_improvement_never_lengthens() -> None:
    """What `improve` returns is no longer than what it was given."""
    assert GRAMMAR is not None
    for instance in problem.generate_instances(Split.TRAIN, seed=9, count=3):
        machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
        start = np.random.default_rng(1).permutation(np.repeat(np.arange(len(p)), p.shape[1]))
        for block in GRAMMAR.blocks["improve"]:
            improved = block(machines, p, start).tolist()
            assert makespan(machines, p, improved) <= makespan(machines, p, start.tolist()), block.__name__


@pytest.mark.parametrize("priority", GRAMMAR.priorities)
def test_priorities_read_only_terminals(priority: str) -> None:
    """The classical priorities are made of the terminals that the grammar declares."""
    assert GRAMMAR is not None
    names = {terminal.name: np.ones(3) for terminal in GRAMMAR.terminals}
    assert eval(priority, {"np": np}, names).shape == (3,)


def test_generated_instances_are_reproducible_and_disjoint() -> None:
    """The same seed gives the same instances; no instance is in two splits; two sets are visited in their order."""
    splits = {split: problem.generate_instances(split) for split in Split}
    digests = {split: [instance.digest for instance in found] for split, found in splits.items()}
    assert digests == {split: [i.digest for i in problem.generate_instances(split)] for split in Split}
    assert len(set(itertools.chain(*digests.values()))) == sum(problem.counts.values())
    for instance in splits[Split.TEST]:
        machines = np.asarray(instance.data["machines"])
        assert (np.sort(machines, axis=1) == np.arange(machines.shape[1])).all()
        in_order = bool((machines[:, :2] < 2).all())
        assert in_order == instance.stratum.endswith("two sets")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1 2\n0 3 1", "line 2: the file ends; expected a processing time of job 0"),
        ("1 2\n0 3 1 x", "line 2: found 'x'; expected a processing time of job 0"),
        ("1 2\n0 3 2 4", "line 2: found '2'; expected a machine of job 0, an integer from 0 to 1"),
        ("1 2\n0 3 0 4", "line 2: found '0'; expected a machine that job 0 has not visited yet"),
        ("1 2\n0 3 1 -4", "line 2: found '-4'; expected a processing time of job 0"),
        ("1 1\n0 3\n7", "line 3: found '7'; expected the end after 1 jobs of 1 operations"),
        ("# nothing", "holds no numbers"),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    """The complaint names the file, the line, what was found and what was expected."""
    (tmp_path / "broken.txt").write_text(text)
    with pytest.raises(GapsmithError, match=complaint):
        problem.read(tmp_path / "broken.txt")


# Files, prices, strata


@st.composite
def random_shops(draw, jobs=6, machines=5):
    """Instances of small shops."""
    n, m = draw(st.integers(1, jobs)), draw(st.integers(1, machines))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    routes = np.array([rng.permutation(m) for _ in range(n)])
    return Instance("drawn", {"machines": routes, "p": rng.integers(0, 100, (n, m))})


def text_of(instance, comment="", end="\n"):
    """The standard format: sizes, then a line of pairs for each job."""
    machines, p = instance.data["machines"], instance.data["p"]
    lines = [comment, "{} {}".format(*p.shape)]
    for route, times in zip(machines.tolist(), p.tolist(), strict=True):
        lines.append("  ".join(f"{machine} {time}" for machine, time in zip(route, times, strict=True)))
    return end.join(lines) + end


@settings(max_examples=40)
@given(random_shops(), st.sampled_from(["", "# by hand"]), st.sampled_from(["\n", "\r\n"]))
def test_a_shop_survives_its_file(tmp_path_factory, instance, comment, end):
    """Routes and times come back, whatever the line ends and comments."""
    path = tmp_path_factory.mktemp("shops") / "drawn"
    path.write_bytes(text_of(instance, comment, end).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest


@given(random_shops(), st.data())
def test_a_file_with_a_number_less_or_more_is_refused(tmp_path_factory, instance, data):
    """No file that lacks a number, or has one more at its end, is read as a shop."""
    words = text_of(instance).split()
    place = data.draw(st.integers(0, len(words) - 1))
    path = tmp_path_factory.mktemp("shops") / "broken"
    for broken in ([*words[:place], *words[place + 1 :]], [*words, "0"]):
        path.write_text(" ".join(broken))
        with pytest.raises(GapsmithError):
            problem.read(path)


@settings(max_examples=60)
@given(random_shops(), st.integers(0, 999))
def test_the_cost_is_that_of_the_schedule_played_through(instance, seed):
    """Every list of the operations is priced as a clock that ticks through it would."""
    machines, p = instance.data["machines"], instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    step, job_free, machine_free = Counter(), Counter(), Counter()
    for job in order:
        machine = int(machines[job, step[job]])
        end = max(job_free[job], machine_free[machine]) + int(p[job, step[job]])
        job_free[job] = machine_free[machine] = end
        step[job] += 1
    assert problem.cost(instance, order) == max(job_free.values())


@settings(max_examples=60)
@given(random_shops(), st.integers(0, 999), st.data())
def test_mutants_of_a_feasible_list_are_refused(instance, seed, data):
    """A list with an entry less, more, of another job, out of range or of another type has no price."""
    p = instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    place = data.draw(st.integers(0, len(order) - 1))
    job, before, after = order[place], order[:place], order[place + 1 :]
    others = [*(other for other in range(len(p)) if other != job), len(p), -1]
    wrong = [*others, float(job), str(job), None, [job], True]
    mutants = [[*before, *after], [*order, job], *([*before, each, *after] for each in wrong), tuple(order)]
    for mutant in mutants:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@given(random_shops(), st.integers(0, 999))
def test_neighbours_of_different_jobs_and_machines_may_change_places(instance, seed):
    """Two entries in a row that share neither job nor machine can be exchanged without another makespan."""
    machines, p = instance.data["machines"], instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    cost, step = problem.cost(instance, order), Counter()
    for place in range(len(order) - 1):
        one, other = order[place : place + 2]
        if one != other and machines[one, step[one]] != machines[other, step[other]]:
            swapped = [*order[:place], other, one, *order[place + 2 :]]
            assert problem.cost(instance, swapped) == cost
        step[one] += 1


@pytest.mark.parametrize("stratum", problem.strata)
def test_every_stratum_draws_the_times_and_machines_it_names(stratum):
    """Times are from 1 to 99, rows hold each machine once, and there are as many as the name says."""
    data = problem.generate(np.random.default_rng(1), stratum, 15)
    m = int(stratum[2])
    assert data["machines"].shape == data["p"].shape == (15, m)
    assert (np.sort(data["machines"], axis=1) == np.arange(m)).all()
    assert data["p"].min() >= 1
    assert data["p"].max() <= 99
