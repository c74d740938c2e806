"""Scales: the same problem with instances and limits that are proven, planned with, or large."""

import hashlib
import pickle

import numpy as np
import pytest

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Split, UsageError
from gapsmith.evaluators.catalogue import list_formulations, list_problems, load_problem

SCALED = [name for name in list_problems() if load_problem(name).scales]
BOTH = [(name, scale) for name in SCALED for scale in load_problem(name).scales]


@pytest.mark.parametrize("name", SCALED)
def test_the_usual_scale_is_medium(name):
    """Without a name, a problem is at medium, which has other instances than small."""
    small, usual = load_problem(name), find_problem(name, scale="")
    assert (small.scale, usual.scale) == ("small", "medium")
    assert usual.sizes != small.sizes
    assert small.scale_to("small") is small


@pytest.mark.parametrize(("name", "scale"), BOTH)
def test_a_scale_survives_the_way_to_another_process(name, scale):
    """What arrives has the same instances, limits and words as what was sent."""
    sent = find_problem(name, scale=scale)
    arrived = pickle.loads(pickle.dumps(sent))
    first, same = (each.generate_instances(Split.TRAIN, 3, 1)[0] for each in (sent, arrived))
    assert first.digest == same.digest
    assert first.name == f"{scale}-train-3-1"
    assert arrived.scale == scale
    assert arrived.description == sent.description
    assert arrived.compute_cpu_limit(first) == sent.compute_cpu_limit(first)


@pytest.mark.parametrize(("name", "scale"), BOTH)
def test_a_scale_fits_a_planner(name, scale):
    """Medium allows a tenth of a second to one second of CPU, large one to ten."""
    problem = load_problem(name).scale_to(scale)
    least, most = (0.1, 1.0) if scale == "medium" else (1.0, 10.0)
    instance = problem.generate_instances(Split.TEST, count=1)[0]
    assert least <= problem.compute_cpu_limit(instance) <= most
    assert all(count >= len(problem.strata) for count in problem.counts.values())


@pytest.mark.parametrize(("name", "scale"), BOTH)
def test_the_story_follows_the_scale(name, scale):
    """A prompt at a scale tells other sizes than at small, and the same rules."""
    small = load_problem(name)
    scaled = small.scale_to(scale)
    assert scaled.story != small.story
    assert scaled.brief == small.brief
    assert scaled.story in scaled.description


def test_an_unknown_scale_is_told_with_the_nearest_one():
    """A misspelt scale names those there are."""
    with pytest.raises(UsageError, match=r"did you mean 'medium'\? \(known: small, medium, large\)"):
        find_problem("tsp", scale="meduim")


def test_a_problem_without_scales_has_small_alone():
    """Formulations and problems of users are as they are, unless another scale is asked for."""
    name = list_formulations()[0]
    assert find_problem(name, scale="").scale == find_problem(name).scale == "small"
    with pytest.raises(UsageError, match=r"known: small\)"):
        find_problem(name, scale="medium")


STREAMS = {
    "independent_set": "cee5887b25bed53c",
    "job_shop": "042b30efdf57ef4a",
    "market_split": "f81ed90fdd40cc7b",
    "multidimensional_knapsack": "ece142af7101300a",
    "online_bin_packing": "7da153081dd9d036",
    "parallel_machines": "815651f4a5e159d9",
    "permutation_flow_shop": "5967488bd19ed6ea",
    "quadratic_assignment": "146a598ffda7c7bd",
    "rcpsp": "a56c36fddcfe2de9",
    "single_machine_tardiness": "fe270edd2ae7db0d",
    "single_machine_weighted_tardiness": "2d0cd357ecce3e53",
    "tsp": "bab0b9e5bbf4abf7",
}


def hash_stream(name):
    """Hashes the first instances of every split."""
    problem, digest = load_problem(name), hashlib.sha256()
    for split in Split:
        for instance in problem.generate_instances(split, 1, 4):
            digest.update(repr((instance.name, instance.stratum, instance.digest)).encode())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("name", list_problems())
def test_small_instances_stay_as_they_were(name):
    """The streams of small are bit-identical to those of the first release: old figures can be repeated."""
    assert hash_stream(name) == STREAMS[name]


def test_a_scaled_stream_is_reproducible():
    """Equal seeds give equal instances at every scale."""
    first, second = (
        find_problem("tsp", scale="medium").generate_instances(Split.TEST, 7, 2) for _ in range(2)
    )
    assert all(
        np.array_equal(a.data["distance"], b.data["distance"]) for a, b in zip(first, second, strict=True)
    )
