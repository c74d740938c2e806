"""What is remembered: runs, programs, evaluations, baselines, calls and events. The only writer of the database."""

from gapsmith.agent.archive.store import Archive
from gapsmith.agent.archive.tables import ArmRow, CallRow, CandidateRow, Event, Program, RunRow

__all__ = ["Archive", "ArmRow", "CallRow", "CandidateRow", "Event", "Program", "RunRow"]
