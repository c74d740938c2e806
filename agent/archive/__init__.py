"""The database: runs, programs, evaluations, baselines, calls and events.

Only this package writes it.
"""

from gapsmith.agent.archive.queries import SlotCost, StoredVersion
from gapsmith.agent.archive.safety.leases import Lease
from gapsmith.agent.archive.tables import (
    ADDED,
    DISCOVERY,
    ArmRow,
    BaselineRow,
    BatchRow,
    Call,
    CallRow,
    Candidate,
    CandidateRow,
    CounterexampleRow,
    Evaluation,
    Event,
    Program,
    RunRow,
    find_run_kind,
)
from gapsmith.agent.archive.writer import Archive

__all__ = [
    "ADDED",
    "DISCOVERY",
    "Archive",
    "ArmRow",
    "BaselineRow",
    "BatchRow",
    "Call",
    "CallRow",
    "Candidate",
    "CandidateRow",
    "CounterexampleRow",
    "Evaluation",
    "Event",
    "Lease",
    "Program",
    "RunRow",
    "SlotCost",
    "StoredVersion",
    "find_run_kind",
]
