"""Bin packing instances survive both of their formats, and what is broken is refused with its place."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Instance
from gapsmith.evaluators.problems.online_bin_packing.reader import read
from gapsmith.evaluators.reading import MAX_TIME

CASES = st.lists(
    st.integers(1, 200).flatmap(
        lambda capacity: st.tuples(
            st.just(capacity), st.lists(st.integers(1, capacity), min_size=1, max_size=12)
        )
    ),
    min_size=1,
    max_size=4,
)
"""Capacity and sizes of one instance or several."""


def library_text(cases, unit=1, end="\n"):
    """OR-Library's format: names, a line of capacity, count and best, then the sizes; in tenths where asked for."""
    lines = [str(len(cases))]
    for number, (capacity, items) in enumerate(cases):
        lines += [f" u{number}", f" {Decimal(capacity) / unit} {len(items)} 0"]
        lines += [str(Decimal(item) / unit) for item in items]
    return end.join(lines) + end


def data_of(instances):
    """Capacity and sizes of instances as plain numbers."""
    return [(int(each.data["capacity"]), each.data["items"].tolist()) for each in instances]


@settings(max_examples=40)
@given(CASES, st.sampled_from(["\n", "\r\n", " "]))
def test_text_survives(tmp_path_factory, cases, end):
    """Capacities and sizes come back; several instances are numbered from 1, one has the name of the file."""
    path = tmp_path_factory.mktemp("bins") / "drawn.txt"
    path.write_bytes(library_text(cases, end=end).encode())
    found = read(path)
    assert data_of(found) == cases
    assert [each.name for each in found] == (
        ["drawn"] if len(cases) == 1 else [f"drawn-{k + 1}" for k in range(len(cases))]
    )


@settings(max_examples=40)
@given(CASES)
def test_json_survives(tmp_path_factory, cases):
    """FunSearch's objects come back in their order, with or without a count of items."""
    content = {
        f"case {k}": {"capacity": capacity, "items": items} | ({"num_items": len(items)} if k % 2 else {})
        for k, (capacity, items) in enumerate(cases)
    }
    path = tmp_path_factory.mktemp("bins") / "drawn.json"
    path.write_text(json.dumps(content, indent=1))
    assert data_of(read(path)) == cases


@settings(max_examples=40)
@given(CASES, st.sampled_from([10, 1000]))
def test_decimals_are_taken_in_the_smallest_unit(tmp_path_factory, cases, unit):
    """Sizes as decimals describe the same instance: each is the same part of the capacity as before."""
    path = tmp_path_factory.mktemp("bins") / "drawn.txt"
    path.write_text(library_text(cases, unit))
    for (capacity, items), (read_capacity, read_items) in zip(cases, data_of(read(path)), strict=True):
        assert read_capacity <= unit * capacity
        assert [item * read_capacity for item in items] == [item * capacity for item in read_items]


@settings(max_examples=40)
@given(CASES)
def test_both_formats_give_equal_instances(tmp_path_factory, cases):
    """The same data has the same digest whatever file it came in."""
    folder = tmp_path_factory.mktemp("bins")
    (folder / "a.txt").write_text(library_text(cases))
    named = {str(k): {"capacity": capacity, "items": items} for k, (capacity, items) in enumerate(cases)}
    (folder / "a.json").write_text(json.dumps(named))
    texts, objects = read(folder / "a.txt"), read(folder / "a.json")
    made = [Instance("made", {"items": np.array(items), "capacity": capacity}) for capacity, items in cases]
    assert [i.digest for i in texts] == [i.digest for i in objects] == [i.digest for i in made]


@settings(max_examples=40)
@given(CASES, st.data())
def test_text_with_a_number_less_or_more_is_refused(tmp_path_factory, cases, data):
    """No file that lacks a size, or has one more at its end, is read."""
    lines = library_text(cases).splitlines()
    sizes = [k for k, line in enumerate(lines) if k and line[0] != " "]
    place = data.draw(st.sampled_from(sizes))
    path = tmp_path_factory.mktemp("bins") / "broken.txt"
    for broken in ([*lines[:place], *lines[place + 1 :]], [*lines, "1"]):
        path.write_text("\n".join(broken))
        with pytest.raises(GapsmithError, match=r"broken\.txt, line \d+"):
            read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": {"capacity": 9, "items": [1]}, "a": {"capacity": 9, "items": [2]}}', "'a' occurs twice"),
        ('{"a": {"capacity": 9, "items": []}}', "found items a list"),
        ('{"a": {"capacity": 9, "items": {"1": 2}}}', "found items a dict"),
        ('{"a": {"capacity": 9, "items": [[1]]}}', "item 1 is a list"),
        ('{"a": {"capacity": 9, "items": ["1"]}}', "item 1 is '1'"),
        ('{"a": {"capacity": 9, "items": [true]}}', "item 1 is True"),
        ('{"a": {"capacity": 9, "items": [1, 0]}}', "item 2 is 0"),
        ('{"a": {"capacity": 0, "items": [1]}}', "found capacity '0'"),
        ('{"a": {"items": [1]}}', "found capacity 'None'"),
        (f'{{"a": {{"capacity": {MAX_TIME + 1}, "items": [1]}}}}', f"from 1 to {MAX_TIME}"),
        ("{}", "found a dict; expected an object of instances by name"),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_json_that_is_no_instance_is_refused(tmp_path, text, words):
    """The complaint names the instance and shows what was found, shortened."""
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(GapsmithError) as trouble:
        read(path)
    assert words in str(trouble.value)
    assert len(str(trouble.value)) < 500


def test_long_values_are_shortened(tmp_path):
    """A name and a value of thousands of letters do not fill the message."""
    path = tmp_path / "long.json"
    path.write_text(json.dumps({"n" * 5000: {"capacity": "c" * 5000, "items": [1]}}))
    with pytest.raises(GapsmithError) as trouble:
        read(path)
    assert len(str(trouble.value)) < len(str(path)) + 300
