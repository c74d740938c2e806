import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import DATA
from oracles import subset_dynamic_programme

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.problem import problem

FOLDER = DATA / "weighted_tardiness"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public instances are not here; set GAPSMITH_DATA"
)
GRAMMAR = problem.grammar
assert GRAMMAR is not None
SMALL = Instance("small", {"p": np.array([3, 1, 2]), "w": np.array([2, 1, 10]), "d": np.array([4, 9, 2])})


def call(source: str, instance: Instance) -> Any:
    """What a program returns, after the journey through JSON that the sandbox makes it take."""
    names: dict[str, Any] = {}
    exec(source, names)
    value = names[problem.entry.name](**{key: np.array(value) for key, value in instance.data.items()})
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


def programs() -> dict[str, str]:
    """The first blocks of all roles, with one of them exchanged at a time."""
    assert GRAMMAR is not None
    kinds = {role: GRAMMAR.sources(role) for role in GRAMMAR.blocks}
    first = {role: next(iter(blocks)) for role, blocks in kinds.items()}
    main = extract_source(GRAMMAR.main, problem.entry.name)
    return {
        f"{role}={name}": "\n\n".join(
            ["import numpy as np", *(kinds[r][n] for r, n in {**first, role: name}.items()), main]
        )
        for role, blocks in kinds.items()
        for name in blocks
    }


def optima(stem: str) -> list[int]:
    """The stored optima of a file, in its order."""
    with (FOLDER / "optima.csv").open() as file:
        return [int(r["upper"]) for r in csv.DictReader(file) if r["instance"].startswith(f"{stem}-")]


@needs_data
@pytest.mark.parametrize(("stem", "size"), [("wt40", 40), ("wt50", 50)])
def test_all_files_parse(stem: str, size: int) -> None:
    """Each file holds 125 instances of its size, in OR-Library's ranges."""
    instances = problem.read(FOLDER / f"{stem}.txt")
    assert [i.name for i in instances] == [f"{stem}-{k}" for k in range(1, 126)]
    for instance in instances:
        p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
        assert p.shape == w.shape == d.shape == (size,)
        assert p.min() >= 1
        assert p.max() <= 100
        assert w.min() >= 1
        assert w.max() <= 10


@needs_data
@pytest.mark.parametrize("stem", ["wt40", "wt50"])
def test_nothing_beats_a_published_optimum(stem: str) -> None:
    """No rule's and no block's verified sequence costs less than the optimum, and each reaches some."""
    known, instances = optima(stem), problem.read(FOLDER / f"{stem}.txt")[::6]
    sources = {rule.name: rule.source(problem.entry.name) for rule in problem.rules} | programs()
    for source in sources.values():
        costs = [problem.cost(instance, call(source, instance)) for instance in instances]
        assert all(cost >= optimum for cost, optimum in zip(costs, known[::6], strict=True))


@needs_data
def test_rules_keep_their_ranks() -> None:
    """Summed over n = 40, rules that know weights, due dates and time beat those that do not, as in the literature."""
    instances = problem.read(FOLDER / "wt40.txt")
    total = {
        rule.name: sum(problem.cost(i, call(rule.source(problem.entry.name), i)) for i in instances)
        for rule in problem.rules
    }
    assert max(total["ATC"], total["COVERT"], total["WMDD"]) < 1.06 * sum(optima("wt40"))
    assert total["WSPT"] < total["EDD"]
    assert total["WMDD"] < total["ATC"] < total["COVERT"] < total["WSPT"]


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("EDD", [2, 0, 1]), ("WSPT", [2, 1, 0]), ("ATC", [2, 0, 1]), ("COVERT", [2, 0, 1]), ("WMDD", [2, 0, 1])],
)
def test_rules_on_three_jobs(name: str, sequence: list[int]) -> None:
    """What each rule does by hand: the heavy job first, then the one that is nearly late, WSPT aside."""
    assert call(problem.find_rule(name).source(problem.entry.name), SMALL) == sequence


def test_rules_take_the_first_due_on_ties() -> None:
    """Where no job is urgent, COVERT falls back to due dates."""
    calm = Instance("calm", {"p": np.array([1, 1, 1]), "w": np.array([1, 2, 3]), "d": np.array([90, 70, 80])})
    assert call(problem.find_rule("COVERT").source(problem.entry.name), calm) == [1, 2, 0]


def test_cost_is_the_sum_of_weighted_tardiness() -> None:
    """By hand: job 2 ends at 2, on time; job 0 at 5, one late, at 2; job 1 at 6, on time."""
    assert problem.cost(SMALL, [2, 0, 1]) == 2
    assert problem.cost(SMALL, [0, 1, 2]) == 40
    assert type(problem.cost(SMALL, [0, 1, 2])) is int


