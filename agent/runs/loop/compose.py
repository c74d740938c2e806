"""Composes the request of a slot, or restores it.

It has the first row in the archive, the prompt and the request.
"""

from collections.abc import Mapping

from gapsmith.agent.archive import Archive, Candidate, CandidateRow
from gapsmith.agent.codegen.prompt import Prompt, render
from gapsmith.agent.models.base import Request
from gapsmith.agent.runs.loop.model_calls import ModelCalls, Question
from gapsmith.agent.runs.loop.slot import Slot
from gapsmith.agent.search.choice import Choice, Failure
from gapsmith.agent.search.instances import Splits
from gapsmith.agent.search.operators import REPAIR, TUNE, Operator
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import SearchState


def compose_question(slot: Slot, splits: Splits, calls: ModelCalls) -> Question:
    """Renders what a slot asks."""
    choice, prompt = slot.choice, _find_prompt(slot, splits, calls)
    request = Request(
        slot=slot.number,
        operator=choice.operator.name,
        system=prompt.system,
        prompt=prompt.text,
        seed=calls.number(slot.number, "reply"),
        problem=splits.problem,
        parents=choice.sources,
        message=choice.failure.message if choice.failure else "",
    )
    return Question(make_candidate_row(slot, calls.run), request, prompt.template)


def make_candidate_row(slot: Slot, run: int) -> Candidate:
    """Makes the candidate's first row in the archive."""
    return Candidate(
        run=run,
        slot=slot.number,
        operator=slot.choice.operator.name,
        name=slot.name,
        parents=slot.choice.programs,
        arm=slot.choice.arm,
        model=slot.model,
    )


def _find_prompt(slot: Slot, splits: Splits, calls: ModelCalls) -> Prompt:
    """Returns the prompt as sent in a batch before, else renders it."""
    return calls.batches.restore_prompt(slot.number) or render(splits.problem, slot.choice, splits.train)


def recall_choice(
    row: CandidateRow, operators: Mapping[str, Operator], state: SearchState, archive: Archive
) -> Choice:
    """Restores the choice of an earlier session."""
    operator = operators[row.operator]
    if operator not in (REPAIR, TUNE):
        found = [state.find(program) for program in row.parents]
        return state.recall(Choice(operator, tuple(elite for elite in found if elite), arm=row.arm))
    program = row.parents[0] if row.parents else 0  # a recording may not know it
    source = archive.find(program).source if row.parents else ""
    if operator is TUNE:
        elite = state.find_tuned(program) or Elite(program, source, 0, float("inf"), ())
        return Choice(operator, (elite,), arm=row.arm)
    lost = Failure(program, source, "did not run to its end", 1)
    return state.recall(Choice(operator, failure=state.take_failure(program) or lost, arm=row.arm))
