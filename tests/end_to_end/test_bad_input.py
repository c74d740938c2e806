"""Bad input: one line on stderr, nothing on stdout, a fitting exit code, never a traceback."""

import pytest
from helpers import TINY

from gapsmith.agent import Archive
from gapsmith.agent.cli.app import main

GOOD = "3\n5 3\n2 4\n1 1\n"
RULE = "def schedule(p, d):\n    return d.argsort()\n"


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Runs the command line in a folder of odd files; returns exit code and the one line on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "good.txt").write_text(GOOD)
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "raises.py").write_text("raise ValueError('first\\nsecond')\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "syntax.py").write_text("def )\n")
    (tmp_path / "nothing.py").write_text("x = 1\n")
    (tmp_path / "job.toml").write_text("sed = 1\n")

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("gapsmith: "), said.err
        assert said.err.count("\n") == 1, said.err
        assert "Traceback" not in said.err
        return left.value.code, said.err

    return call


T = str(TINY)
USAGE = [
    ("chek rule.py", "'chek'", "check"),
    ("compare single_machine_tardines", "did you mean 'single_machine_tardiness'?"),
    ("run single_machine_tardines", "did you mean 'single_machine_tardiness'?"),
    ("run TINY --model ofline", "did you mean 'offline'?"),
    ("run TINY --model openai:gpt-5", "OPENAI_API_KEY", "offline"),
    ("run TINY --evalutions 5", "--evaluations", "see: gapsmith run --help"),
    ("run TINY --evaluations 0", "evaluations is 0; expected more than 0"),
    ("run TINY --evaluations -5", "evaluations is -5; expected more than 0"),
    ("run TINY --evaluations many", "--evaluations"),
    ("run TINY --usd -1", "usd is -1"),
    ("run TINY --seconds 0", "seconds is 0"),
    ("run TINY --calls 0", "calls is 0"),
    ("run TINY --workers 0", "workers is 0"),
    ("run TINY --seed -1", "seed is -1"),
    ("run TINY --seed 99999999999999999999", "seed is 99999999999999999999"),
    ("run TINY --config job.toml", "unknown key 'sed'; did you mean 'seed'?"),
    ("run TINY --config nowhere.toml", "nowhere.toml cannot be read: no such file or directory; expected"),
    ("run TINY --config folder.py", "folder.py cannot be read: is a directory; expected"),
    ("run TINY --config binary", "binary"),
    ("run TINY --calls 1 --instances nowhere.txt", "nowhere.txt: no such file"),
    ("run TINY --calls 1 --instances", "--instances"),
    ("run TINY EXTRA", "EXTRA"),
    ("run", "single_machine_tardiness"),
    ("run ''", "unknown problem"),
    ("run raises.py", "raises.py fails to load: ValueError: first second"),
    ("run exits.py", "exits.py"),
    ("run syntax.py", "syntax.py fails to load: SyntaxError"),
    ("run nothing.py", "nothing.py defines no `problem`"),
    ("run folder.py", "folder.py"),
    ("run nowhere.py", "nowhere.py does not exist"),
    ("compare TINY MDDD", "unknown rule 'MDDD'; did you mean 'MDD'?"),
    ("compare TINY --limit 0", "'--limit': Input should be greater than or equal to 1"),
    ("compare TINY --limit -3", "'--limit'"),
    ("compare TINY --split tset", "tset", "test"),
    ("compare TINY --workers 0", "'--workers'"),
    ("compare TINY --instances", "--instances has no file"),
    ("compare TINY --instances --limit 2", "--instances has no file"),
    ("compare TINY --instances -- good.txt", "--instances has no file"),
    ("compare --instances good.txt TINY", "PROBLEM", "everything after --instances is taken for files"),
    ("compare TINY --instances=nowhere.txt good.txt", "nowhere.txt: no such file"),
    ("compare TINY --instances nowhere.txt", "nowhere.txt: no such file or directory"),
    ("compare TINY --instances folder.py", "folder.py: is a directory"),
    ("compare TINY nowhere.py", "nowhere.py: no such file"),
    ("check nowhere.py --problem TINY", "nowhere.py: no such file"),
    ("check folder.py --problem TINY", "folder.py: is a directory"),
    ("check binary --problem TINY", "binary is not UTF-8 text"),
    ("check rule.py", "Missing option '--problem'; see: gapsmith check --help"),
    ("check rule.py --problem TINY --seed -1", "'--seed'"),
    ("check rule.py --problem tiny", "unknown problem 'tiny'"),
    ("check rule.py --problem TINY --seconds 0", "--seconds is 0; expected more than 0"),
    ("solve TINY good.txt --limit 0", "'--limit'"),
    ("solve TINY good.txt --seconds -1", "--seconds is -1"),
    ("solve TINY good.txt --seconds nan", "--seconds is nan"),
    ("solve TINY", "PATH"),
    ("solve TINY nowhere.txt", "nowhere.txt: no such file"),
    ("best --problem single_machine_tardines --archive a.db", "single_machine_tardines"),
    ("best -n 0 --archive a.db", "'-n'"),
    ("show seven", "Invalid value for 'ID': expected a valid integer; see: gapsmith show --help"),
    ("show", "ID"),
    ("export 1", "output"),
    ("problems single", "unknown problem 'single'"),
    ("resume one", "RUN", "valid integer"),
    ("--nonsense", "--nonsense"),
]


