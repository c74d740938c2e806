"""What is put on, what is refused and why, and that no two sandboxes of a machine share a user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.sandbox.isolation import probes
from gapsmith.sandbox.isolation.lockdown import LAYERS, NAMESPACES, SECCOMP, Enclosure, derive_user_number

PARTS = ("network", "processes", "ipc", "private_root")
proofs_of = st.fixed_dictionaries(
    {part: st.tuples(st.booleans(), st.text(max_size=5)) for part in (*PARTS, SECCOMP)}
)


def refuse():
    """Fails as the kernel does."""
    raise OSError(1, "Operation not permitted")


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_a_layer_is_put_on_if_wanted(layer):
    """It is noted where the work succeeds, and only there."""
    enclosure, done = Enclosure(), []
    enclosure.attempt(layer, LAYERS, lambda: done.append(layer))
    assert (enclosure.applied, enclosure.refused, done) == ({layer}, {}, [layer])


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_a_layer_that_is_not_wanted_is_not_tried(layer):
    """Its work is not done, and the reason is that it is switched off."""
    enclosure = Enclosure()
    enclosure.attempt(layer, LAYERS - {layer}, lambda: pytest.fail("was tried"))
    assert (enclosure.applied, enclosure.refused) == (set(), {layer: "switched off"})


def test_a_refusal_of_the_kernel_is_kept_with_its_words():
    """A layer that cannot be put on ends nothing, and its reason is there."""
    enclosure = Enclosure()
    enclosure.attempt(SECCOMP, LAYERS, refuse)
    assert enclosure.applied == set()
    assert "Operation not permitted" in enclosure.refused[SECCOMP]


def test_an_earlier_reason_is_kept():
    """A layer that broke in the zygote before says why it broke, not that it is off now."""
    enclosure = Enclosure(refused={NAMESPACES: "uid_map: refused"})
    enclosure.attempt(NAMESPACES, LAYERS - {NAMESPACES}, refuse)
    assert enclosure.refused[NAMESPACES] == "uid_map: refused"


def test_other_errors_are_not_refusals():
    """A fault of our own is no property of the machine: it is raised."""

    def fault():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        Enclosure().attempt(SECCOMP, LAYERS, fault)


@given(st.integers(1, 4_194_304), st.integers(0, 63), st.integers(1, 4_194_304), st.integers(0, 63))
def test_slots_and_hosts_have_users_of_their_own(host, slot, other, another):
    """Different slots of one host, and hosts whose numbers differ in their 21 bits, never share a number."""
    same = (host % 2**21, slot) == (other % 2**21, another)
    assert (derive_user_number(host, slot) == derive_user_number(other, another)) == same


@given(st.integers(0, 2**40), st.integers(0, 2**20))
def test_user_numbers_stay_in_their_range(host, slot):
    """Whatever the numbers, there is room for them below the end of signed ids."""
    assert 0 <= derive_user_number(host, slot) < 2**27
    assert 1_879_100_000 + derive_user_number(host, slot) < 2**31


@given(proofs_of)
def test_namespaces_hold_where_all_their_parts_do(proofs):
    """One part that fails is enough to deny the whole, and its proof is in the words."""
    found = probes.combine_proofs(proofs, {})
    holds, text = found[NAMESPACES]
    assert holds == all(proofs[part][0] for part in PARTS)
    assert all(proofs[part][1] in text for part in PARTS)
    assert {part: found[part] for part in proofs} == proofs


@given(proofs_of)
def test_a_refused_layer_never_counts_as_proven(proofs):
    """What was not put on does not hold, whatever a probe saw, and the reason is in its words."""
    found = probes.combine_proofs(proofs, {SECCOMP: "no table", NAMESPACES: "not allowed"})
    assert found[SECCOMP] == (False, f"{proofs[SECCOMP][1]} (no table)")
    assert found[NAMESPACES][1] == "not allowed"


def test_a_probe_that_dies_proves_nothing():
    """Its layer counts as missing, and so do those that would have come after it."""

    def die():
        raise SystemExit

    found = probes._run_in_child({"one": lambda: (True, "held"), "two": die, "three": lambda: (True, "held")})
    assert found["one"] == (True, "held")
    assert found["two"] == found["three"] == (False, "the probe died")


@pytest.mark.parametrize(("expected", "holds"), [((), True), ((1,), True), ((1, 13), True), ((13,), False)])
def test_a_refusal_counts_by_its_error(expected, holds):
    """Only the expected error proves the layer: another one may have other reasons."""
    assert probes._expect_refusal(refuse, "it", *expected) == (holds, "it: EPERM")


def test_a_success_is_no_proof():
    """What gets through is named as such."""
    assert probes._expect_refusal(lambda: None, "it", 1) == (False, "it: succeeded")
