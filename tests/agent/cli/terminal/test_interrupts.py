"""What becomes of a command whose streams fail or that is sent a signal: one line, an exit code, nothing lost."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import TINY

from gapsmith.agent import Archive

COMMAND = [sys.executable, "-m", "gapsmith.agent"]
FULL = Path("/dev/full")


def shell(line, place, **environment):
    """A line of a shell in which `gapsmith` is the command; its exit code and what it said on stderr."""
    words = line.replace("gapsmith", " ".join(COMMAND))
    done = subprocess.run(
        ["bash", "-c", words], cwd=place, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr, done.stdout


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["problems", "problems --json", "--help", "--version"])
def test_a_full_disk_is_one_line(tmp_path, words):
    """A result that cannot be written is exit code 1 and one line, whatever prints it."""
    code, said, _ = shell(f"gapsmith {words} > /dev/full", tmp_path)
    assert (code, said.count("\n")) == (1, 1)
    assert "No space left on device" in said


@pytest.mark.parametrize("words", ["problems", "problems --json"])
def test_a_pipe_that_nothing_reads_is_silent(tmp_path, words):
    """`gapsmith … | head` ends without a word."""
    _, said, _ = shell(f"gapsmith {words} | true", tmp_path)
    assert said == ""


def test_a_closed_stdout_is_told(tmp_path):
    """Without a place for the result nothing is begun, and no file takes the place of the stream."""
    code, said, _ = shell("gapsmith solve nothing nothing >&-", tmp_path)
    assert (code, "stdout is closed" in said) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_lost_stderr_loses_no_result(tmp_path):
    """Progress that cannot be written is left out."""
    for lost in ("2>&-", "2> /dev/full"):
        code, _, out = shell(f"gapsmith problems --json {lost}", tmp_path)
        assert code == 0
        assert json.loads(out)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_letters_that_stdout_lacks_are_replaced(tmp_path, encoding):
    """Where stdout is not UTF-8 a result is readable all the same."""
    code, _, out = shell("gapsmith problems", tmp_path, PYTHONIOENCODING=encoding)
    assert code == 0
    assert "1?" in out


# Signals


@pytest.fixture
def silent_server():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def asking(server, place):
    """A run that waits for that server's first answer; with the connections, which must stay open."""
    url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    words = ["run", str(TINY), "--model", "openai:x", "--base-url", url, "--calls", "1"]
    run = subprocess.Popen([*COMMAND, *words], cwd=place, stderr=subprocess.PIPE, text=True)
    connection, _ = server.accept()
    assert connection.recv(1)
    return run, connection


def until(run, words):
    """What a run says on stderr, up to a line that holds the words."""
    said = []
    for line in run.stderr:
        said.append(line)
        if words in line:
            return "".join(said)
    raise AssertionError("".join(said))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_second_signal_leaves_at_once(tmp_path, silent_server, number, code):
    """The first signal waits for what is under way, the second does not; both say how to go on."""
    run, connection = asking(silent_server, tmp_path)
    with connection, run.stderr:
        run.send_signal(number)
        until(run, "stopping: waiting for open requests")
        run.send_signal(number)
        assert "gapsmith resume 1 --archive archive.db" in until(run, "gapsmith: interrupted")
        assert run.wait(60) == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_run_in_order(tmp_path, silent_server, number, code):
    """What is under way is kept, the archive says stopped, and the exit code is that of the signal."""
    run, connection = asking(silent_server, tmp_path)
    with connection, run.stderr:
        run.send_signal(number)
        until(run, "stopping")
        body = json.dumps({"choices": [{"message": {"content": "no code"}, "finish_reason": "stop"}]})
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        assert "run 1 stopped; continue with: gapsmith resume 1" in until(run, "gapsmith: ")
        assert run.wait(60) == code
    archive = Archive(str(tmp_path / "archive.db"))
    assert archive.run(1).status == "stopped"
    assert len(archive.read_calls(1)) == 1
    archive.close()


def test_an_ignored_signal_stays_ignored(tmp_path, silent_server):
    """Under `nohup` a run outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run, connection = asking(silent_server, tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    with connection, run.stderr:
        run.send_signal(signal.SIGHUP)
        run.send_signal(signal.SIGTERM)
        assert "stopping" in until(run, "stopping")
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 143
