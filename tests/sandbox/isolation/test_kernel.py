"""What the kernel itself says of a guest's privileges, read from outside."""

import errno
import os
import sys
from pathlib import Path

import pytest

from gapsmith.sandbox import Level, Sandbox
from gapsmith.sandbox.isolation import kernel
from gapsmith.sandbox.isolation.lockdown import LAYERS, NAMESPACES, RLIMITS, SECCOMP, UID
from gapsmith.sandbox.watch import _read_pid

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has capabilities")
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def status_of_child(layers):
    """Reads what the kernel says of a waiting child, by the host's own number of the process."""
    with Sandbox("numpy", Level.L0, slot=0, layers=layers) as box:
        spare = box._zygote.take()
        try:
            lines = Path(f"/proc/{_read_pid(spare._watch)}/status").read_text().splitlines()
        finally:
            spare.close()
        return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("off", [set(), {NAMESPACES}, {UID}, {UID, NAMESPACES}, {SECCOMP}])
def test_a_child_has_no_capability_and_no_way_to_one(off):
    """Every set is empty, the bounding set too, and `exec` gains nothing."""
    status = status_of_child(LAYERS - off)
    found = {name: int(status[name][0], 16) for name in CAPABILITIES}
    if os.geteuid() != 0 and NAMESPACES in off:
        del found["CapBnd"]  # A normal user has no right to drop it, and no capability either.
    assert not any(found.values()), found
    assert status["NoNewPrivs"] == ["1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to keep")
def test_the_kernel_shows_capabilities_that_are_kept():
    """With no layer on, root's capabilities are there: the test above is able to fail."""
    status = status_of_child({RLIMITS})
    assert int(status["CapBnd"][0], 16) > 0
    assert int(status["CapEff"][0], 16) > 0


def test_a_child_belongs_to_another_user():
    """A sandbox of root's runs as a user of its own, with no other groups."""
    if os.geteuid() != 0:
        pytest.skip("only root can change its user")
    status = status_of_child(LAYERS)
    assert "0" not in {*status["Uid"], *status["Gid"]}
    assert status["Groups"] == []


def test_an_unknown_system_call_is_an_error():
    """A name that the tables lack is ENOSYS, and is not passed to the kernel."""
    with pytest.raises(OSError, match="no_such_call") as caught:
        kernel.call("no_such_call")
    assert caught.value.errno == errno.ENOSYS


def test_an_error_of_the_kernel_is_raised_with_its_number():
    """A refused call is an OSError that names the call."""
    with pytest.raises(OSError, match="pivot_root") as caught:
        kernel.call("pivot_root", b"/no/such/place", b"/no/such/place")
    assert caught.value.errno in (errno.ENOENT, errno.EPERM, errno.EINVAL)


def test_an_unknown_option_of_prctl_is_an_error():
    """What the kernel refuses is not passed over."""
    with pytest.raises(OSError, match="prctl 999999"):
        kernel.prctl(999_999)
