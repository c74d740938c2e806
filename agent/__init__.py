"""The job: what to ask for, whom to ask, what to keep. Whatever the command line does is one call of these."""

from gapsmith.agent.archive import Archive
from gapsmith.agent.budget import Budget
from gapsmith.agent.discovery import Run, Settings, discover, resume
from gapsmith.agent.evaluating import Entrant, evaluate, file_entrants, named_entrants, solve
from gapsmith.agent.executor import LocalExecutor
from gapsmith.agent.export import export
from gapsmith.agent.problems import find_problem, read_instances
from gapsmith.agent.reporting import Report

__all__ = [
    "Archive",
    "Budget",
    "Entrant",
    "LocalExecutor",
    "Report",
    "Run",
    "Settings",
    "discover",
    "evaluate",
    "export",
    "file_entrants",
    "find_problem",
    "named_entrants",
    "read_instances",
    "resume",
    "solve",
]
