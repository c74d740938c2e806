"""What people are shown of models, candidates, files and archives can be read, and can do nothing else."""

import io
import json
import re
import unicodedata

import pytest
from helpers import TINY
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive import Archive, CandidateRow
from gapsmith.agent.cli.app import main
from gapsmith.agent.cli.terminal.console import PlainConsole

HOSTILE = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cc", "Cf", "Lo"])),
    st.text("\x1b[]0;31m\x07\\\x9b\u202ea/"),
    st.sampled_from(
        ["[red]x[/red]", "[/]", "[link=http://a.example]x", ":bomb:", "\x1b]8;;http://a\x1b\\x", "[/bold"]
    ),
)
EVIL = "\x1b[2J\x1b]0;owned\x07[red]\u202eevil\u2066[/red] :bomb: [/]"
"""A cleared screen, a window's title, markup, a turned line, an emoji, and markup that closes nothing."""


def shown(renderable, **options):
    """What a console writes."""
    console = PlainConsole(file=io.StringIO(), width=300, **options)
    console.print(renderable)
    return console.file.getvalue()


def harmful(text):
    """The characters that are more than letters, once our own colours are taken away."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return {c for c in plain if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in "\n\t"}


def as_table(text):
    """The text in every place of a table."""
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    table.add_row(Text(text, style="red"))
    return table


@pytest.mark.parametrize("colour", [None, "truecolor"])
@pytest.mark.parametrize("shape", [str, Text, as_table, lambda text: Syntax(text, "python")])
@given(text=HOSTILE)
def test_no_word_is_an_instruction(shape, colour, text):
    """As a word, a text, a table or a program: nothing controls the terminal, nothing is taken for markup."""
    assert not harmful(shown(shape(text), color_system=colour, force_terminal=colour is not None))


def test_markup_is_shown_as_it_stands():
    """Brackets and colons are letters."""
    for shape in (str, Text, as_table):
        assert "[red]x[/red] :bomb: [/]" in shown(shape("[red]x[/red] :bomb: [/]"))


def test_our_own_colours_stay():
    """Styles still give colours where there is a terminal."""
    assert "\x1b[31m" in shown(Text("x", style="red"), color_system="standard", force_terminal=True)


def test_a_progress_line_is_no_way_round():
    """A live line goes through the same console."""
    console = PlainConsole(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    with Progress(TextColumn("{task.description}", markup=False), console=console, transient=False) as bar:
        bar.add_task(EVIL)
    said = console.file.getvalue()
    assert "]0;owned" not in said
    assert "\u202e" not in said
    assert "\x1b[2J" not in said


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """An archive in which whatever a model, a candidate or another hand could have written is hostile."""
    monkeypatch.chdir(tmp_path)
    store = Archive("archive.db")
    settings = {"problem": str(TINY), "models": [EVIL], "budget": {"calls": 1}}
    run = store.start("tiny_tardiness", EVIL, 1, settings)
    source = f"def schedule(p, d):\n    '''{EVIL}'''\n    return p\n"
    program, _ = store.add_program("tiny_tardiness", "abc", source, 9)
    store.answer(CandidateRow(run=run, slot=0, operator=EVIL, name=EVIL, arm=EVIL, model=EVIL))
    values = {"program": program, "outcome": EVIL, "message": EVIL, "train_gap": 1.0, "behaviour": EVIL}
    store.settle(run, 0, values, events=[("gate", {EVIL: EVIL})])
    store.close()
    return program


@pytest.mark.parametrize(
    "words",
    [
        *(["best"], ["show", "1"], ["lineage", "1"], ["runs"], ["explain", "1"], ["record", "1", "-o", EVIL]),
        *([EVIL], ["show", EVIL], ["run", EVIL], ["problems", EVIL], ["check", EVIL, "--problem", EVIL]),
    ],
)
def test_every_verb_shows_hostile_words_harmlessly(hostile, capfd, words):
    """On both streams, results as well as complaints; nothing is lost but what could do harm."""
    with pytest.raises(SystemExit):
        main(words)
    said = capfd.readouterr()
    assert not harmful(said.out + said.err)


@pytest.mark.parametrize("words", [["best"], ["show", "1"], ["runs"], ["explain", "1"]])
def test_json_escapes_hostile_words(hostile, capfd, words):
    """JSON keeps the words, and a terminal that shows it has nothing to obey."""
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    said = capfd.readouterr().out
    assert not harmful(said)
    assert "]0;owned" in said
    json.loads(said)
