"""A recording as the beginning of a run: as if an earlier sitting had made the choices and got the replies."""

from collections.abc import Sequence

from gapsmith.agent.archive import Archive, Call, Candidate
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.models import Recorded, ReplayModel
from gapsmith.agent.models.base import Model
from gapsmith.agent.search.operators import BY_NAME, TUNE
from gapsmith.evaluators.base import Problem, UsageTrouble


def retell(
    archive: Archive, run: int, problem: Problem, seeds: Sequence[str], models: Sequence[Model]
) -> None:
    """Writes what a recording tells of choices and replies into a run that has just begun.

    Args:
        archive: that holds the run.
        run: its number.
        problem: as in the recording.
        seeds: programs that the run starts from besides the rules.
        models: who answers; nothing is told by any but a recording that stands alone.

    Raises:
        UsageTrouble: where a recorded choice cannot be one of this version's.
    """
    told = [model for model in models if isinstance(model, ReplayModel) and model.told]
    if not told or len(models) > 1:
        return
    given = [rule.source(problem.entry.name) for rule in problem.rules] + list(seeds)
    numbers = {slot: _number(archive, problem, source) for slot, source in enumerate(given)}
    lines = told[0].recording.lines
    for line in lines:
        if line.slot is not None and line.source:
            numbers[line.slot] = _number(archive, problem, line.source)
    for line in lines:
        archive.answer(_row(run, line, numbers), _call(run, line) if line.operator != TUNE.name else None)


def _number(archive: Archive, problem: Problem, source: str) -> int:
    found = screen(source, problem.entry)
    return archive.program(problem.name, found.key, found.source, found.size, problem.version)[0]


def _row(run: int, line: Recorded, numbers: dict[int, int]) -> Candidate:
    if line.slot is None or line.operator not in BY_NAME:
        raise UsageTrouble(
            f"the recording has slot {line.slot} with operator {line.operator!r}; expected one of "
            f"{', '.join(BY_NAME)}: record the run again with this version"
        )
    tuned = line.operator == TUNE.name
    if tuned and line.slot not in numbers:
        raise UsageTrouble(
            f"the recording has no program for slot {line.slot}, which was tuned; record the run again"
        )
    return Candidate(
        run=run,
        slot=line.slot,
        operator=line.operator,
        parents=[numbers[slot] for slot in line.parents if slot in numbers],
        program=numbers[line.slot] if tuned else None,
        outcome="tuned" if tuned else "asked",
        arm=line.arm,
        model=line.model,
    )


def _call(run: int, line: Recorded) -> Call:
    """The call as its archive had it, but for the prompt, which is not recorded."""
    reply = line.reply
    return Call(
        run=run,
        slot=line.slot or 0,
        model=line.model,
        operator=line.operator,
        template="",
        system="",
        prompt="",
        reply=reply.text,
        tokens_in=reply.tokens_in,
        tokens_cached=reply.tokens_cached,
        tokens_out=reply.tokens_out,
        usd=reply.usd,
        seconds=reply.seconds,
        reply_id=reply.id,
        detail=dict(reply.detail),
    )
