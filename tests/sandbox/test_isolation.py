"""Levels: what each layer adds up to, that probes tell the truth, and when the sandbox refuses to open."""

import os
import subprocess
import sys

import pytest

from gapsmith.sandbox import Job, Level, Sandbox, SandboxError, host, open_sandbox, probe_isolation
from gapsmith.sandbox.isolation.levels import Isolation, derive_level, read_report, require
from gapsmith.sandbox.isolation.lockdown import LANDLOCK, LAYERS, NAMESPACES, RLIMITS, SECCOMP, LayerFailed

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has layers to prove")
ALL = dict.fromkeys([*LAYERS, "privileges"], True)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((), Level.L4),
        ((NAMESPACES,), Level.L3),
        ((LANDLOCK,), Level.L3),
        (("privileges",), Level.L3),
        ((NAMESPACES, LANDLOCK), Level.L2),
        ((SECCOMP,), Level.L1),
        ((NAMESPACES, LANDLOCK, SECCOMP), Level.L1),
        ((RLIMITS,), Level.L0),
    ],
)
def test_levels(lost, expected):
    """Each level is what the proven layers make, and no more."""
    assert derive_level(ALL | dict.fromkeys(lost, False)) is expected


@LINUX
@pytest.mark.parametrize(
    ("off", "most"),
    [
        (set(), Level.L4),
        ({NAMESPACES}, Level.L3),
        ({NAMESPACES, LANDLOCK}, Level.L2),
        ({SECCOMP}, Level.L1),
        ({RLIMITS}, Level.L0),
    ],
)
def test_probes_notice_what_is_missing(off, most):
    """With layers switched off the probes get through, and the level is lower."""
    with Sandbox("numpy", Level.L0, slot=0, layers=LAYERS - off) as box:
        assert box.level <= most
        for layer in off:
            assert not box.isolation.layers[layer]
            assert "switched off" in box.isolation.proofs[layer]
        assert box.run(Job(source="def f(): return 1", entry="f", calls=({},))).level is box.level


@LINUX
def test_probes_name_what_got_through():
    """Where nothing protects, the proofs say that the forbidden thing succeeded."""
    with Sandbox("numpy", Level.L0, slot=0, layers=()) as box:
        proofs = box.isolation.proofs
        assert box.level is Level.L0
        for name in ("network", "private_root", SECCOMP, LANDLOCK):
            assert "succeeded" in proofs[name]


@LINUX
def test_a_machine_with_all_layers_is_strong():
    """Linux gives a level of at least L2, with a proof for every layer."""
    found = probe_isolation()
    assert found.level >= Level.L2
    assert set(found.layers) == set(found.proofs)
    assert {NAMESPACES, LANDLOCK, SECCOMP, RLIMITS} <= set(found.layers)
    assert found.level.name in found.word


@LINUX
def test_layer_that_breaks_half_way(monkeypatch):
    """A layer that the kernel grants and then takes back is left out, and the reason is told."""
    real = host.Zygote

    def broken(preload, layers, slot, refused):
        if NAMESPACES in layers:
            raise LayerFailed(NAMESPACES, "uid_map: Operation not permitted")
        return real(preload, layers, slot, refused)

    monkeypatch.setattr(host, "Zygote", broken)
    with Sandbox("numpy", Level.L0, slot=0) as box:
        assert box.level <= Level.L3
        assert "uid_map" in box.isolation.proofs[NAMESPACES]


def test_refusal_below_the_minimum():
    """Weaker isolation than asked for is refused in one line that names the way out."""
    with pytest.raises(SandboxError, match="--allow-weak-isolation") as caught:
        Sandbox("numpy", Level.L2, slot=0, layers={RLIMITS})
    assert "\n" not in str(caught.value)
    assert "L1" in str(caught.value)


def test_minimum_that_is_met():
    """The level that is there is no reason to refuse."""
    require(Isolation(Level.L2, {}, {}, "isolation L2"), Level.L2)


def test_macos_is_told_in_words(monkeypatch):
    """On macOS the level is L1, and the word says what that means."""
    monkeypatch.setattr(sys, "platform", "darwin")
    layers = {name: [name == RLIMITS, "tried"] for name in [*LAYERS, "privileges"]}
    found = read_report({"proofs": layers})
    assert found.level is Level.L1
    assert "macOS" in found.word


def test_import_needs_nothing_of_linux():
    """The room can be imported where the system calls' numbers are unknown and the platform is another."""
    code = (
        "import sys, platform; sys.platform = 'darwin'; platform.machine = lambda: 'arm64'; "
        "import gapsmith.sandbox, gapsmith.sandbox.guest.zygote, gapsmith.sandbox.isolation.kernel as k\n"
        "try: k.call('unshare', 0)\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {}, check=True
    )
    assert "darwin" in done.stdout


def test_unknown_preload():
    """An unknown preload is refused with the known ones."""
    with pytest.raises(SandboxError, match="numpy, ortools"):
        open_sandbox("pandas")


def test_standard_library_alone():
    """The room imports nothing but the standard library and itself."""
    code = "import sys, gapsmith.sandbox\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True
    )
    foreign = set(done.stdout.split()) - sys.stdlib_module_names - {"gapsmith", "__main__", "sitecustomize"}
    assert {name for name in foreign if not name.startswith("_")} == set()


def _with_path(code):
    import gapsmith.sandbox

    room = os.path.dirname(gapsmith.sandbox.__file__)
    return (
        "import sys, types, importlib.util\n"
        "house = types.ModuleType('gapsmith'); house.__path__ = []; sys.modules['gapsmith'] = house\n"
        f"spec = importlib.util.spec_from_file_location('gapsmith.sandbox', {room + '/__init__.py'!r}, "
        f"submodule_search_locations=[{room!r}])\n"
        "module = importlib.util.module_from_spec(spec); sys.modules['gapsmith.sandbox'] = module\n"
        "spec.loader.exec_module(module)\n" + code
    )


def test_level_is_in_every_outcome():
    """An outcome carries the level it was reached under, failures included."""
    with open_sandbox(minimum=Level.L0) as box:
        for source in ("def f(): return 1", "def f(): return 1 / 0"):
            assert box.run(Job(source=source, entry="f", calls=({},))).level is box.level


def test_isolation_is_a_function_of_the_preload():
    """Both kinds of sandbox can be examined."""
    assert probe_isolation("ortools").level is probe_isolation("numpy").level
