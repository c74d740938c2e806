"""A program as a module to download."""

from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.reports.export.module import export
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.pages.solution import PATIENCE
from gapsmith.agent.web.view import LASTING, View
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.catalogue import list_problems


def write_module(view: View, ask: Ask) -> tuple[str, str]:
    """Returns name and text of the module of a program.

    As on the command line it must repeat costs of the archive in the sandbox first.

    Raises GapsmithError where it does not, or its problem is not built in.
    """
    number = ask.path["number"]
    program = view.store.find(number)
    if program.problem not in list_problems():
        raise GapsmithError(
            f"program {number} is of {program.problem}, which is no built-in problem; export it with: "
            f"gapsmith export {number} -o my_rule.py"
        )
    if not view.drawing.acquire(timeout=PATIENCE):
        raise GapsmithError("another program is being run; try again in a moment")
    try:
        text = view.kept.get(("module", number), LASTING, lambda: _export(view, number))
    finally:
        view.drawing.release()
    return f"program_{number}.py", text


def _export(view: View, number: int) -> str:
    with LocalExecutor(1) as executor:
        return export(number, view.store, executor).text
