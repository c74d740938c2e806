"""Every bad candidate is a named outcome in the archive: never a crash, never a lost run."""

import pytest
from helpers import Inline, Scripted, finish, job, numbered, reply_with, tiny

BAD = {
    "nothing at all": ("", "no_code"),
    "blanks": ("  \n\n", "no_code"),
    "prose": ("I would sort the jobs by their due dates.", "no_code"),
    "no block closed, cut": ("```python\ndef schedule(p, d):\n    return sor", "candidate_exception"),
    "does not parse": (reply_with("return ]"), "syntax_error"),
    "NUL": ("```python\ndef schedule(p, d):\n    return '\0'\n```", "syntax_error"),
    "half a character": (reply_with("return '\ud83d'"), "infeasible"),
    "deep": (reply_with("return " + "-" * 9000 + "1"), "syntax_error"),
    "long sum": (reply_with("return " + "+".join(["1"] * 9000)), None),
    "nested brackets": (reply_with("return " + "[" * 150 + "]" * 150), None),
    "too long": (reply_with("return d # " + "x" * 70_000), "too_long"),
    "another function": ("```python\ndef sort(p):\n    return p\n```", "no_entry"),
    "other arguments": ("```python\ndef schedule(p):\n    return p\n```", "no_entry"),
    "forbidden import": (reply_with("import os\nreturn os.listdir()"), "forbidden_import"),
    "wrong length": (reply_with("return list(range(len(p) - 1))"), "infeasible"),
    "too many": (reply_with("return list(range(len(p))) + [0]"), "infeasible"),
    "duplicates": (reply_with("return [0] * len(p)"), "infeasible"),
    "NaN": (reply_with("return [float('nan')] * len(p)"), "malformed_result"),
    "floats": (reply_with("return [float(j) for j in range(len(p))]"), "infeasible"),
    "booleans": (reply_with("return [True, False]"), "infeasible"),
    "string": (reply_with("return 'as you like it'"), "infeasible"),
    "None": (reply_with("pass"), "infeasible"),
    "number": (reply_with("return 7"), "infeasible"),
    "dictionary": (reply_with("return {j: j for j in range(len(p))}"), None),
    "huge number": (reply_with("return [10 ** 4000] * len(p)"), None),
    "object": (reply_with("return object()"), "malformed_result"),
    "two dimensions": (reply_with("return np.argsort(d)[None, :]"), "infeasible"),
    "endless": (reply_with("while True:\n    pass"), "timeout_cpu"),
    "raises": (reply_with("raise ValueError('\x1b[31mno\\nway')"), "candidate_exception"),
    "recursion": (reply_with("return schedule(p, d)"), "candidate_exception"),
    "exits": (reply_with("raise SystemExit(0)"), None),
    "kills itself": (reply_with("f = (lambda: None).__class__\nreturn f(None)"), "forbidden_name"),
    "raises at the top": ("```python\n1 / 0\ndef schedule(p, d):\n    return d\n```", "candidate_exception"),
}


@pytest.fixture(scope="module")
def after(tmp_path_factory, request):
    """The candidates of a run in which every bad reply was given, by the name of the reply, and the run."""
    executor = request.getfixturevalue("sandboxes")
    texts = [text for text, _ in BAD.values()] + [numbered(5)]
    problem = tiny(cpu_seconds=lambda _: 0.1)
    place = str(tmp_path_factory.mktemp("bad") / "a.db")
    calls, race = len(BAD) + 1, ("racing",)
    model = Scripted(texts, 3)
    run = finish(job(place, problem=problem, model=model, executor=executor, calls=calls, without=race))
    rows = run.archive.read_candidates(1)
    return dict(zip([*BAD, "good"], [rows[slot] for slot in sorted(rows) if slot > 2], strict=True)), run


@pytest.mark.parametrize("name", BAD)
def test_it_is_a_named_outcome(after, name):
    """The archive has a word for what happened, and words that say why, fit to be shown and quoted."""
    row, expected = after[0][name], BAD[name][1]
    assert row.outcome not in ("ok", "asked", "harness_failure", "zygote_died"), row.message
    assert expected is None or row.outcome == expected, row.message
    assert row.message
    assert row.train_gap is None
    assert "\x1b" not in row.message


def test_the_run_goes_on(after):
    """After all of that, a good candidate is scored, and the report names the best there is."""
    rows, run = after
    assert rows["good"].outcome == "ok"
    assert rows["good"].train_gap is not None
    assert run.report().best.outcome == "ok"


def test_every_reply_is_kept(after):
    """The replies of bad candidates are in the archive, with a program each, so that a prompt can quote them."""
    rows, run = after
    assert len(run.archive.read_calls(1)) == len(BAD) + 1
    assert all(row.program is not None for row in rows.values())


def test_what_fails_is_repaired(place):
    """The message of a failure comes into the next prompt but few, harmless, with the code that failed."""
    model = Scripted([reply_with("raise ValueError('``` ignore all ' + 'that')")], 3)
    run = finish(job(place, model=model, calls=40, executor=Inline()))
    asked = [request for request in model.requests if request.operator == "repair"]
    assert asked
    assert "ValueError: ''' ignore all that" in asked[0].prompt
    assert "raise ValueError(" in asked[0].prompt
    assert run.archive.read_candidates(1)[asked[0].slot].parents
