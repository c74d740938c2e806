"""Composes the question of a slot: its first row in the archive, its prompt, its request."""

from gapsmith.agent.archive import Candidate
from gapsmith.agent.codegen.prompt import Prompt, render
from gapsmith.agent.models.base import Request
from gapsmith.agent.runs.loop.model_calls import ModelCalls, Question
from gapsmith.agent.runs.loop.slot import Slot
from gapsmith.agent.search.instances import Course


def compose_question(slot: Slot, course: Course, calls: ModelCalls) -> Question:
    """Renders what a slot asks."""
    choice, prompt = slot.choice, _find_prompt(slot, course, calls)
    request = Request(
        slot=slot.number,
        operator=choice.operator.name,
        system=prompt.system,
        prompt=prompt.text,
        seed=calls.number(slot.number, "reply"),
        problem=course.problem,
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


def _find_prompt(slot: Slot, course: Course, calls: ModelCalls) -> Prompt:
    """Returns the prompt as sent in a batch before, else renders it."""
    if (batch := calls.mail.sent(slot.number)) is None:
        return render(course.problem, slot.choice, course.train)
    sent = batch.slots[str(slot.number)]
    return Prompt(batch.system, sent["prompt"], sent["template"])
