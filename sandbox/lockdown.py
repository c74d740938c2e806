"""What a child does to itself before it runs a candidate; decided once, in the zygote."""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import Any

from gapsmith.sandbox import rlimits

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Lockdown:
    """The layers that children put on themselves.

    Attributes:
        layers: the layers wanted, by name.
        base: the zygote's footprint.
        own_uid: whether the uid's processes are this zygote's alone.
    """

    layers: frozenset[str]
    base: rlimits.Footprint
    own_uid: bool = False
    zygote: int = field(default_factory=os.getpid)

    def at_birth(self) -> None:
        """Ties the child's life to the zygote's."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != self.zygote:
                os._exit(0)

    def before_candidate(self, job: dict[str, Any]) -> None:
        """Puts on everything that depends on the job. Raises OSError."""
        if "rlimits" in self.layers:
            rlimits.apply(job, self.base, self.own_uid)
