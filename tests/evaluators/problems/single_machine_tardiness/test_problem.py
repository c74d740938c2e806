"""1‖ΣTj: the generator, the price, the field's rules with the literature's figures, and the building blocks."""

import itertools

import numpy as np
import pytest
from helpers import DATA, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import Baseline, GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.problems.single_machine_tardiness.grammar import GRAMMAR
from gapsmith.evaluators.problems.single_machine_tardiness.problem import STRATA, generate, problem, read
from gapsmith.evaluators.scoring import Scale

SIX = {"p": np.array([10, 11, 10, 10, 11, 10]), "d": np.array([15, 11, 13, 11, 12, 11])}
RULES = ("EDDC", "MDD", "PSK", "MDDC", "AugMDD", "AugMDDC")
# arXiv 2510.24013, tables 2, 4, 5, 6 (corrected for the order of the optima) and 8.
LITERATURE = {
    "n20": (RULES, (12.83, 1.86, 1.77, 1.70, 1.21, 0.79)),
    "n100": (RULES, (28.12, 1.81, 1.79, 1.52, 1.27, 1.08)),
    "n200": (("MDD", "MDDC"), (2.07, 2.00)),
    "n500": (("MDD",), (1.87,)),
}


def tardiness(p, d, sequence):
    """Total tardiness, job by job."""
    finish = total = 0
    for job in sequence:
        finish += int(p[job])
        total += max(0, finish - int(d[job]))
    return total


def cases(least=1, most=9):
    """Small instances, due dates of either sign."""
    return st.integers(least, most).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(1, 20), min_size=n, max_size=n).map(np.array),
            st.lists(st.integers(-10, 90), min_size=n, max_size=n).map(np.array),
            st.permutations(range(n)).map(np.array),
        )
    )


# The price


@given(cases())
def test_the_cost_is_the_sum_of_the_tardiness(case):
    """The verifier prices a sequence as one does by hand."""
    p, d, sequence = case
    assert problem.cost(Instance("x", {"p": p, "d": d}), sequence.tolist()) == tardiness(p, d, sequence)


def test_the_cost_of_a_large_instance_is_exact():
    """Sums beyond 32 bits are priced exactly, and come as a plain integer."""
    p = np.full(500, 10**9)
    found = problem.cost(Instance("x", {"p": p, "d": np.zeros(500, dtype=np.int64)}), list(range(500)))
    assert found == 10**9 * 500 * 501 // 2
    assert type(found) is int


@pytest.mark.parametrize(
    "mutant",
    [[0, 1], [0, 1, 2, 3], [0, 0, 1], [0, 1, 3], [-1, 0, 1], [0, 1, 2.0], [0, 1, "2"], "012", None, {}],
)
def test_mutants_are_infeasible(mutant):
    """What is no permutation of the jobs has no price."""
    instance = Instance("x", {"p": np.array([1, 2, 3]), "d": np.array([1, 2, 3])})
    with pytest.raises(Infeasible):
        problem.cost(instance, mutant)


# Instances


@pytest.mark.parametrize("stratum", STRATA)
def test_the_generator_keeps_to_its_class(stratum):
    """Processing times are 1 to 100; due dates lie where RDD and TF say, none below 0."""
    rdd, tf = (float(part.split("=")[1]) for part in stratum.split())
    data = generate(np.random.default_rng(3), stratum, 400)
    p, d = data["p"], data["d"]
    assert p.dtype == d.dtype == np.int64
    assert p.min() >= 1
    assert 95 < p.max() <= 100
    low, high = (p.sum() * (1 - tf + sign * rdd / 2) for sign in (-1, 1))
    assert d.min() >= max(0, int(low))
    assert d.max() <= high
    assert abs(d.mean() - (max(0, low) + high) / 2) < 0.1 * p.sum() * rdd + 1


