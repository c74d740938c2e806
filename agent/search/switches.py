"""Parts of the search that can be switched off."""

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Switches:
    """Parts of the search that can be switched off, for comparisons only."""

    arms: bool = True
    racing: bool = True
    gate: bool = True
    tuning: bool = True
    novelty: bool = True
    frontier: bool = True
    plateaus: bool = True

    @classmethod
    def switch_off(cls, names: Sequence[str]) -> "Switches":
        """Switches the named parts off. Raises KeyError for an unknown name."""
        known = [each.name for each in fields(cls)]
        if unknown := [name for name in names if name not in known]:
            raise KeyError(unknown[0])
        return cls(**{name: name not in names for name in known})
