"""Refuses requests without token, from other hosts, or that would write."""

import ipaddress
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
LOCAL = ("127.0.0.1", "localhost", "::1")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
"""No script or style within a page, nothing from elsewhere."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Access:
    """What a request must bring.

    Attributes:
        host: the address that the server listens at.
        port: its port; cookies of two servers on one machine differ by it.
        token: a secret, new for each start.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token."""
        return f"gapsmith-{self.port}"

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}/?{urlencode({'token': self.token})}"

    def is_host_allowed(self, header: str) -> bool:
        """Tells whether a `Host` header names this machine.

        A page of another site reaches a server of this machine by a name that resolves here; addresses cannot be
        turned so. The port is not looked at, since a tunnel may have another one.
        """
        name = _strip_port(header).lower()
        if self.host in LOCAL:
            return name in LOCAL
        return name in (*LOCAL, self.host.lower(), socket.gethostname().lower()) or _is_address(name)

    def is_token(self, given: str) -> bool:
        """Compares a token in constant time."""
        return secrets.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def _strip_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Lets only reading requests with host and token reach an application.

    Args:
        app: the application.
        access: what a request must bring.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request: refuses it, stores the token as a cookie, or passes it on."""
        if scope["type"] != "http":  # no web sockets here
            return
        refusal = self._refuse(scope)
        await (refusal or self._app)(scope, receive, _add_headers(send))

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["method"] not in METHODS:
            return _say(405, "only GET and HEAD; nothing can be written here", {"allow": ", ".join(METHODS)})
        if not self._access.is_host_allowed(headers.get("host", "")):
            return _say(421, f"unknown host; expected {self._access.host}")
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in asked if name == "token"]
        if given and self._access.is_token(given[0]):
            return self._keep_token(scope["path"], [pair for pair in asked if pair[0] != "token"])
        if self._access.is_token(_read_cookie(headers.get("cookie", ""), self._access.cookie)):
            return None
        return _say(403, "no token; open the address that `gapsmith web` printed")

    def _keep_token(self, path: str, asked: Collection[tuple[str, str]]) -> Response:
        """Redirects to the page without the token, which goes into a cookie."""
        place = "/" + path.lstrip("/\\")  # two slashes would name another host
        answer = RedirectResponse(f"{place}?{urlencode(list(asked))}" if asked else place, 303)
        answer.set_cookie(self._access.cookie, self._access.token, httponly=True, samesite="strict", path="/")
        return answer


def _read_cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _say(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"gapsmith: {words}\n", status, headers)


def _add_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
