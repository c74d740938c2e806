"""Access to an archive: with the token, by the names of this machine, for reading."""

import pytest

pytest.importorskip("starlette")

from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from gapsmith.agent.web.serving.guard import Access, Guard

HOST = {"host": "127.0.0.1:8642"}


@pytest.fixture
def access():
    """Access to a server on this machine's loopback."""
    return Access("127.0.0.1", 8642, "secret")


@pytest.fixture
def client(access):
    """A client of an application that says yes to everything that reaches it."""
    app = Guard(PlainTextResponse("yes"), access)
    return TestClient(app, base_url="http://127.0.0.1:8642", follow_redirects=False)


def test_without_token_nothing_is_shown(client):
    """Neither an absent nor a wrong token opens a page."""
    assert client.get("/run/1").status_code == 403
    assert client.get("/run/1?token=secre").status_code == 403
    assert client.get("/", headers={"cookie": "gapsmith-8642=wrong"}).status_code == 403
    assert client.get("/", headers={"cookie": 'gapsmith-8642="\\'}).status_code == 403


def test_the_token_becomes_a_cookie_that_scripts_cannot_read(client):
    """The token leaves the address at once; its cookie is kept from scripts and from other sites."""
    answer = client.get("/run/1?token=secret&page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/run/1?page=2")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/run/1").text == "yes"


def test_a_redirect_stays_on_this_machine(client):
    """A path that begins like the name of another host does not lead there."""
    for path in ("//evil.example/?token=secret", "/\\evil.example/?token=secret"):
        place = client.get(f"http://127.0.0.1:8642{path}").headers["location"]
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_requests_pass(client, method):
    """Nothing can be written, with the token or without."""
    answer = client.request(method, "/?token=secret")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "10.0.0.1"]
)
def test_other_hosts_are_refused(client, host):
    """A page of another site that resolves its name to this machine gets nothing."""
    assert client.get("/?token=secret", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:9000", "[::1]:8642", "LOCALHOST"])
def test_names_of_this_machine_are_known(client, host):
    """A tunnel may have another port."""
    assert client.get("/?token=secret", headers={"host": host}).status_code == 303


def test_a_server_for_the_network_knows_addresses_but_no_names(access):
    """An address cannot be turned to another machine, a name can."""
    wide = Access("0.0.0.0", 8642, "secret")
    assert wide.is_host_allowed("192.168.1.7:8642")
    assert not wide.is_host_allowed("evil.example:8642")


def test_every_answer_forbids_foreign_content(client):
    """Refusals and pages alike: nothing inline, nothing from elsewhere, no frames."""
    for answer in (client.get("/"), client.get("/?token=secret"), client.get("/")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_tokens_differ_from_start_to_start():
    """Each start has a token of its own, which is not shown with the settings."""
    first, second = Access(), Access()
    assert first.token != second.token
    assert first.token not in repr(first)
