"""Walks of the time-indexed relaxation against all walks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.time_indexed import (
    NEVER,
    Steps,
    count_visits,
    get_other_walk,
    prune_table,
    walk_forward,
)


@st.composite
def tables(draw):
    """Processing times, multipliers and a table of costs, some of it ruled out."""
    n, rng = draw(st.integers(1, 3)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    processing = rng.integers(1, 4, n)
    horizon = int(processing.sum()) + draw(st.integers(0, 2))
    table = rng.integers(0, 20, (horizon + 1, n))
    table[rng.random(table.shape) < draw(st.sampled_from([0.0, 0.2]))] = NEVER
    return table, processing, rng.integers(-5, 15, n)


def steps(table):
    """Room for the walks to or from each moment."""
    return Steps(*(np.empty(len(table), np.int64) for _ in range(4)))


def walks(table, processing):
    """All walks from time 0 to the end without a job twice running, as lists of (completion, job)."""
    horizon = len(table) - 1

    def onward(moment, last):
        if moment == horizon:
            yield []
            return
        for job in range(len(processing)):
            end = moment + int(processing[job])
            if job != last and end <= horizon and table[end, job] < NEVER:
                yield from ([(end, job), *rest] for rest in onward(end, job))

    return list(onward(0, -1))


def price(walk, table, multiplier):
    """The costs of a walk less what its visits are paid."""
    return sum(int(table[end, job]) - int(multiplier[job]) for end, job in walk)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_the_best_walk_is_the_best_of_all(drawn):
    """The price is the least over all walks, and NEVER where there is none."""
    table, processing, multiplier = drawn
    found = walk_forward(table, processing, multiplier, steps(table))
    assert found == min((price(walk, table, multiplier) for walk in walks(table, processing)), default=NEVER)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_visits_are_those_of_a_best_walk(drawn):
    """Some walk of the least price visits each job as often as is counted."""
    table, processing, multiplier = drawn
    heads, visits = steps(table), np.zeros(len(processing), np.int64)
    found = walk_forward(table, processing, multiplier, heads)
    if found < NEVER:
        count_visits(processing, heads, visits)
        best = [walk for walk in walks(table, processing) if price(walk, table, multiplier) == found]
        counts = [np.bincount([job for _, job in walk], minlength=len(visits)).tolist() for walk in best]
        assert visits.tolist() in counts


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(0, 20))
def test_pruning_keeps_exactly_what_cheap_walks_use(drawn, slack):
    """What is left are the completions on some walk of the limit or less, and their number is returned."""
    table, processing, multiplier = drawn
    heads = steps(table)
    best = walk_forward(table, processing, multiplier, heads)
    if best == NEVER:
        return
    cheap = [walk for walk in walks(table, processing) if price(walk, table, multiplier) <= best + slack]
    used = {step for walk in cheap for step in walk}
    left = prune_table(table, processing, multiplier, heads, steps(table), best + slack)
    assert {(int(t) + 1, int(j)) for t, j in np.argwhere(table[1:] < NEVER)} == used
    assert left == len(used)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_second_walk_ends_with_another_job(drawn):
    """At each moment the price without a job is the least over the walks to it whose last job is another."""
    table, processing, multiplier = drawn
    heads = steps(table)
    walk_forward(table, processing, multiplier, heads)
    for moment in range(1, len(table)):
        some = walks(table[: moment + 1], processing)
        for job in range(len(processing)):
            prices = [price(walk, table, multiplier) for walk in some if walk[-1][1] != job]
            assert get_other_walk(heads, moment, job) == min(prices, default=NEVER)
