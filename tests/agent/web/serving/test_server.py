"""The server says what is missing, and where nothing can listen."""

import ast
import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gapsmith.agent.web.serving import server
from gapsmith.evaluators.base import GapsmithError, UsageError


def test_missing_packages_are_named_with_what_installs_them(monkeypatch):
    """Whoever lacks the extra gets the line to type."""
    monkeypatch.setattr(server, "NEEDED", ("starlette", "no_such_package"))
    with pytest.raises(
        GapsmithError, match=r"no_such_package; install it with: pip install 'gapsmith\[web\]'"
    ):
        server.check_installed()


def test_a_port_in_use_is_a_mistake_that_is_named():
    """The message has the port, the reason and a way out."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port}: address already in use; .* --port 0"):
            server.serve(None, "127.0.0.1", port, print)


def test_an_address_of_another_machine_is_refused():
    """Names that do not resolve, too."""
    for host in ("203.0.113.1", "no such host"):
        with pytest.raises(UsageError, match="nothing can listen"):
            server.serve(None, host, 0, print)


def test_the_command_line_does_not_load_the_server():
    """What the extra installs is imported by functions, or by modules that no command imports: it may be absent."""
    root = Path(server.__file__).parents[2]
    for path in (
        root / "cli" / "web.py",
        root / "web" / "serving" / "server.py",
        root / "web" / "__init__.py",
    ):
        found = {
            node.module
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.ImportFrom)
        }
        assert not [name for name in found if name.startswith(server.NEEDED)]
        assert {name for name in found if name.startswith("gapsmith.agent.web")} <= {
            "gapsmith.agent.web.serving.server"
        }


def test_the_command_serves_until_it_is_interrupted(archive_place):
    """The printed address opens the archive, the bare one does not, and SIGINT ends it in silence, open pages too."""
    command = [
        sys.executable,
        "-m",
        "gapsmith.agent",
        "web",
        "--archive",
        archive_place,
        "--port",
        "0",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert re.search(r"<h1>Runs</h1>", opener.open(url).read().decode())
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.partition("?")[0])
        live = opener.open(url.partition("/?")[0] + "/live")
        assert live.readline().startswith(b"retry")
        process.send_signal(2)
        errors = process.stderr.read()
    assert errors == ""
    assert process.returncode == 0
