"""Servers are reached through the proxies of the environment, those of this machine directly."""

import openai
import pytest

from gapsmith.agent.models.base import ModelUnknown
from gapsmith.agent.models.hosted.transport.proxies import is_loopback, make_client


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.8.8.8", "a.localhost"])
def test_this_machine_needs_no_proxy(monkeypatch, host):
    """A proxy that cannot be used does not keep anybody from a server on this machine."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    assert is_loopback(host)
    make_client(
        f"http://[{host}]:1/v1" if ":" in host else f"http://{host}:1/v1", openai.DefaultHttpxClient
    ).close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://me:secret@127.0.0.1:9", "pip install socksio"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1:9", "expected http://HOST:PORT"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_line(monkeypatch, name, value, words):
    """The line names the variable and what to do, and no password."""
    monkeypatch.setenv(name, value)

    def make(*, trust_env):
        raise ImportError("the package is missing")

    with pytest.raises(ModelUnknown, match=words) as told:
        make_client("https://api.example.com/v1", make)
    assert name in str(told.value)
    assert "secret" not in str(told.value)
