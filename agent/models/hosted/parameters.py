"""Optional request parameters, which some models know and others refuse."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gapsmith.agent.models.hosted.account import ProviderReply
from gapsmith.agent.models.hosted.transport.errors import Fault

_REJECTED = (400, 422)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One optional parameter.

    Attributes:
        name: as the user knows it.
        body: what it adds to the body of a request.
        called: a pattern of the words by which servers refer to it.
        instead: added once the server has refused `body`.
    """

    name: str
    body: Mapping[str, Any]
    called: str
    instead: Mapping[str, Any] = field(default_factory=dict)


class Parameters:
    """The optional parameters of a model's requests.

    One that the model refuses is left out from then on. A list of which model supports which parameter would soon
    be wrong, so the model is asked. Safe in threads.
    """

    def __init__(self, wanted: Sequence[Parameter]) -> None:
        self._wanted = {each.name: each for each in wanted}
        self._refused: list[str] = []
        self._untold: list[str] = []
        self._lock = threading.Lock()

    def ask(self, send: Callable[[dict[str, Any]], ProviderReply | Fault]) -> ProviderReply | Fault:
        """Sends a request, without the parameters that the model refuses.

        Each refused parameter is reported once.
        """
        while True:
            with self._lock:
                given = [name for name in self._wanted if name not in self._refused]
            result = send(self._body(given))
            if not isinstance(result, Fault):
                return replace(result, left_out=self._take_news())
            if not (name := self._find_refused(result, given)):
                return result
            self._refuse(name)

    @property
    def body(self) -> dict[str, Any]:
        """What a request says now, beyond the question."""
        with self._lock:
            return self._body([name for name in self._wanted if name not in self._refused])

    def leave_out(self, fault: Fault) -> bool:
        """Tells whether a request failed for one of the parameters.

        That parameter is left out from then on.
        """
        if name := self._find_refused(fault, list(self._wanted)):
            self._refuse(name)
        return bool(name)

    def _body(self, given: Sequence[str]) -> dict[str, Any]:
        parts = [each.body if each.name in given else each.instead for each in self._wanted.values()]
        return {key: value for part in parts for key, value in part.items()}

    def _find_refused(self, fault: Fault, given: Sequence[str]) -> str:
        """Returns the first given parameter that a refusal names.

        Empty where it names none.
        """
        if fault.status not in _REJECTED:
            return ""
        words = f"{fault.parameter} {fault.message}"
        found = {name: re.search(rf"\b({self._wanted[name].called})\b", words, re.I) for name in given}
        places = {name: match.start() for name, match in found.items() if match}
        return min(places, key=lambda name: places[name], default="")

    def _refuse(self, name: str) -> None:
        with self._lock:
            if name not in self._refused:
                self._refused.append(name)
                self._untold += [] if self._wanted[name].instead else [name]

    def _take_news(self) -> tuple[str, ...]:
        with self._lock:
            news, self._untold = tuple(self._untold), []
        return news