def words_of(line):
    """The words of a command, with the tiny problem's path."""
    return [T if word == "TINY" else "" if word == "''" else word for word in line.split()]


@pytest.mark.parametrize(("line", "expected"), [(line, expected) for line, *expected in USAGE])
def test_a_slip_in_the_words_is_usage(refused, tmp_path, line, expected):
    """Exit code 2, and one line with what was found and the nearest known name, or what is missing."""
    Archive(str(tmp_path / "a.db")).close()
    code, said = refused(*words_of(line))
    assert code == 2, said
    for words in expected:
        assert words in said


FAILS = [
    ("resume 3 --archive a.db", "holds no run 3"),
    ("resume --archive a.db", "holds no run yet"),
    ("resume --archive no.db", "archive no.db does not exist"),
    ("show 3 --archive a.db", "holds no program 3"),
    ("show 99999999999999999999999 --archive a.db", "holds no program 99999999999999999999999"),
    ("lineage 3 --archive a.db", "holds no program 3"),
    ("export 3 -o x.py --archive a.db", "holds no program 3"),
    ("best --archive no.db", "archive no.db does not exist"),
    ("best --run 7 --archive a.db", "holds no run 7"),
    ("runs --archive binary", "archive binary cannot be opened"),
    ("runs --archive folder.py", "archive folder.py cannot be opened"),
    ("run TINY --calls 1 --archive no/where.db", "archive no/where.db cannot be opened"),
    ("run TINY --calls 1 --archive folder.py", "archive folder.py cannot be opened"),
    ("run TINY --calls 1 --archive binary", "archive binary cannot be opened"),
    ("run TINY --calls 1 --archive nonsense://x", "cannot be opened"),
    ("compare TINY 17 --archive a.db", "holds no program 17"),
    ("compare TINY 99999999999999999999999 --archive a.db", "holds no program"),
    ("compare TINY --instances empty", "empty: holds no numbers; expected at least one instance"),
    ("compare TINY --instances binary", "binary: is not a text file; expected numbers as text"),
    ("solve TINY empty", "empty: holds no numbers"),
    ("solve TINY rule.py", "rule.py, line 1: found 'def'; expected the number of jobs, an integer"),
    ("run TINY --calls 1 --instances good.txt", "found 1 different instance; expected at least 4"),
    (
        "run --model replay:nowhere.jsonl",
        "replay:nowhere.jsonl: no such file or directory; expected a recording",
    ),
    ("run --model replay:folder.py", "replay:folder.py: is a directory; expected a recording"),
    ("run --model replay:binary", "replay:binary is not UTF-8 text; expected a recording"),
]


@pytest.mark.parametrize(("line", "words"), FAILS)
def test_what_cannot_be_done_is_a_failure(refused, tmp_path, line, words):
    """Exit code 1, and one line with what was found and what was expected."""
    Archive(str(tmp_path / "a.db")).close()
    code, said = refused(*words_of(line))
    assert code == 1, said
    assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2\n5 3\n", "line 2: the file ends; expected a processing time, an integer of at least 1"),
        ("2\n5 3\n2\n", "line 3: the file ends; expected a due date, an integer"),
        ("2\n5 x\n2 4\n", "line 2: found 'x'; expected a due date, an integer"),
        ("2\n5 3\n0 4\n", "line 3: found '0'; expected a processing time, an integer of at least 1"),
        ("2.5\n", "line 1: found '2.5'; expected the number of jobs, an integer of at least 1"),
        ("0\n", "line 1: found '0'; expected the number of jobs"),
        ("-2\n", "line 1: found '-2'; expected the number of jobs"),
        ("# none\n\n2\n5 3\n2 4\nnan", "line 6: found 'nan'; expected the number of jobs"),
        ("1\n5 99999999999999999999\n", "line 2: found '99999999999999999999'; expected a due date"),
        ("1\n" + "9" * 5000 + " 1\n", "line 2: found '9999"),
        ("1000000000000\n5 3\n", "line 2: the file ends"),
        ("1\n5 --3\n", "line 2: found '--3'"),
    ],
)
def test_a_malformed_instance_file_is_located(refused, tmp_path, text, words):
    """File, line, what was found, what was expected."""
    (tmp_path / "odd.txt").write_text(text)
    code, said = refused("solve", T, "odd.txt")
    assert code == 1
    assert "odd.txt, " + words in said


def test_a_run_that_cannot_begin_is_not_the_latest(refused, tmp_path):
    """Too few files leave no run that `resume` would take for the latest."""
    refused("run", T, "--calls", 1, "--instances", "good.txt", "--archive", "a.db")
    archive = Archive(str(tmp_path / "a.db"))
    assert archive.list_runs() == []
    archive.close()


def test_an_export_to_nowhere_is_a_failure(refused, tmp_path, capsys):
    """A module that cannot be written is said so; a program of no run cannot be exported."""
    archive = Archive(str(tmp_path / "a.db"))
    archive.add_program("tiny_tardiness", "h", RULE, 3)
    archive.close()
    assert "belongs to no run" in refused("export", 1, "-o", "x.py", "--archive", "a.db")[1]
