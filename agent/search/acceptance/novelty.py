"""Behaviour of programs, and duplicates by behaviour.

Behaviour means decisions, not costs: an optimum may be reached in many ways, and a cost by chance.
"""

import hashlib
from collections.abc import Mapping, Sequence

from gapsmith.agent.search.selection.population import Elite

Decisions = Mapping[str, str]
"""Short hashes of a program's solutions, by the short digest of the instance; see `staged.shorten_digest`."""


def encode_behaviour(decisions: Decisions) -> str:
    """Encodes decisions as the archive keeps them: one word per instance."""
    return " ".join(f"{name}:{decision}" for name, decision in decisions.items())


def decode_behaviour(text: str) -> Decisions:
    """Decodes decisions of the archive; none where they have another form."""
    parts = [word.partition(":") for word in text.split()]
    return {name: decision for name, _, decision in parts if decision}


def hash_behaviour(decisions: Decisions) -> bytes:
    """Hashes decisions, whatever the order of the instances."""
    return hashlib.sha256(encode_behaviour(dict(sorted(decisions.items()))).encode()).digest()[:12]


def find_duplicate(decisions: Decisions, elites: Sequence[Elite]) -> Elite | None:
    """Finds the first elite with the same decisions on all these instances."""
    for elite in elites if decisions else ():
        if all(elite.decisions.get(name) == decision for name, decision in decisions.items()):
            return elite
    return None
