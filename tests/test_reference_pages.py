"""The pages of docs/reference against the program: complete, and their examples work."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gapsmith.agent.cli.app import app
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.runs.config import KEYS, make_settings, read_config
from gapsmith.evaluators.catalogue import list_problems

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference"
LINE_END = "`⏎`"


def read_page(name: str) -> str:
    """Reads a page of the reference."""
    return (PAGES / f"{name}.md").read_text("utf-8")


def list_commands() -> dict[str, Any]:
    """Lists the commands by name, nested ones with both words."""
    found: dict[str, Any] = {}
    for name, command in vars(typer.main.get_command(app))["commands"].items():
        nested = getattr(command, "commands", {})
        found |= {f"{name} {each}": leaf for each, leaf in nested.items()} or {name: command}
    return found


def list_formats() -> list[tuple[str, str, str]]:
    """Lists the rows of the table of formats: problem, description, example."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*?) ?\|$", read_page("file-formats"), re.M)
    return [row for row in rows if row[0] in list_problems()]


def test_every_verb_has_a_line() -> None:
    """The table of verbs is complete."""
    page = read_page("command-line")
    assert [each for each in list_commands() if f"`gapsmith {each}" not in page] == []


def test_every_option_of_run_has_a_line() -> None:
    """The table of options of `run` is complete, in one spelling of each."""
    page, options = read_page("command-line"), [each.opts for each in list_commands()["run"].params]
    missing = [
        each for each in options if each[0].startswith("--") and not any(f"`{o}" in page for o in each)
    ]
    assert missing == []


def test_every_key_of_a_configuration_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of a configuration has all keys, and is accepted."""
    (example,) = re.findall(r"^```toml\n(.*?)^```", read_page("configuration"), re.M | re.S)
    (path := tmp_path / "example.toml").write_text(example, "utf-8")
    (tmp_path / "known.csv").write_text("instance,lower,upper\nft10,930,930\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    found = read_config(path)
    assert set(found) == {key for section in KEYS.values() for key in section}
    assert make_settings(found).budget.usd == found["usd"]


def test_every_field_of_json_is_written_somewhere() -> None:
    """A field that the page of JSON names is a key that reports write, or a field that they encode."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "agent").rglob("*.py"))
    named = set(re.findall(r"`([a-z][a-z_0-9]+)`", read_page("json"))) - set(list_commands())
    assert {each for each in named if f'"{each}"' not in text and f" {each}: " not in text} == set()


def test_every_problem_has_a_format() -> None:
    """The table of formats has a row for each built-in problem."""
    assert sorted(name for name, _, _ in list_formats()) == sorted(list_problems())


@pytest.mark.parametrize(("name", "format_", "example"), list_formats(), ids=lambda value: value[:40])
def test_every_example_of_a_format_is_read(tmp_path: Path, name: str, format_: str, example: str) -> None:
    """The example of a format is one instance for the problem's reader."""
    if not example:
        pytest.skip("a standard format, too long for a table")
    lines, _, note = example.partition(" with ")
    (path := tmp_path / "example.txt").write_text("\n".join(lines.strip("`").split(LINE_END)) + "\n", "utf-8")
    (instance,) = find_problem(name, note.strip("`")).read(path)
    assert instance.data
