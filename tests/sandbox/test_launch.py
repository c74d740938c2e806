"""The host's side of a zygote: where packages are, what a death says, and that no process is left behind."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import numpy
import pytest

from gapsmith.sandbox import Preload, SandboxError
from gapsmith.sandbox.guest.zygote import PRELOAD
from gapsmith.sandbox.isolation.lockdown import LAYERS
from gapsmith.sandbox.launch import Death, Spare, Zygote, ZygoteDied, find_package_folders

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="handles on processes are Linux's")


@pytest.fixture
def zygote():
    """A zygote with all layers that there are."""
    found = Zygote(Preload("numpy"), LAYERS, 0, {})
    yield found
    found.close()


def take_three(zygote):
    """Takes more children than can have been waiting, and closes them."""
    for _ in range(3):
        zygote.take().close()


@pytest.mark.parametrize("name", sorted(PRELOAD))
def test_folders_of_a_preload_hold_its_packages(name):
    """Each package that is imported beforehand lies in one of the folders, and no folder is named twice."""
    found = find_package_folders(name)
    assert len(found) == len(set(found))
    for package in {module.split(".")[0] for module in PRELOAD[name]}:
        assert any((Path(folder) / package).is_dir() for folder in found)
    assert str(Path(numpy.__file__).parents[1]) in found


def test_an_unknown_preload_names_the_known_ones():
    """The message helps to choose."""
    with pytest.raises(SandboxError) as caught:
        find_package_folders("torch")
    assert all(name in str(caught.value) for name in PRELOAD)


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(PRELOAD, "odd", ("no_such_package_here",))
    with pytest.raises(SandboxError, match="pip install no_such_package_here"):
        find_package_folders("odd")


@pytest.mark.parametrize(
    ("status", "killed"), [(signal.SIGKILL, True), (signal.SIGTERM, False), (9 << 8, False), (0, False)]
)
def test_a_kill_is_told_from_other_ends(status, killed):
    """An exit code of nine is no ninth signal."""
    assert Death(status, 0.0, 0).killed is killed


def test_each_child_is_a_process_of_its_own(zygote):
    """Spare children are taken one by one, and every death is reported once with its status."""
    spares = [zygote.take() for _ in range(3)]
    try:
        assert len({spare.name for spare in spares}) == 3
        for spare in spares:
            assert not spare.has_ended(0.0) or sys.platform != "linux"
            spare.kill()
            death = zygote.await_death(spare, 10.0)
            assert death is not None
            assert death.killed
            assert spare.has_ended(5.0)
            spare.kill()  # again: a process that has ended is no error
    finally:
        for spare in spares:
            spare.close()


def test_a_living_child_has_no_death(zygote):
    """The wait ends, and the child lives on."""
    spare = zygote.take()
    begin = time.monotonic()
    assert zygote.await_death(spare, 0.1) is None
    assert time.monotonic() - begin < 5
    spare.kill()
    assert zygote.await_death(spare, 10.0) is not None
    spare.close()


def test_time_of_children_is_counted(zygote):
    """After a death the account holds the zygote's own time and the child's."""
    before = zygote.spent_seconds
    spare = zygote.take()
    spare.kill()
    assert zygote.await_death(spare, 10.0) is not None
    spare.close()
    assert zygote.spent_seconds > before


@LINUX
def test_closing_ends_children(zygote):
    """Neither the zygote nor a child that waits outlives it."""
    spare = zygote.take()
    assert not spare.has_ended(0.0)
    zygote.close()
    assert spare.has_ended(5.0)
    spare.close()
    with pytest.raises((ZygoteDied, OSError)):
        zygote.take()


@LINUX
def test_a_killed_zygote_is_noticed(zygote):
    """Its death is an error of the sandbox's, and its children go with it."""
    spare = zygote.take()
    zygote._process.kill()
    zygote._process.wait()
    with pytest.raises(ZygoteDied):
        take_three(zygote)
    assert spare.has_ended(5.0)
    spare.close()


def test_a_spare_gives_its_descriptors_back():
    """All of them, once."""
    ours, theirs = socket.socketpair()
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    spare = Spare(os.getpid(), [ours.detach(), out, err])
    spare.close()
    for descriptor in (out, err):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    theirs.close()
    for descriptor in (out_end, err_end):
        os.close(descriptor)
