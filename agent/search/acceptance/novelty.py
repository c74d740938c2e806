"""What a program did, and who did the same before.

Behaviour is told by decisions, not by costs: an optimum may be reached in many ways, and a cost by chance.
"""

import hashlib
from collections.abc import Mapping, Sequence

from gapsmith.agent.search.selection.population import Elite

Decisions = Mapping[str, str]
"""What a program did, as a short hash, by the short name of an instance; see `short`."""


def told(decisions: Decisions) -> str:
    """In one word for each instance, as the archive keeps it."""
    return " ".join(f"{name}:{decision}" for name, decision in decisions.items())


def recalled(text: str) -> Decisions:
    """The decisions again, of what the archive kept; nothing where it kept them in another form."""
    parts = [word.partition(":") for word in text.split()]
    return {name: decision for name, _, decision in parts if decision}


def fingerprint(decisions: Decisions) -> bytes:
    """Equal where the same was done on the same instances, in whatever order they came."""
    return hashlib.sha256(told(dict(sorted(decisions.items()))).encode()).digest()[:12]


def twin_of(decisions: Decisions, elites: Sequence[Elite]) -> Elite | None:
    """The first of the elites that does the same on all these instances."""
    for elite in elites if decisions else ():
        if all(elite.decisions.get(name) == decision for name, decision in decisions.items()):
            return elite
    return None
