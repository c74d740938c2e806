"""What every page is made from: archive, templates, kept figures."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.agent.web import formats

T = TypeVar("T")

TEMPLATES = Path(__file__).parent / "templates"
KEPT = 200
FRESH = 2.0
"""Seconds for which figures of a run in progress are kept."""
LASTING = 600.0
"""Seconds for which figures of a finished run are kept."""


@dataclass(frozen=True)
class Page:
    """A page before it is written.

    Attributes:
        template: its template.
        title: its title.
        facts: what the template shows.
        live: whether it changes while a run goes on.
        status: HTTP status.
    """

    template: str
    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    live: bool = False
    status: int = 200


class Kept:
    """Values that were computed a short while ago.

    The number of values is limited; the oldest is dropped first.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, seconds: float, compute: Callable[[], T]) -> T:
        """Returns a kept value, computed now if it is too old."""
        now = time.monotonic()
        with self._lock:
            found = self._values.get(key)
        if found is not None and now - found[0] <= seconds:
            return found[1]  # type: ignore[no-any-return]
        value = compute()
        with self._lock:
            self._values[key] = (time.monotonic(), value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class View:
    """The archive as pages see it.

    Args:
        store: the archive, opened for reading.
        name: what it is called on the pages.

    Attributes:
        kept: figures that take a while to compute.
        drawing: held while a program is run for a drawing, one at a time.
    """

    def __init__(self, store: Archive, name: str) -> None:
        self.store, self.name = store, name
        self.kept = Kept()
        self.drawing = threading.Lock()
        self._templates = make_templates()

    def write(self, page: Page, path: str, seen: float) -> str:
        """Writes a page as HTML.

        Args:
            page: what it shows.
            path: its address, for the navigation.
            seen: time of the last change of the archive, seconds since the epoch.
        """
        template = self._templates.get_template(page.template)
        return template.render(
            **page.facts, title=page.title, live=page.live, archive=self.name, path=path, seen=seen
        )


def make_templates() -> Environment:
    """Makes the environment of all templates; whatever they show is escaped."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= formats.FILTERS
    return found


def _clean(value: Any) -> Any:
    """Removes control characters and marks of direction from texts."""
    if value is None:
        return "–"
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value
