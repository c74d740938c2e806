"""A server on this machine that speaks both APIs as on a bad day: it refuses, breaks, drops, stalls and cuts.

Not called by itself. It extends the loopback server of the tests by faults that are drawn for every request, and by
a ledger of what it delivered in full: what a real provider would have billed and the client could have kept. A
reply that is torn while it is sent is on another page of the ledger: billed, and nobody's to keep.
"""

import importlib.util
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "data" / "tiny_tardiness.py"
PATHS = {"responses": "/v1/responses", "chat": "/v1/chat/completions", "messages": "/v1/messages"}


def _loopback() -> ModuleType:
    """The server of the tests, which is no package."""
    spec = importlib.util.spec_from_file_location(
        "loopback", ROOT / "tests" / "agent" / "models" / "server.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["loopback"] = module
    spec.loader.exec_module(module)
    return module


loopback: Any = sys.modules.get("loopback") or _loopback()


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of the requests that meet each fault; and seconds that an answer takes.

    Attributes:
        refused: 429, with a wait in one of the forms that servers have for it.
        broken: 500.
        dropped: the connection is closed, half of them before an answer and half in the middle of one.
        slow: the answer takes ten times as long.
        truncated: the answer ends at its limit, half of them inside the code and half behind it.
    """

    refused: float = 0.10
    broken: float = 0.05
    dropped: float = 0.05
    slow: float = 0.05
    truncated: float = 0.05
    latency: float = 0.1

    def draw(self, rng: Random) -> str:
        """The fault of one request; empty for none."""
        names = ("refused", "broken", "dropped", "slow", "truncated")
        shares = [getattr(self, name) for name in names]
        return rng.choices([*names, ""], [*shares, 1.0 - sum(shares)])[0]


@dataclass(frozen=True)
class Bill:
    """One reply that was delivered in full.

    Attributes:
        id: of the reply.
        begun: the moment of the monotonic clock at which its request was there.
        at: the moment at which all of it was handed to the connection.
        tokens_in: all of the input.
        tokens_cached: those of it that came from the cache.
        tokens_out: of the reply.
    """

    id: str
    begun: float
    at: float
    tokens_in: int
    tokens_cached: int
    tokens_out: int


class FaultyServer(loopback.LoopbackServer):  # type: ignore[misc]  # loaded from a file, so that its type is unknown
    """Serves programs for the tiny problem of the tests, every one different, with faults by the mix.

    Args:
        mix: of the faults.
        seed: of the order in which they come.
    """

    def __init__(self, mix: Mix, seed: int = 0) -> None:
        super().__init__(self._program)
        self.mix = mix
        self.faults = Counter[str]()
        self.delivered: list[Bill] = []
        self.torn: list[str] = []
        self._rng = Random(seed)
        self._numbers = itertools.count(1)
        self._drawing = threading.Lock()
        self._local = threading.local()
        self._http.RequestHandlerClass = _Handler

    def drawn(self) -> str:
        """The fault of the next request."""
        with self._drawing:
            fault = self.mix.draw(self._rng)
            self.faults[fault or "none"] += 1
            self._local.fault, self._local.half = fault, self._rng.random() < 0.5
            self._local.begun = time.monotonic()
        return fault

    @property
    def half(self) -> bool:
        """A coin for the request of this thread."""
        return bool(self._local.half)

    def refusal(self) -> tuple[int, Any, Mapping[str, str]]:
        """A 429 with a short wait, in a form that changes."""
        forms: list[dict[str, str]] = [
            {"retry-after-ms": "150"},
            {"retry-after": "0.2"},
            {"retry-after": formatdate(time.time() + 1, usegmt=True)},
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"},
            {},
        ]
        with self._drawing:
            headers = self._rng.choice(forms)
        return 429, {"error": {"type": "rate_limit_error", "message": "slow down"}}, headers

    def add_lesson(self, body: Mapping[str, Any], whole: bool) -> None:
        """Enters a reply that was sent into the ledger."""
        with self._drawing:
            if whole:
                self.delivered.append(_bill(body, (self._local.begun, time.monotonic())))
            else:
                self.torn.append(str(body["id"]))

    def _program(self, prompt: str) -> Any:
        fault, number = self._local.fault, next(self._numbers)
        time.sleep(self.mix.latency * (10.0 if fault == "slow" else 1.0))
        code = (
            "```python\nimport numpy as np\n\n\ndef schedule(p, d):\n"
            f"    order = np.argsort(d + {number / 997:.6f} * p, kind='stable')\n    return order\n```\n"
        )
        if fault != "truncated":
            return f"{code}Mechanism: due dates, and {number / 997:.3f} of the processing time.\n"
        return loopback.Shaped(code[: -len("    return order\n```\n")] if self.half else code, "truncated")


def _bill(body: Mapping[str, Any], times: tuple[float, float]) -> Bill:
    usage = body["usage"]
    if "prompt_tokens" in usage:
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        return Bill(body["id"], *times, usage["prompt_tokens"], cached, usage["completion_tokens"])
    if "cache_read_input_tokens" in usage:
        cached = usage["cache_read_input_tokens"]
        return Bill(body["id"], *times, usage["input_tokens"] + cached, cached, usage["output_tokens"])
    cached = usage["input_tokens_details"]["cached_tokens"]
    return Bill(body["id"], *times, usage["input_tokens"], cached, usage["output_tokens"])


class _Handler(loopback._Handler):  # type: ignore[misc]  # noqa: SLF001 - as above
    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        data = self.rfile.read(length)
        if len(data) < length:  # who asked was killed meanwhile
            self.close_connection = True
            return
        server: FaultyServer = self.server.loopback
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = server.drawn()
        if fault == "refused":
            self._send(*server.refusal())
        elif fault == "broken":
            self._send(500, {"error": {"type": "api_error", "message": "internal error"}}, {})
        elif fault == "dropped" and server.half:
            self.close_connection = True
        else:
            self._deliver(server.handle(loopback.Received(self.path, headers, json.loads(data))), fault)

    def _deliver(self, response: tuple[int, Any, Mapping[str, str]], fault: str) -> None:
        status, body, headers = response
        if fault == "dropped":
            self._tear(body)
            return
        self._send(status, body, headers)
        self.wfile.flush()
        if status == 200:
            self.server.loopback.add_lesson(body, whole=True)

    def _tear(self, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.server.loopback.add_lesson(body, whole=False)
