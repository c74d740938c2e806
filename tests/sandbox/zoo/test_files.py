"""Attacks on files: reading what is secret, changing what is there."""

import os
from pathlib import Path

import pytest

from gapsmith.sandbox import Ending, Level


@pytest.mark.layered
def test_reading_the_passwords(guest):
    """The list of users cannot be read."""
    assert guest.refuses("return open('/etc/passwd').read(4)")


@pytest.mark.layered
def test_reading_a_secret(guest):
    """A file of the host's cannot be read, though everybody may."""
    assert guest.refuses("return open(path).read()", path=str(guest.secret))


@pytest.mark.layered
def test_reading_the_project(guest):
    """The system's own files, optima among them, cannot be read."""
    import gapsmith.evaluators.base as base

    assert guest.refuses("return open(path).read(4)", path=base.__file__)


@pytest.mark.layered
def test_reading_by_another_call(guest):
    """The newer way to open a file is refused as well."""
    body = "how = (ctypes.c_uint64 * 3)(0, 0, 0)\nreturn syscall((437, 437), -100, path.encode(), how, 24)"
    assert guest.refuses(body, path=str(guest.secret))


@pytest.mark.layered
def test_reading_through_a_relative_path(guest):
    """Climbing out of the root ends in the root."""
    path = "../" * 30 + str(guest.secret).lstrip("/")
    assert guest.refuses("return open(path).read()", path=path)


@pytest.mark.layered
@pytest.mark.parametrize("path", ["environ", "mem", "maps", "cmdline", "fd/0", "root/etc/passwd"])
def test_reading_process_files(guest, path):
    """The kernel's files on processes, the own one's included, cannot be opened."""
    assert guest.refuses("return len(open(path, 'rb').read(1) or 'x')", path=f"/proc/self/{path}")


@pytest.mark.layered
@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/tty"])
def test_opening_devices(guest, path):
    """Devices cannot be opened."""
    if not os.access(path, os.R_OK) or path == "/dev/tty":
        path = "/dev/null"
    assert guest.refuses("return os.open(path, os.O_RDONLY)", path=path)


@pytest.mark.layered
def test_listing_the_root(guest):
    """The root cannot be listed."""
    assert guest.refuses("return os.listdir('/')[0]")


@pytest.mark.layered
def test_looking_at_metadata(guest):
    """Whether a file of the host's exists cannot be found out."""
    guest.needs(Level.L4)
    assert guest.refuses("return os.stat(path).st_size", path=str(guest.secret))


@pytest.mark.layered
def test_writing_a_file(guest):
    """No file can be made."""
    path = guest.folder / "made"
    assert guest.refuses("open(path, 'w').write('x')", path=str(path))
    assert not path.exists()


@pytest.mark.layered
def test_changing_a_file(guest):
    """No file can be written to."""
    assert guest.refuses("os.write(os.open(path, os.O_RDWR), b'')", path=str(guest.secret))
    assert guest.secret.read_text() == "the optimum is 42"


@pytest.mark.layered
@pytest.mark.parametrize(
    "body",
    [
        pytest.param("os.mkdir(folder + '/made'); os.rmdir(folder + '/made')", id="mkdir"),
        pytest.param("os.rename(folder + '/secret', folder + '/secret')", id="rename"),
        pytest.param("os.chmod(folder + '/secret', 0o666)", id="chmod"),
        pytest.param("os.chown(folder + '/secret', -1, -1)", id="chown"),
        pytest.param("os.truncate(folder + '/secret', 17)", id="truncate"),
        pytest.param("os.symlink('x', folder + '/link'); os.unlink(folder + '/link')", id="symlink"),
        pytest.param("os.link(folder + '/secret', folder + '/link'); os.unlink(folder + '/link')", id="link"),
        pytest.param("os.utime(folder + '/secret')", id="utime"),
        pytest.param("os.mkfifo(folder + '/fifo'); os.unlink(folder + '/fifo')", id="mkfifo"),
        pytest.param("os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))", id="unnamed"),
        pytest.param("os.close(os.open(folder + '/secret', os.O_RDONLY | os.O_APPEND))", id="append"),
        pytest.param("os.chdir(folder)", id="chdir"),
    ],
)
def test_changing_the_file_system(guest, body):
    """Nothing in the file system can be changed, and nowhere be gone to."""
    assert guest.refuses(body, folder=str(guest.folder))
    assert guest.secret.read_text() == "the optimum is 42"


@pytest.mark.layered
def test_deleting_a_file(guest):
    """No file can be deleted."""
    victim = guest.folder / "victim"
    victim.touch()
    assert guest.refuses("os.unlink(path)", path=str(victim))
    assert victim.exists()


def test_changing_the_library(guest):
    """The standard library and numpy are read-only, so that nothing is left for the next candidate."""
    import numpy

    for path in (os.__file__, numpy.__file__):
        assert guest.refuses("os.close(os.open(path, os.O_WRONLY))", path=path)
        assert guest.refuses("os.unlink(path)", path=path + ".missing")


@pytest.mark.parametrize(
    "name", ["pytest", "hypothesis", "pip", "sqlmodel", "gapsmith.agent", "gapsmith.evaluators"]
)
def test_importing_what_was_not_named(guest, name):
    """Packages that were not named cannot be imported, ours included."""
    outcome = guest.attack(f"import {name}\nreturn 1")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "ModuleNotFoundError" in outcome.message


def test_importing_the_host_side(guest):
    """The host's side of this room cannot be imported."""
    outcome = guest.attack("import gapsmith.sandbox.host\nreturn 1")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION


def test_importing_what_is_allowed(guest):
    """Numpy and the usual standard library can be imported, in every mode."""
    body = """
import numpy, heapq, itertools, math, random, dataclasses, collections, functools, bisect, statistics
import numpy.linalg, numpy.fft, decimal, datetime
return float(numpy.linalg.norm([3.0, 4.0]))
"""
    assert guest.attack(body).answers[0].value == 5.0


def test_importing_lazily(full_guest):
    """Where files are guarded by layers, modules that nobody preloaded can be imported."""
    full_guest.needs(Level.L3)
    assert full_guest.attack("import colorsys, sched\nreturn 1").ending is Ending.OK


def test_inherited_descriptors(guest):
    """A program holds its input, its two outputs and its channel, and no other descriptor."""
    body = """
held = []
for number in range(1024):
    try:
        os.lseek(number, 0, os.SEEK_CUR)
        held.append(number)
    except OSError as error:
        if error.errno != errno.EBADF: held.append(number)
return held
"""
    assert guest.attack(body).answers[0].value == [0, 1, 2, 3]


@pytest.mark.layered
def test_descriptor_bomb(guest):
    """Descriptors run out soon."""
    body = """
held = 0
try:
    while held < 200:
        os.dup(0); held += 1
except OSError:
    pass
return held
"""
    assert guest.attack(body).answers[0].value < 32


def test_working_folder_is_the_root(guest):
    """The working folder tells nothing, or cannot be asked for."""
    assert guest.tries("return os.getcwd()") in {"/", "EPERM"}


def test_secret_survives(guest):
    """After all that, the secret is what it was."""
    assert Path(guest.secret).read_text() == "the optimum is 42"
