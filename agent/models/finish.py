"""How replies end."""

from enum import StrEnum


class Finish(StrEnum):
    """How a reply ended: the value of `detail["finish"]` of every hosted reply."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    FAILED = "failed"
