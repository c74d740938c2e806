"""Exact methods for the knapsack: a dynamic programme as second opinion, symmetries, the dual, and limits."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.multidimensional_knapsack.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.multidimensional_knapsack.exact.solve import (
    PackingDual,
    bound_by_lagrangian,
    pack_in_order,
    solve_packing,
)


@st.composite
def packings(draw, resources=3, largest=60):
    """Small instances, with items that weigh nothing or fit nowhere, and capacities of nothing."""
    n, m = draw(st.integers(1, 9)), draw(st.integers(1, resources))
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    weight = rng.integers(0, largest, (m, n), endpoint=True)
    share = draw(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
    return rng.integers(0, largest, n, endpoint=True), weight, (share * weight.sum(axis=1)).astype(np.int64)


def best(profit, weight, capacity):
    """The greatest profit, by counting out."""
    chosen = np.array(list(product((0, 1), repeat=len(profit))))
    return int((chosen @ profit)[(chosen @ weight.T <= capacity).all(axis=1)].max())


def one_knapsack(profit, weight, capacity):
    """The greatest profit within one capacity, by dynamic programming over it (Bellman 1957)."""
    value = [0] * (int(capacity) + 1)
    for gain, load in zip(profit.tolist(), weight.tolist(), strict=True):
        for room in range(int(capacity), load - 1, -1):
            value[room] = max(value[room], value[room - load] + gain)
    return value[-1]


@settings(max_examples=15)
@given(st.integers(1, 40), st.integers(0, 9999))
def test_one_capacity_agrees_with_dynamic_programming(n, seed):
    """With a single resource the proven profit is that of the textbook recursion, beyond what can be counted out."""
    rng = np.random.default_rng(seed)
    profit, weight = rng.integers(1, 100, n), rng.integers(1, 100, n)
    capacity = int(weight.sum()) // 3
    found = solve_packing(profit, weight[None, :], np.array([capacity]), 10.0)
    assert found.lower == found.upper == one_knapsack(profit, weight, capacity)


@settings(max_examples=15)
@given(packings(), st.integers(0, 999))
def test_order_of_items_and_resources_does_not_matter(case, seed):
    """Permuted items and resources have the same greatest profit."""
    profit, weight, capacity = case
    rng = np.random.default_rng(seed)
    items, resources = rng.permutation(len(profit)), rng.permutation(len(capacity))
    found = solve_packing(profit[items], weight[resources][:, items], capacity[resources], 10.0)
    assert found.lower == found.upper == best(*case)


@settings(max_examples=15)
@given(packings(), st.integers(2, 1000), st.integers(2, 1000))
def test_units_of_profit_and_weight_do_not_matter(case, money, mass):
    """Profits in another unit scale the optimum; weights and capacities in another unit leave it."""
    profit, weight, capacity = case
    found = solve_packing(money * profit, mass * weight, mass * capacity, 10.0)
    assert found.lower == found.upper == money * best(*case)


@settings(max_examples=15)
@given(packings())
def test_room_never_hurts_and_idle_resources_do_not_matter(case):
    """A unit more of each resource does not lower the optimum; a resource that nothing uses does not change it."""
    profit, weight, capacity = case
    optimum = best(*case)
    assert solve_packing(profit, weight, capacity + 1, 10.0).lower >= optimum
    idle = np.vstack((weight, np.zeros_like(profit)))
    assert solve_packing(profit, idle, np.append(capacity, 0), 10.0).lower == optimum


@settings(max_examples=15)
@given(packings())
def test_the_solution_is_worth_the_lower_bound(case):
    """The packing behind the lower bound is feasible, has each item once, and that profit."""
    profit, weight, capacity = case
    found = solve_packing(*case, 10.0)
    assert len(set(found.solution)) == len(found.solution)
    assert (weight[:, found.solution].sum(axis=1) <= capacity).all()
    assert profit[found.solution].sum() == found.lower


@given(packings(), st.integers(0, 999))
def test_a_filled_knapsack_has_room_for_no_further_item(case, seed):
    """Whatever the order, what is packed fits, and nothing that was left out would."""
    profit, weight, capacity = case
    chosen = pack_in_order(weight, capacity, np.random.default_rng(seed).permutation(len(profit)))
    left = capacity - weight[:, chosen].sum(axis=1)
    assert (left >= 0).all()
    outside = np.setdiff1d(np.arange(len(profit)), chosen)
    assert not (weight[:, outside] <= left[:, None]).all(axis=0).any()


@settings(max_examples=25)
@given(packings(largest=2000))
def test_the_lagrangian_lies_between_optimum_and_all_profits(case):
    """The bound is no less than the optimum; where everything fits, it is all there is to gain."""
    profit, weight, capacity = case
    _, _, upper = bound_by_lagrangian(*case, best(*case))
    assert best(*case) <= upper
    if (weight.sum(axis=1) <= capacity).all():
        assert upper == profit.sum()


@given(packings(largest=2000), st.data())
def test_the_dual_lies_below_each_of_its_tangents(case, data):
    """The dual is concave: from any point, value plus subgradient times step is at least the value there."""
    dual = PackingDual(*case)
    size, most = len(case[2]), (int(case[0].max()) + 1) * dual.scale
    points = st.lists(st.integers(0, most), min_size=size, max_size=size).map(np.array)
    here, there = data.draw(points), data.draw(points)
    value, slope = dual(here)
    assert dual(there)[0] <= value + int(slope @ (there - here))


@given(packings())
def test_prices_beyond_the_dearest_item_change_nothing(case):
    """Multipliers are cut where no item with any weight can pay them: the bound stays the same from there."""
    dual = PackingDual(*case)
    limit = (int(case[0].max()) + 1) * dual.scale
    at, beyond = (np.full(len(case[2]), price) for price in (limit, 2 * limit + 1))
    assert dual(at)[0] == dual(beyond)[0]
    assert (dual.reduce_profits(at) == dual.reduce_profits(beyond)).all()


def test_large_numbers_are_scaled_down_without_overflow():
    """With profits and weights of a billion the bound is still no less than what can be packed."""
    profit, weight = np.full(6, 10**9), np.full((2, 6), 10**9)
    dual, _, upper = bound_by_lagrangian(profit, weight, np.array([3 * 10**9, 4 * 10**9]), 3 * 10**9)
    assert 1 <= dual.scale < 1 << 20
    assert 3 * 10**9 <= upper <= 6 * 10**9


@settings(max_examples=25)
@given(packings())
def test_the_model_is_exact_from_an_empty_hint(case):
    """CP-SAT alone proves what counting out finds."""
    profit, weight, capacity = case
    bound, chosen = solve_with_cpsat(*case, [], 5.0)
    assert bound == best(*case) == profit[chosen].sum()
    assert (weight[:, chosen].sum(axis=1) <= capacity).all()
