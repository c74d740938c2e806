"""Landlock in a forked process: what lies in the named folders can be read, and nothing else."""

import os
import sys
from pathlib import Path

import pytest

from gapsmith.sandbox.isolation import kernel, landlock


def is_available():
    """Tells whether the kernel has the interface."""
    try:
        return landlock.read_version() > 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not is_available(), reason="the kernel has no Landlock"
)


@pytest.fixture
def folders(tmp_path):
    """A folder to allow, with installed packages inside it, and one beside it."""
    for name in ("allowed/deep", "allowed/site-packages/numpy", "other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("text")
    return tmp_path


def restricted(folder, attempt):
    """Runs an attempt in a fork under Landlock; returns whether it succeeded."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            kernel.forbid_new_privileges()
            landlock.restrict([str(folder)])
            code = 1
            attempt()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code != 2, "the restriction itself failed"
    return code == 0


def test_files_in_an_allowed_folder_are_read(folders):
    """At any depth."""
    assert restricted(folders / "allowed", (folders / "allowed/deep/file").read_text)
    assert restricted(folders / "allowed", lambda: os.listdir(folders / "allowed"))


def test_no_other_file_is_read(folders):
    """Neither beside the folder nor above it, nor of the system."""
    for path in (folders / "other/file", Path("/etc/passwd")):
        assert not restricted(folders / "allowed", path.read_text)
    assert not restricted(folders / "allowed", lambda: os.listdir(folders))


def test_installed_packages_inside_an_allowed_folder_are_not_read(folders):
    """They are other people's code, and more than was named."""
    assert not restricted(folders / "allowed", (folders / "allowed/site-packages/numpy/file").read_text)
    named = folders / "allowed/site-packages/numpy"
    assert restricted(named, (named / "file").read_text)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda folder: (folder / "new").write_text("x"),
        lambda folder: (folder / "deep/file").write_text("x"),
        lambda folder: (folder / "deep/file").unlink(),
        lambda folder: (folder / "made").mkdir(),
        lambda folder: (folder / "deep/file").rename(folder / "moved"),
        lambda folder: (folder / "link").symlink_to("/"),
        lambda folder: os.mkfifo(folder / "pipe"),
    ],
)
def test_nothing_is_written_even_where_it_may_be_read(folders, attempt):
    """No file is made, changed, moved or removed in an allowed folder."""
    allowed = folders / "allowed"
    before = sorted(allowed.rglob("*"))
    assert not restricted(allowed, lambda: attempt(allowed))
    assert sorted(allowed.rglob("*")) == before
    assert (allowed / "deep/file").read_text() == "text"
    attempt(allowed)  # without the restriction it succeeds: the test is able to fail


def test_a_restriction_holds_for_forks(folders):
    """A child of the restricted process reads no more than its parent."""

    def attempt():
        pid = os.fork()
        if pid == 0:
            try:
                (folders / "other/file").read_text()
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
            raise PermissionError

    assert not restricted(folders / "allowed", attempt)


def test_a_folder_that_is_not_there_is_an_error(folders):
    """A missing folder is no reason to go on with fewer."""
    with pytest.raises(FileNotFoundError):
        landlock._allow(0, str(folders / "missing"), 4)