@pytest.mark.parametrize(
    ("solution", "reason"),
    [
        (None, "NoneType"),
        ("012", "str"),
        ({"0": 0}, "dict"),
        (np.array([0, 1, 2]), "ndarray"),
        ([], "returned 0 indices"),
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


def test_rules_and_blocks_are_feasible_and_never_beat_the_optimum() -> None:
    """On every stratum, and with one job or all jobs alike, programs return sequences that cost the optimum or more."""
    rng = np.random.default_rng(3)
    instances = [Instance(s, problem.generate(rng, s, 8)) for s in problem.strata]
    instances.append(Instance("one", {name: np.array([5]) for name in "pwd"}))
    instances.append(Instance("alike", {name: np.full(6, 4) for name in "pwd"}))
    sources = [rule.source(problem.entry.name) for rule in problem.rules] + list(programs().values())
    for instance in instances:
        p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
        optimum = subset_dynamic_programme(p, d, w).total
        assert problem.baseline(instance, 10).lower == optimum
        assert all(problem.cost(instance, call(source, instance)) >= optimum for source in sources)


def test_improvements_never_do_harm() -> None:
    """Each improving block returns a sequence that costs no more than the one it was given."""
    assert GRAMMAR is not None
    for k, stratum in enumerate(problem.strata):
        instance = Instance(stratum, problem.generate(np.random.default_rng(k), stratum, 15))
        start = np.random.default_rng(k).permutation(15)
        for block in GRAMMAR.blocks["improve"]:
            after = [int(job) for job in block(*instance.data.values(), start)]
            assert problem.cost(instance, after) <= problem.cost(instance, start.tolist())


def test_insertion_and_swap_end_in_local_optima() -> None:
    """After the vectorised descents no single move of their kind helps, when every move is priced anew."""
    assert GRAMMAR is not None
    blocks = {block.__name__: block for block in GRAMMAR.blocks["improve"]}
    instance = Instance("local", problem.generate(np.random.default_rng(9), "RDD=0.4 TF=0.6", 12))
    inserted = [int(j) for j in blocks["insertion_descent"](*instance.data.values(), np.arange(12))]
    swapped = [int(j) for j in blocks["swap_descent"](*instance.data.values(), np.arange(12))]
    for i in range(12):
        for j in range(12):
            moved = inserted[:i] + inserted[i + 1 :]
            moved.insert(j, inserted[i])
            assert problem.cost(instance, moved) >= problem.cost(instance, inserted)
            exchanged = swapped.copy()
            exchanged[i], exchanged[j] = swapped[j], swapped[i]
            assert problem.cost(instance, exchanged) >= problem.cost(instance, swapped)


def test_instances_are_reproducible_and_splits_disjoint() -> None:
    """A seed gives the same instances again; no instance is in two splits; the strata mean what they say."""
    found = {split: problem.generate_instances(split) for split in Split}
    for split, instances in found.items():
        assert [i.digest for i in instances] == [i.digest for i in problem.generate_instances(split)]
        assert len(instances) == problem.counts[split]
        assert {i.stratum for i in instances} == set(problem.strata)
    digests = [i.digest for instances in found.values() for i in instances]
    assert len(digests) == len(set(digests))
    loose, tight = (
        np.asarray(problem.generate(np.random.default_rng(1), f"RDD=0.2 TF={tf}", 40)["d"]).mean()
        for tf in (0.2, 0.8)
    )
    assert loose > 2 * tight


def test_relabelling_moves_whole_jobs() -> None:
    """A relabelled instance has the same jobs, and the same optimum."""
    instance = problem.generate_instances(Split.TRAIN, count=1)[0]
    assert problem.relabel is not None
    other = problem.relabel(instance, np.random.default_rng(1))
    jobs, others = (
        sorted(zip(*(np.asarray(i.data[name]).tolist() for name in "pwd"), strict=True))
        for i in (instance, other)
    )
    assert jobs == others
    assert instance.digest != other.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3", r"line 1: found 3 numbers on lines of 3 .*--layout jobs=N"),
        ("", "holds no numbers"),
        ("1 " * 374 + "x", "line 1: found 'x'"),
        ("1 1 1\n" * 124 + "0 1 1", r"line 125: found '0'; expected a processing time"),
        ("1 1 1\n" * 124 + "1 -1 1", r"line 125: found '-1'; expected a weight"),
        ("1 1 1\n" * 124 + "1 1 2.5", r"line 125: found '2.5'"),
        ("1 1 1\n" * 125, r"line 1: found 375 numbers"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    """What cannot be read says where, what was found and what was expected."""
    path = tmp_path / "broken.txt"
    path.write_text(text)
    layout = ("or-library",) if "line 125" in words else ()
    with pytest.raises(GapsmithError, match=words):
        problem.read(path, *layout)
