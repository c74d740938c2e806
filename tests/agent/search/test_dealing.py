"""Own instances are dealt alike to all parts, whatever their order in the files."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.dealing import deal_instances
from gapsmith.evaluators.base import Instance

SIZES = [1000, 2500, 5000]


def items(size, seed=0, stratum="all"):
    """An instance of so many numbers."""
    return Instance(f"{size}-{seed}", {"p": np.random.default_rng(seed).integers(1, 100, size)}, stratum)


PERIODIC = [items(SIZES[k % 3] // 100, k) for k in range(36)]


@pytest.mark.parametrize(
    "order",
    [lambda each: each, lambda each: sorted(each, key=lambda i: i.size), lambda each: each[::-1]],
    ids=["periodic", "sorted", "reversed"],
)
def test_every_part_has_every_size(order):
    """Files whose sizes are periodic, sorted or grouped give four of each size to each part."""
    for part in deal_instances(order(PERIODIC), 7):
        assert Counter(instance.size for instance in part) == dict.fromkeys((10, 25, 50), 4)


def test_every_part_has_every_magnitude():
    """Large numbers and small ones in instances of one size are spread, too."""
    grouped = [Instance(str(k), {"p": np.full(5, 10 ** (1 + k // 6)) + k}) for k in range(18)]
    for part in deal_instances(grouped, 1):
        assert Counter(int(instance.data["p"][0]) // 10 > 9 for instance in part) == {False: 2, True: 4}


@given(st.integers(0, 99), st.lists(st.integers(1, 4), min_size=4, max_size=40), st.integers(0, 99))
def test_parts_are_disjoint_and_even_and_do_not_know_the_order(seed, sizes, mixing):
    """Each instance is in one part, parts differ by one at most, and a shuffled file is dealt alike."""
    instances = [Instance(str(k), {"p": np.arange(size), "k": k}) for k, size in enumerate(sizes)]
    parts = deal_instances(instances, seed)
    assert sorted(i.name for part in parts for i in part) == sorted(i.name for i in instances)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    shuffled = Random(mixing).sample(instances, len(instances))
    assert [{i.name for i in part} for part in deal_instances(shuffled, seed)] == [
        {i.name for i in part} for part in parts
    ]


def test_seeds_deal_differently():
    """Another seed gives another draw."""
    names = {tuple(i.name for i in deal_instances(PERIODIC, seed)[0]) for seed in range(8)}
    assert len(names) == 8
