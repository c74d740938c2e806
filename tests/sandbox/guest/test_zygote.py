"""What a zygote imports and which folders its children may read."""

import os
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.sandbox.guest import zygote

names = st.sampled_from(["a", "b", "ab", "c"])
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(paths, max_size=8))
def test_outermost_folders_cover_all_and_hold_none_of_each_other(folders):
    """Every folder lies in one that is kept, and no folder that is kept lies in another one."""
    kept = zygote._select_outermost(folders)
    assert set(kept) <= set(folders)
    for folder in folders:
        assert any(folder == other or folder.startswith(other + "/") for other in kept)
    for folder in kept:
        assert not any(folder != other and folder.startswith(other + "/") for other in kept)


@pytest.mark.parametrize(
    ("name", "file", "folder"),
    [
        ("numpy", "/x/numpy/__init__.py", "/x/numpy"),
        ("numpy.linalg", "/x/numpy/linalg/__init__.py", "/x/numpy"),
        ("numpy.linalg.lapack", "/x/numpy/linalg/lapack.so", "/x/numpy"),
        ("google.protobuf.text_format", "/x/google/protobuf/text_format.py", "/x/google"),
        ("six", "/x/six.py", ""),
        ("other", "/x/numpy/__init__.py", ""),
    ],
)
def test_the_folder_of_a_package(name, file, folder):
    """It is the outermost package's; a lone file has none, since its folder holds other packages too."""
    assert zygote._find_top_folder(name, file) == folder


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Puts a module into the table of modules, with a file in some folder."""

    def put(name, *parts):
        file = tmp_path.joinpath(*parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        made = types.ModuleType(name)
        made.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, made)
        return str(file.parent)

    return put


def test_packages_that_were_imported_are_named_with_their_libraries(module, tmp_path):
    """A wheel keeps shared libraries in a folder beside the package."""
    folder = module("oddly", "site-packages", "oddly", "__init__.py")
    (tmp_path / "site-packages" / "oddly.libs").mkdir()
    found = zygote.list_package_folders("/nowhere", [])
    assert folder in found
    assert folder + ".libs" in found


def test_what_was_not_imported_is_not_named(module, tmp_path):
    """Another package in the same folder stays out of reach, and so does the folder of both."""
    module("oddly", "site-packages", "oddly", "__init__.py")
    (tmp_path / "site-packages" / "secret").mkdir()
    found = zygote.list_package_folders("/nowhere", [])
    assert str(tmp_path / "site-packages" / "secret") not in found
    assert str(tmp_path / "site-packages") not in found


def test_a_lone_file_gives_no_folder(module, tmp_path):
    """The folder of a module that is one file would open all that lies beside it."""
    module("oddly", "site-packages", "oddly.py")
    assert not any(folder.startswith(str(tmp_path)) for folder in zygote.list_package_folders("/nowhere", []))


def test_our_own_folders_are_not_named(module, tmp_path):
    """Neither the sandbox's, nor that of any other module of ours."""
    module("gapsmith.oddly", "gapsmith", "oddly", "__init__.py")
    module("oddly", "room", "oddly", "__init__.py")
    found = zygote.list_package_folders(str(tmp_path / "room"), [])
    assert not any(folder.startswith(str(tmp_path)) for folder in found)


def test_a_folder_that_is_readable_already_is_not_named_again(module, tmp_path):
    """What lies in the standard library is read with it, but for its folder of installed packages."""
    inside = module("oddly", "lib", "oddly", "__init__.py")
    foreign = module("strangely", "lib", "site-packages", "strangely", "__init__.py")
    found = zygote.list_package_folders("/nowhere", [str(tmp_path / "lib")])
    assert inside not in found
    assert foreign in found


def test_the_stand_in_for_pandas_is_enough_for_type_checks():
    """Its classes can be asked about and are never what a program has."""
    pandas = zygote._make_pandas()
    assert not isinstance([], pandas.Index)
    assert not isinstance({}, pandas.Series)


def test_a_trusted_package_gives_no_other_module_away(monkeypatch, tmp_path):
    """The named modules are there; what else lies in the folder cannot be imported later."""
    for name in ("wanted", "other"):
        (tmp_path / f"{name}.py").write_text(f"name = {name!r}\n")
    (tmp_path / "__init__.py").write_text("raise RuntimeError('is not run')\n")
    for name in ("trusted_here", "trusted_here.wanted"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    zygote.preload_trusted({"trusted_here": str(tmp_path)}, ["trusted_here.wanted"])
    try:
        assert sys.modules["trusted_here.wanted"].name == "wanted"
        with pytest.raises(ModuleNotFoundError):
            __import__("trusted_here.other")
    finally:
        for name in ("trusted_here", "trusted_here.wanted"):
            sys.modules.pop(name, None)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no handles on processes")
def test_a_handle_on_a_process_is_one(monkeypatch):
    """It can be polled; where there is none, the answer is -1 and no error."""
    handle = zygote._open_handle(os.getpid())
    assert handle >= 0
    os.close(handle)
    assert zygote._open_handle(2**30) == -1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert zygote._open_handle(os.getpid()) == -1
