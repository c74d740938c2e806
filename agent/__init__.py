"""The Python interface of Gapsmith.

Each command of the command line is a call of these functions.
"""

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.compare import Entrant, evaluate, find_entrants, read_entrants, solve
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.problems import find_problem, read_instances
from gapsmith.agent.reports.export.module import export
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.discover import discover, resume
from gapsmith.agent.runs.final.report import Report
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings

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
    "find_entrants",
    "find_problem",
    "read_entrants",
    "read_instances",
    "resume",
    "solve",
]
