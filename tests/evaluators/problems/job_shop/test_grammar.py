"""Blocks of the job shop's grammar keep their promises, and reproduce the rules that they generalise."""

import numpy as np
import pytest
from helpers import filled_block
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.job_shop.exact import compute_start_times, makespan
from gapsmith.evaluators.problems.job_shop.problem import problem

GRAMMAR = problem.grammar
RULES = {
    "SPT": "work",
    "LPT": "work * -1.0",
    "FIFO": "arrival",
    "MWKR": "remaining * -1.0",
    "MOPNR": "operations * -1.0",
}


@st.composite
def shops(draw):
    """Routes and times of a shop of up to six jobs and five machines."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    return np.array([rng.permutation(m) for _ in range(n)]), rng.integers(1, draw(st.integers(3, 60)), (n, m))


def rule(name, machines, p):
    """What a reference rule returns."""
    return [int(job) for job in problem.find_rule(name).function(machines, p)]


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=25)
@given(shops())
def test_active_schedules_with_a_priority_are_the_rule(name, case):
    """The block `active` with a classical priority lists the operations exactly as the reference rule does."""
    block = filled_block(GRAMMAR, "construct", "active", RULES[name])
    assert block(*case).tolist() == rule(name, *case)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=15)
@given(shops())
def test_from_the_end_is_active_on_the_reversed_shop(name, case):
    """Reading the shop backwards twice gives back the forward rule."""
    block = filled_block(GRAMMAR, "construct", "from_the_end", RULES[name])
    machines, p = case
    backwards = block(machines[:, ::-1], p[:, ::-1]).tolist()
    assert backwards[::-1] == rule(name, machines, p)


@settings(max_examples=40)
@given(shops(), st.sampled_from(sorted(RULES.values())))
def test_without_delay_no_machine_waits(case, priority):
    """No machine is idle while an operation waits for it."""
    machines, p = case
    sequence = filled_block(GRAMMAR, "construct", "without_delay", priority)(machines, p).tolist()
    starts = np.array(compute_start_times(machines, p, sequence))
    for (job, step), start in np.ndenumerate(starts):
        ready = starts[job, step - 1] + p[job, step - 1] if step else 0
        busy = (machines == machines[job, step]) & (starts < start)
        for moment in range(ready, start):
            assert (busy & (starts <= moment) & (moment < starts + p)).any()


@settings(max_examples=25)
@given(shops(), st.sampled_from(GRAMMAR.priorities))
def test_every_construction_lists_each_operation_once(case, priority):
    """Whatever the priority, each job appears once for each of its operations."""
    machines, p = case
    for name in GRAMMAR.sources("construct"):
        sequence = filled_block(GRAMMAR, "construct", name, priority)(machines, p)
        assert np.bincount(sequence, minlength=len(p)).tolist() == [p.shape[1]] * len(p)


@settings(max_examples=25)
@given(shops(), st.integers(0, 999))
def test_improvements_keep_every_operation_and_never_lengthen(case, seed):
    """From any list, on any shop, an improvement returns a list of the same operations that ends no later."""
    machines, p = case
    start = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1]))
    for block in GRAMMAR.blocks["improve"]:
        kept = start.copy()
        improved = block(machines, p, start)
        assert (start == kept).all()
        assert sorted(improved.tolist()) == sorted(start.tolist())
        assert makespan(machines, p, improved.tolist()) <= makespan(machines, p, start.tolist())
