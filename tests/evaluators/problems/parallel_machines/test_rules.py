"""Rules of P‖Cmax keep the guarantees that the literature proves, and the blocks reproduce them."""

import numpy as np
import pytest
from helpers import filled_block
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.parallel_machines.exact.solve import solve_parallel_machines
from gapsmith.evaluators.problems.parallel_machines.problem import problem

GRAMMAR = problem.grammar
JOBS = st.lists(st.integers(1, 60), min_size=1, max_size=12).map(np.array)
MACHINES = st.integers(1, 4)


def makespan(p, m, machine):
    """The greatest load."""
    return int(np.bincount(machine, weights=p, minlength=m).max())


def end_of(name, p, m):
    """The makespan of a reference rule."""
    return makespan(p, m, problem.find_rule(name).function(p, m))


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("LS", lambda m: 2 - 1 / m),
        ("LPT", lambda m: 4 / 3 - 1 / (3 * m)),
        ("LPT+descent", lambda m: 4 / 3 - 1 / (3 * m)),
        ("MULTIFIT", lambda m: 13 / 11 + 1 / 2**10),
        ("LDM", lambda m: 4 / 3 - 1 / (3 * m)),
    ],
    ids=lambda value: value if isinstance(value, str) else "ratio",
)
@settings(max_examples=30)
@given(JOBS, MACHINES)
def test_rules_keep_their_proven_ratios(name, ratio, p, m):
    """Graham 1966 and 1969, Yue 1990 for MULTIFIT, Fischetti and Martello 1987 and Michiels et al. for LDM."""
    best = solve_parallel_machines(p, m, 5.0)
    assert best.proven
    assert best.upper <= end_of(name, p, m) <= ratio(m) * best.upper + 1e-9


@settings(max_examples=40)
@given(JOBS, MACHINES)
def test_a_descent_never_lengthens_lpt(p, m):
    """Moves and exchanges only lower the greatest load."""
    assert end_of("LPT+descent", p, m) <= end_of("LPT", p, m)
    assert end_of("MULTIFIT", p, m) <= end_of("LPT", p, m)


@settings(max_examples=40)
@given(JOBS, MACHINES)
def test_dispatching_by_work_is_lpt(p, m):
    """The block `dispatch` with the priority `work` gives each job the machine that LPT gives it."""
    block = filled_block(GRAMMAR, "construct", "dispatch", "work")
    assert block(p, m).tolist() == problem.find_rule("LPT").function(p, m).tolist()


@settings(max_examples=40)
@given(JOBS, MACHINES)
def test_groups_by_difference_are_slack(p, m):
    """The block `grouped` with the priority `work` is the rule SLACK."""
    block = filled_block(GRAMMAR, "construct", "grouped", "work")
    assert block(p, m).tolist() == problem.find_rule("SLACK").function(p, m).tolist()


@settings(max_examples=25)
@given(JOBS, MACHINES, st.sampled_from(GRAMMAR.priorities))
def test_constructions_give_each_job_a_machine(p, m, priority):
    """With every classical priority each job has one of the machines."""
    for name in GRAMMAR.sources("construct"):
        with np.errstate(all="ignore"):  # a priority may divide by 0
            machine = filled_block(GRAMMAR, "construct", name, priority)(p, m)
        assert machine.shape == p.shape
        assert set(machine.tolist()) <= set(range(m))


@settings(max_examples=40)
@given(JOBS, MACHINES, st.integers(0, 999))
def test_improvements_never_lengthen(p, m, seed):
    """From any assignment an improvement ends no later, and leaves the first as it was."""
    start = np.random.default_rng(seed).integers(0, m, len(p))
    for block in GRAMMAR.blocks["improve"]:
        kept = start.copy()
        after = block(p, m, start)
        assert (start == kept).all()
        assert makespan(p, m, after) <= makespan(p, m, start)
