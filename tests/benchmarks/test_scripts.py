"""Every benchmark starts, and its help has an example that it understands."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    path
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
    if "ArgumentParser(" in (text := path.read_text("utf-8")) or "options(__doc__" in text
    if '__name__ == "__main__"' in text
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "benchmarks")))
def test_help_has_an_example(monkeypatch, capsys, script):
    """`--help` imports all that the script needs and shows one command, with options that are listed below it."""
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    monkeypatch.delitem(sys.modules, "common", raising=False)  # two folders have one each
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(script), run_name="__main__")
    text = capsys.readouterr().out
    (example,) = [line for line in text.splitlines() if line.startswith("Example: ")]
    _, python, name, *words = shlex.split(example)
    assert (python, name) == ("python", str(script.relative_to(ROOT)))
    listed = text.partition("options:")[2]
    assert all(word in listed for word in words if word.startswith("-"))
    assert not left.value.code


def test_every_script_is_tried():
    """All files are scripts, except those that say that others use them."""
    others = set((ROOT / "benchmarks").rglob("*.py")) - set(SCRIPTS)
    assert {path.name for path in others} == {"common.py", "faulty_server.py", "ledger.py"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "benchmarks")))
def test_every_argument_that_is_used_is_declared(script):
    """What a script takes from its command line is an argument of its parser, or of the one it shares."""
    text, shared = script.read_text("utf-8"), script.with_name("common.py")
    text += shared.read_text("utf-8") if shared.exists() else ""
    declared = re.findall(r'add_argument\(\s*(?:"-\w",\s*)?"(?:--)?([\w-]+)"', text)
    used = re.findall(r"\b(?:given|arguments)\.(\w+)", text)
    assert set(used) <= {name.replace("-", "_") for name in declared}
