"""The TOML file: what the command line can say, validated, with the nearest known name for what is not known."""

import pytest

from gapsmith.agent import Budget, Settings
from gapsmith.agent.runs.config import make_settings, read_config
from gapsmith.evaluators.base import UsageError


@pytest.fixture
def toml(tmp_path):
    """Writes a file; returns its path."""

    def write(text):
        path = tmp_path / "job.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def complaint(path):
    """The one line with which a file is refused."""
    with pytest.raises(UsageError) as caught:
        make_settings({"problem": "x", **read_config(path)})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_file_is_the_defaults(toml):
    """A file that says nothing changes nothing."""
    assert read_config(toml("")) == {}
    assert make_settings({"problem": "x", **read_config(toml("# nothing\n"))}) == make_settings(
        {"problem": "x"}
    )
    assert make_settings({"problem": "x"}) == Settings(problem="x", budget=Budget(evaluations=1000))
    assert make_settings({"problem": "x", "model": "openai:m"}).budget == Budget(calls=200)


def test_a_file_says_all_that_the_command_line_can(toml):
    """Every key arrives in the settings."""
    text = """
    problem = "tiny"
    model = "openai:m"
    seed = 4
    workers = 3
    archive = "a.db"
    base_url = "http://localhost:1/v1"
    [budget]
    evaluations = 5
    calls = 6
    usd = 7
    seconds = 8.5
    [instances]
    learn = ["a", "b"]
    test = ["c"]
    baseline_seconds = 9
    [sandbox]
    minimum_level = 3
    """
    assert make_settings(read_config(toml(text))) == Settings(
        problem="tiny",
        models=("openai:m",),
        seed=4,
        workers=3,
        base_url="http://localhost:1/v1",
        budget=Budget(evaluations=5, calls=6, usd=7, seconds=8.5),
        instances=("a", "b"),
        test=("c",),
        baseline_seconds=9,
        minimum_level=3,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sed = 1", "unknown key 'sed'; did you mean 'seed'?"),
        ("budget = 1", "unknown key 'budget'"),
        ("evaluations = 5", "unknown key 'evaluations' at the top level; it belongs in [budget]"),
        ("[budget]\nseed = 5", "[budget]: unknown key 'seed' in [budget]; it belongs at the top level"),
        ("zzz = 1", "(known at the top level: problem, "),
        ("evalutions = 5", "unknown key 'evalutions'; did you mean 'evaluations' in [budget]?"),
        ("budget = 1", "it is a section; expected a line [budget], and below it evaluations, calls"),
        ("[budgt]\ncalls = 1", "unknown section 'budgt'; did you mean 'budget'?"),
        ("[budget]\ncals = 1", "[budget]: unknown key 'cals'; did you mean 'calls'?"),
        ("[budget.calls]\nx = 1", "[budget]: calls is {'x': 1}; expected int"),
        ("[[budget]]\ncalls = 1", "unknown key 'budget'"),
        ("seed = '1'", "seed is '1'; expected int"),
        ("seed = true", "seed is True; expected int"),
        ("seed = -1", "seed is -1; expected"),
        ("seed = 9223372036854775808", "seed is 9223372036854775808; expected"),
        ("workers = 0", "workers is 0; expected at least 1"),
        ("workers = 1.5", "workers is 1.5; expected int"),
        ("model = 3", "model is 3; expected str"),
        ("[budget]\nusd = 'a lot'", "[budget]: usd is 'a lot'; expected int or float"),
        ("[budget]\ncalls = 0", "budget calls is 0; expected more than 0"),
        ("[budget]\nusd = nan", "budget usd is nan; expected more than 0"),
        ("[instances]\nlearn = 'a.txt'", "[instances]: learn is 'a.txt'; expected list"),
        ("[instances]\nlearn = [1]", "learn"),
        ("[instances]\nbaseline_seconds = 0", "baseline_seconds is 0; expected more than 0"),
        ("[instances]\nbaseline_seconds = -3.5", "baseline_seconds is -3.5; expected more than 0"),
        ("[sandbox]\nminimum_level = 9", "minimum_level is 9; expected 0 to 4"),
        ("seed = ", "is not TOML: "),
        ("a = 1\na = 2", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"\x00", "is not TOML: "),
    ],
)
def test_what_is_wrong_is_named(toml, text, words):
    """Found, expected, and the nearest known name, in one line."""
    assert words in complaint(toml(text))


def test_a_missing_file_is_named(tmp_path):
    """A file that is not there, or is a folder, is said so."""
    assert "nowhere.toml cannot be read" in complaint(tmp_path / "nowhere.toml")
    assert "cannot be read" in complaint(tmp_path)


def test_a_problem_must_be_named():
    """Without a problem there is nothing to do; the message shows how it is done."""
    with pytest.raises(UsageError, match="as in: gapsmith run single_machine_tardiness"):
        make_settings({})


def test_published_values_are_read_with_the_file(toml, tmp_path):
    """Settings hold the values themselves, so that `resume` needs no file; they come back from JSON as they were."""
    table = tmp_path / "known.csv"
    table.write_text("instance,lower,upper\nta01,1231,1231\nta02,,1244.5\n")
    found = make_settings({"problem": "x", **read_config(toml(f"[instances]\nknown = '{table}'\n"))})
    assert found.known == (("ta01", 1231, 1231), ("ta02", None, 1244.5))
    assert Settings.decode(found.encode()).known == found.known
    without = {name: value for name, value in found.encode().items() if name != "known"}
    assert Settings.decode(without).known == ()


def test_published_values_that_cannot_be_read_are_told(toml, tmp_path):
    """A missing file and a wrong row are errors before anything begins."""
    assert "no such file" in complaint(toml(f"[instances]\nknown = '{tmp_path}/none.csv'\n"))
    table = tmp_path / "known.csv"
    table.write_text("instance,lower,upper\nta01,9,8\n")
    assert "ta01 has lower 9 above upper 8" in complaint(toml(f"[instances]\nknown = '{table}'\n"))
    assert "known is 3; expected str" in complaint(toml("[instances]\nknown = 3\n"))