def test_the_splits_are_those_of_the_design():
    """All classes are in validation and test equally often, and in training."""
    for split in Split:
        strata = [instance.stratum for instance in problem.generate_instances(split)]
        assert {strata.count(stratum) for stratum in STRATA} == {len(strata) // len(STRATA)}


def test_files_name_their_instances(tmp_path):
    """One instance has the file's name, several have their places."""
    file = tmp_path / "some.txt"
    file.write_text("3\n5 3\n2 -4\n1 1\n")
    (one,) = read(file)
    assert one.name == "some"
    assert (one.data["p"].tolist(), one.data["d"].tolist()) == ([5, 2, 1], [3, -4, 1])
    file.write_text("3\n5 3\n2 -4\n1 1\n1\n7 7")
    assert [instance.name for instance in read(file)] == ["some-1", "some-2"]
    file.write_text("3\n5 3\n")
    with pytest.raises(GapsmithError, match=r"some.txt, line 2: the file ends; expected a processing time"):
        read(file)


# Rules


def test_the_six_jobs_of_the_paper():
    """MDDC finds the optimum 141 in the paper's example; MDD with ties by index has 144."""
    found = {rule.name: plain(rule.function(**SIX)) for rule in problem.rules}
    assert found["MDDC"] == [3, 5, 2, 0, 1, 4]
    assert tardiness(**SIX, sequence=found["MDDC"]) == 141
    assert found["MDD"] == [1, 0, 2, 3, 5, 4]
    assert tardiness(**SIX, sequence=found["MDD"]) == 144


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
@given(case=cases())
@settings(max_examples=40)
def test_every_rule_returns_a_sequence(rule, case):
    """A rule orders all jobs, each once, and leaves its arguments as they were."""
    p, d, _ = case
    before = p.copy(), d.copy()
    assert sorted(plain(rule.function(p, d))) == list(range(len(p)))
    assert (p == before[0]).all()
    assert (d == before[1]).all()


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
def test_rules_do_not_depend_on_labels_but_for_ties(rule):
    """With different processing times and due dates, relabelled jobs cost the same."""
    rng = np.random.default_rng(2)
    for _ in range(10):
        p, d = rng.choice(100, 12, replace=False) + 1, rng.choice(400, 12, replace=False)
        order = rng.permutation(12)
        one, other = rule.function(p, d), rule.function(p[order], d[order])
        assert tardiness(p, d, one) == tardiness(p[order], d[order], other)


@pytest.mark.skipif(
    not (DATA / "tardiness").is_dir(),
    reason="no benchmark data: set GAPSMITH_DATA to a folder with tardiness/",
)
@pytest.mark.parametrize("name", LITERATURE)
def test_rules_have_the_literature_s_gaps(name):
    """On the benchmark sets the mean gaps to the optima are those that were published, within 0.01 points."""
    instances = problem.read(DATA / "tardiness" / f"{name}.txt")
    optima = [int(line) for line in (DATA / "tardiness" / f"{name}.opt").read_text().split()]
    scale = Scale(instances, [Baseline(o, o, None, "published", 0.0) for o in optima])
    names, published = LITERATURE[name]
    for rule, expected in zip(names, published, strict=True):
        function = problem.find_rule(rule).function
        costs = [problem.cost(i, plain(function(i.data["p"], i.data["d"]))) for i in instances]
        assert all(cost >= optimum for cost, optimum in zip(costs, optima, strict=True))
        found = scale.aggregate(costs, [0.0] * len(costs)).mean_gap_percent
        assert found == pytest.approx(expected, abs=0.01), rule


# Building blocks of the genetic programmer


def compiled(role, block, **changes):
    """A block, as the genetic programmer has it, with some of its text changed."""
    source = GRAMMAR.sources(role)[block]
    for old, new in changes.items():
        assert old in source
        source = source.replace(old, new)
    space = {"np": np}
    exec(source, space)
    return space[role]


BUILDERS = sorted(GRAMMAR.sources("construct"))
IMPROVERS = sorted(GRAMMAR.sources("improve"))


@pytest.mark.parametrize("block", BUILDERS)
@given(case=cases())
@settings(max_examples=40)
def test_builders_return_sequences(block, case):
    """A builder orders all jobs, each once."""
    p, d, _ = case
    assert sorted(plain(compiled("construct", block)(p, d))) == list(range(len(p)))


def test_scan_is_as_good_as_modified_due_dates():
    """The scan without a priority is PSK, which is MDD but for ties (Alidaee and Gopalan 1997)."""
    scan, dispatch = compiled("construct", "scan"), compiled("construct", "dispatch")
    for instance in problem.generate_instances(Split.TRAIN):
        p, d = (np.asarray(instance.data[key]) for key in "pd")
        costs = [problem.cost(instance, plain(build(p, d))) for build in (scan, dispatch)]
        assert abs(costs[0] - costs[1]) <= 0.01 * max(costs)


def test_dynasearch_ends_where_no_exchange_helps():
    """What the best sets of exchanges leave is a local optimum, by trying every exchange of two jobs."""
    search = compiled("improve", "dynasearch")
    for instance in problem.generate_instances(Split.TRAIN, count=3):
        p, d = (np.asarray(instance.data[key])[:25] for key in "pd")
        found = np.asarray(search(p, d, np.argsort(p, kind="stable")))
        least = np.maximum(np.cumsum(p[found]) - d[found], 0).sum()
        for i, j in itertools.combinations(range(len(p)), 2):
            other = found.copy()
            other[[i, j]] = other[[j, i]]
            assert np.maximum(np.cumsum(p[other]) - d[other], 0).sum() >= least


@pytest.mark.parametrize("priority", GRAMMAR.priorities)
@pytest.mark.parametrize("block", [each for each in BUILDERS if each != "scan"])
def test_builders_take_every_priority(block, priority):
    """With any of the classical priorities in its place, a builder still orders all jobs."""
    source = GRAMMAR.sources("construct")[block]
    (line,) = [line for line in source.splitlines() if line.strip().startswith("priority = ")]
    build = compiled("construct", block, **{line.strip(): f"priority = {priority}"})
    rng = np.random.default_rng(4)
    for n in (1, 2, 9):
        p, d = rng.integers(1, 50, n), rng.integers(-20, 200, n)
        assert sorted(plain(build(p, d))) == list(range(n))


@pytest.mark.parametrize("block", IMPROVERS)
@given(case=cases())
@settings(max_examples=60)
def test_improvers_never_worsen(block, case):
    """An improvement returns a sequence of all jobs that costs no more, and leaves the one it was given."""
    p, d, sequence = case
    before = sequence.copy()
    found = plain(compiled("improve", block)(p, d, sequence))
    assert sorted(found) == list(range(len(p)))
    assert tardiness(p, d, found) <= tardiness(p, d, before)
    assert (sequence == before).all()


def moved(sequence, i, j):
    """The sequence with the job at i taken out and put in at j."""
    rest = [job for k, job in enumerate(sequence) if k != i]
    return [*rest[:j], sequence[i], *rest[j:]]


@given(cases(2, 8))
def test_insertion_descent_takes_the_best_move(case):
    """Its first step costs what the best of all insertions costs, tried one by one."""
    p, d, sequence = case
    step = compiled("improve", "insertion_descent", **{"range(150)": "range(1)"})
    n, order = len(p), sequence.tolist()
    best = min(tardiness(p, d, moved(order, i, j)) for i in range(n) for j in range(n))
    assert tardiness(p, d, step(p, d, sequence)) == min(best, tardiness(p, d, order))


@given(cases(2, 8))
def test_insertion_descent_ends_where_no_move_helps(case):
    """At its end no insertion is better."""
    p, d, sequence = case
    found = plain(compiled("improve", "insertion_descent")(p, d, sequence))
    n, cost = len(p), tardiness(p, d, found)
    assert all(tardiness(p, d, moved(found, i, j)) >= cost for i in range(n) for j in range(n))


def exchanged(sequence, i, j):
    """The sequence with two jobs exchanged."""
    found = list(sequence)
    found[i], found[j] = found[j], found[i]
    return found


@given(cases(2, 8))
def test_swap_descent_takes_the_best_exchange_of_each_job(case):
    """A sweep makes, for each place in turn, the best exchange with a later one, as tried one by one."""
    p, d, sequence = case
    sweep = compiled("improve", "swap_descent", **{"range(6)": "range(1)"})
    order = sequence.tolist()
    for i in range(len(p) - 1):
        options = [exchanged(order, i, j) for j in range(i + 1, len(p))]
        best = min(options, key=lambda option: tardiness(p, d, option))
        if tardiness(p, d, best) < tardiness(p, d, order):
            order = best
    assert plain(sweep(p, d, sequence)) == order


@given(cases(2, 7))
def test_to_the_end_makes_the_best_move_to_the_end(case):
    """Job by job, the best move of an earlier job to the end is made, as tried one by one."""
    p, d, sequence = case
    partial = []
    for job in sequence.tolist():
        partial.append(job)
        options = [[*partial[:k], *partial[k + 1 :], partial[k]] for k in range(len(partial))]
        best = min(options, key=lambda option: tardiness(p, d, option))
        if tardiness(p, d, best) < tardiness(p, d, partial):
            partial = best
    assert plain(compiled("improve", "to_the_end")(p, d, sequence)) == partial


def test_the_whole_grammar_runs():
    """Every combination of blocks is a program that orders all jobs."""
    from itertools import product

    rng = np.random.default_rng(6)
    p, d = rng.integers(1, 100, 12), rng.integers(0, 600, 12)
    roles = list(GRAMMAR.blocks)
    for blocks in product(*(GRAMMAR.sources(role).values() for role in roles)):
        space = {"np": np, **GRAMMAR.main.__globals__}
        exec("\n".join(blocks), space)
        exec("import inspect\n", space)
        main = type(GRAMMAR.main)(GRAMMAR.main.__code__, space)
        assert sorted(plain(main(p, d))) == list(range(12))
