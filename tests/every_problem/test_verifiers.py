"""The verifiers of sequences, tours and assignments against changed solutions, and prices computed in plain Python."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import Infeasible, Split
from gapsmith.evaluators.catalogue import load_problem

NAMES = (
    "permutation_flow_shop",
    "quadratic_assignment",
    "single_machine_tardiness",
    "single_machine_weighted_tardiness",
    "tsp",
)
PROBLEMS = {name: load_problem(name) for name in NAMES}
INSTANCES = {name: problem.generate_instances(Split.TRAIN, 0, 2)[0] for name, problem in PROBLEMS.items()}
SIZES = {name: len(next(iter(instance.data.values()))) for name, instance in INSTANCES.items()}


def plain(name):
    """The data of a problem's instance as nested lists."""
    return {key: np.asarray(value).tolist() for key, value in INSTANCES[name].data.items()}


def flow_shop(data, order):
    """The makespan, by the definition."""
    p = data["p"]
    done: dict[tuple[int, int], int] = {}
    for place, job in enumerate(order):
        for k in range(len(p[0])):
            done[place, k] = max(done.get((place - 1, k), 0), done.get((place, k - 1), 0)) + p[job][k]
    return max(done.values())


def assignment(data, place):
    """The sum over ordered pairs."""
    n, flow, distance = len(place), data["flow"], data["distance"]
    return sum(flow[i][k] * distance[place[i]][place[k]] for i in range(n) for k in range(n))


def tardiness(data, order):
    """The sum of weighted tardiness, with weights of 1 where there are none."""
    moment = total = 0
    for job in order:
        moment += data["p"][job]
        total += data.get("w", [1] * len(order))[job] * max(0, moment - data["d"][job])
    return total


def length(data, tour):
    """The sum of the edges of a closed tour."""
    return sum(data["distance"][a][b] for a, b in zip(tour, [*tour[1:], tour[0]], strict=True))


PRICES = dict(zip(NAMES, (flow_shop, assignment, tardiness, tardiness, length), strict=True))


def shuffled(name, seed):
    """A random feasible solution."""
    return Random(seed).sample(range(SIZES[name]), SIZES[name])


def mutants(solution: list[int], place: int, other: int) -> dict[str, Any]:
    """Solutions with one fault each, by the name of the fault."""
    n = len(solution)
    found: dict[str, Any] = {
        "one twice": [*solution[:place], solution[other], *solution[place + 1 :]],
        "one missing": solution[:place] + solution[place + 1 :],
        "one more": [*solution, solution[place]],
        "too large": [n if value == n - 1 else value for value in solution],
        "negative": [-1 if value == n - 1 else value for value in solution],
        "a float": [float(value) if k == place else value for k, value in enumerate(solution)],
        "a truth value": [value == 1 if value in (0, 1) else value for value in solution],
        "text": [str(value) if k == place else value for k, value in enumerate(solution)],
        "none": [None if k == place else value for k, value in enumerate(solution)],
        "nested": [solution],
        "a tuple": tuple(solution),
        "a mapping": dict(enumerate(solution)),
        "from one": [value + 1 for value in solution],
        "nothing": [],
    }
    return found


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_every_mutant_of_a_solution_is_refused(name, seed, data):
    """One fault anywhere in a feasible solution makes it infeasible, with a reason in words."""
    solution = shuffled(name, seed)
    place, other = data.draw(st.permutations(range(len(solution))))[:2]
    for fault, mutant in mutants(solution, place, other).items():
        with pytest.raises(Infeasible) as refused:
            PROBLEMS[name].cost(INSTANCES[name], mutant)
        assert len(str(refused.value)) > 10, fault


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_prices_are_those_of_the_definition(name, seed):
    """The cost equals a computation in plain integers, loop by loop."""
    solution = shuffled(name, seed)
    found = PROBLEMS[name].cost(INSTANCES[name], solution)
    assert type(found) is int
    assert found == PRICES[name](plain(name), solution)


@pytest.mark.parametrize("name", NAMES)
def test_a_verifier_leaves_instance_and_solution_alone(name):
    """Pricing changes neither the data of the instance nor the list, and gives the same cost again."""
    solution, before = shuffled(name, 1), plain(name)
    kept = list(solution)
    first = PROBLEMS[name].cost(INSTANCES[name], solution)
    assert first == PROBLEMS[name].cost(INSTANCES[name], solution)
    assert (solution, plain(name)) == (kept, before)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 30))
def test_a_tour_has_neither_start_nor_direction(seed, turn):
    """A tour turned round or begun elsewhere is as long."""
    tour = shuffled("tsp", seed)
    price = PROBLEMS["tsp"].cost
    turned = tour[turn:] + tour[:turn]
    assert price(INSTANCES["tsp"], tour) == price(INSTANCES["tsp"], turned[::-1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_costs_of_an_assignment_follow_new_labels(seed):
    """Renaming the locations along with the distances leaves the cost as it is."""
    instance, rng = INSTANCES["quadratic_assignment"], Random(seed)
    n = SIZES["quadratic_assignment"]
    names, place = rng.sample(range(n), n), rng.sample(range(n), n)
    distance = np.empty((n, n), np.int64)
    distance[np.ix_(names, names)] = np.asarray(instance.data["distance"])
    other = {"flow": plain("quadratic_assignment")["flow"], "distance": distance.tolist()}
    assert assignment(other, [names[location] for location in place]) == PROBLEMS[
        "quadratic_assignment"
    ].cost(instance, place)


@pytest.mark.parametrize("name", ["single_machine_tardiness", "single_machine_weighted_tardiness"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_relabelled_jobs_have_the_same_prices(name, seed):
    """A relabelled instance has the same jobs: sorted by their data, sequences cost the same."""
    problem, instance = PROBLEMS[name], INSTANCES[name]
    assert problem.relabel is not None
    other = problem.relabel(instance, np.random.default_rng(seed))
    keys = list(instance.data)
    orders = [np.lexsort([np.asarray(each.data[key]) for key in keys]) for each in (instance, other)]
    assert problem.cost(instance, orders[0].tolist()) == problem.cost(other, orders[1].tolist())
