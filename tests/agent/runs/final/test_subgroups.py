"""Kinds of instances: which there are, and when a program is surely worse on one of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.runs.final.subgroups import FEWEST, find_subgroups, find_worse
from gapsmith.evaluators.base import Instance


def instances(*classes):
    """So many instances of each class and size: (class, size, count)."""
    return [
        Instance(f"{name}-{size}-{k}", {"x": np.zeros(size)}, name)
        for name, size, count in classes
        for k in range(count)
    ]


def sizes_of(found, some):
    """The sizes in each kind."""
    return {name: {some[place].size for place in places} for name, places in found.items()}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=9)
)
def test_no_instance_is_of_two_kinds(classes):
    """Kinds are of one class each and large enough; a class that is large enough is looked at, whole or in parts."""
    some = instances(*classes)
    found = find_subgroups(some)
    places = [place for each in found.values() for place in each]
    assert len(set(places)) == len(places)
    assert all(len(each) >= FEWEST for each in found.values())
    for name in {name for name, _, _ in classes}:
        inside = [place for place, each in enumerate(some) if each.stratum == name]
        assert set(inside) <= set(places) or len(inside) < FEWEST


def test_every_class_is_cut_at_a_middle_of_its_own():
    """What is large in one class may be small in another."""
    some = instances(("a", 1, 6), ("a", 4, 6), ("b", 40, 6), ("b", 90, 6))
    assert sizes_of(find_subgroups(some), some) == {
        "a, small": {1},
        "a, large": {4},
        "b, small": {40},
        "b, large": {90},
    }


def test_the_middle_is_geometric():
    """Twenty is nearer to a hundred than to one, as ratios have it."""
    some = instances(("a", 1, 6), ("a", 20, 3), ("a", 100, 3))
    assert sizes_of(find_subgroups(some), some) == {"a, small": {1}, "a, large": {20, 100}}


def test_a_class_is_not_cut_into_parts_that_say_nothing():
    """Five small and five large instances are ten of their class."""
    some = instances(("a", 20, 5), ("a", 50, 5))
    assert list(find_subgroups(some)) == ["a"]
    assert find_worse(find_subgroups(some), np.full(10, -1.0)) == "a"


def test_a_loss_must_be_surer_where_more_kinds_are_looked_at():
    """What is beyond chance for one kind is not for one of ten."""
    few, many = instances(("a", 1, 8)), instances(*((name, 1, 8) for name in "abcdefghij"))
    gains = np.array([-1.0, 0.4] * 4)
    assert find_worse(find_subgroups(few), gains) == "a"
    assert find_worse(find_subgroups(many), np.concatenate((gains, np.ones(72)))) == ""


def test_who_is_as_good_is_seldom_found_worse():
    """On four kinds of eight instances, one look in five at most blames chance on a program that is as good."""
    rng = np.random.default_rng(1)
    some = find_subgroups(instances(*((name, 1, 8) for name in "abcd")))
    found = [find_worse(some, rng.normal(size=32)) for _ in range(2000)]
    assert 0.16 < np.mean([bool(each) for each in found]) < 0.21
