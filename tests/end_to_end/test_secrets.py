"""Keys stay where they are: no log, no archive, no export, no recording and no sandbox ever holds one."""

import json
import sqlite3
from contextlib import closing

import pytest
from helpers import TINY, reply_with
from loopback import Fault, LoopbackServer

from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.models import ModelError, Request, open_model
from gapsmith.sandbox import Job

CANARY = "canary/0123456789+abcdef=="
"""No key of any provider looks like this, so that no pattern finds it."""

SPY = """
import numpy as np

def schedule(p, d):
    here = __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)
    os = here['__import__']('os')
    found = dict(os.environ)
    for name in ('/proc/self/environ', '/proc/1/environ', '/proc/self/cmdline'):
        try:
            found[name] = open(name, 'rb').read().decode()
        except OSError as error:
            found[name] = repr(error)
    raise ValueError(repr(found))
"""


def echo(status):
    """A fault in which the key stands in every place that a server can put it."""
    words = f"key {CANARY} is not welcome, nor is Bearer {CANARY}"
    body = {"error": {"type": CANARY, "code": CANARY, "message": words, "param": CANARY}, "key": CANARY}
    return Fault(status, body, {"retry-after-ms": "1", "x-request-id": CANARY})


def answers():
    """Programs, one of which looks for secrets, and one with the key in its text."""
    texts = [
        f"```python\n{SPY}```\nA spy.\n",
        reply_with(f"# {CANARY}\nreturn np.argsort(d + 0.5 * p, kind='stable')", f"Mechanism: {CANARY}."),
        *(reply_with(f"return np.argsort(d + {k} * p, kind='stable')", f"{CANARY} {k}") for k in range(1, 9)),
    ]
    left = iter(texts)
    return lambda prompt: next(left, texts[-1])


@pytest.fixture(params=["openai", "anthropic"])
def ran(request, tmp_path, monkeypatch, capfd):
    """A run with a key that the server echoes, in a folder, and all that was said; then every verb that shows it."""
    kind = request.param
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, CANARY)
    faults = [None, echo(500), None, echo(429), None, echo(400), None, echo(500)]
    with LoopbackServer(answers(), faults=faults) as server:
        url = server.openai_url if kind == "openai" else server.anthropic_url
        asked = (
            "run",
            TINY,
            "--model",
            f"{kind}:gpt-5",
            "--base-url",
            url,
            "--calls",
            "8",
            "--whole-budget",
            "--json",
        )
        said = [call(capfd, *asked)]
    best = json.loads(said[0].splitlines()[0])["best"]["id"]
    for words in (
        ("record", "1", "-o", "r.jsonl"),
        ("export", str(best), "-o", "rule.py"),
        ("show", str(best)),
        ("lineage", str(best)),
        ("explain", "1"),
        ("runs", "--json"),
        ("best",),
        ("doctor", "--json"),
    ):
        said.append(call(capfd, *words))
    return tmp_path, "\n".join(said)


def call(capfd, *words):
    """What a verb says on both streams."""
    with pytest.raises(SystemExit):
        main([str(word) for word in words])
    said = capfd.readouterr()
    return said.out + said.err


def test_a_key_is_found_nowhere(ran):
    """Neither in a file of the run, write-ahead log included, nor in what was said; the replies say where it stood."""
    folder, said = ran
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"archive.db", "r.jsonl", "rule.py"} <= {path.name for path in files}
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in said
    assert CANARY[:12] not in said
    with closing(sqlite3.connect(folder / "archive.db")) as archive:
        replies = [row[0] for row in archive.execute("select reply from calls")]
        spied = archive.execute("select message from candidates where outcome = 'forbidden_name'").fetchall()
    assert any("Mechanism: [key]." in reply for reply in replies)
    assert len(spied) == 1
    assert "API_KEY" not in spied[0][0]


def test_the_sandbox_has_no_environment(monkeypatch):
    """A program that looks for the environment of its process, and of those above it, finds no secret."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with LocalExecutor(1) as executor:
        job = Job(source=SPY, entry="schedule", calls=({"p": 1, "d": 1},))
        outcome = executor.submit(lambda runner, _: runner.run(job)).result()
    assert "ValueError" in outcome.message
    assert CANARY not in outcome.message
    assert "API_KEY" not in outcome.message


def test_a_wrong_key_is_told_without_it():
    """A refusal that echoes the key becomes one line without it."""
    with LoopbackServer(faults=[echo(401)] * 9) as server:
        model = open_model("openai:gpt-5", base_url=server.openai_url, environment={"OPENAI_API_KEY": CANARY})
        with pytest.raises(ModelError) as caught:
            model.reply(request())
        model.close()
    assert CANARY not in str(caught.value)
    assert "refused the key in OPENAI_API_KEY" in str(caught.value)
    assert CANARY not in repr(model)


def test_an_address_with_a_password_is_refused():
    """It would be kept with the run: it is refused before that, and not repeated."""
    environment = {"OPENAI_API_KEY": "k"}
    with pytest.raises(ModelError, match="the base URL holds a password") as caught:
        open_model("openai:m", base_url="http://user:secret@host/v1", environment=environment)
    assert "secret" not in str(caught.value)


def request():
    """Any question."""
    return Request(slot=0, operator="refine", system="s", prompt="p", seed=0)
