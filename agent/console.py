"""Where people read: stdout and stderr, and nothing that is shown there can do more than be read."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gapsmith.agent.harmless import harmless


class PlainConsole(Console):
    """A console that takes no word for an instruction: neither markup nor escape sequences nor turned letters.

    Models, candidates, errors, instance files and archives of others all put words on it; its own colours come
    from styles, never from words.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of what is shown, each with harmless text alone."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


OUT = PlainConsole()
ERRORS = PlainConsole(stderr=True)
