"""A run as a recording, which can be replayed without a key.

What is reproduced: a search that asked only deterministic models, and that neither money nor time could end, follows
from its settings, so that its replay makes the same choices and has the same fingerprint. Of any other search the
choices (operator, arm, parents, tuned programs) are recorded: its replay has the same questions, replies, candidates
and costs. What depended on the order of answers, such as the elite that a candidate was raced against, is decided
again, in the order of the slots; so all replays of one recording are equal.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gapsmith.agent.archive import DISCOVERY, Archive, Call, CallRow, Candidate, CandidateRow, RunRow
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.models import (
    Header,
    ModelError,
    Recorded,
    Recording,
    ReplayModel,
    Reply,
    read_recording,
)
from gapsmith.agent.models.base import Model
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.models.storable import make_call, read_reply
from gapsmith.agent.runs.config import check_settings
from gapsmith.agent.runs.final.entropy import find_last_drawn
from gapsmith.agent.runs.ownership import hash_problem, is_ours, mark
from gapsmith.agent.runs.settings import EARLIER_DEFAULTS, FILES, Settings
from gapsmith.agent.search.operators import BY_NAME, TUNE
from gapsmith.evaluators.base import GapsmithError, Problem, UsageError
from gapsmith.evaluators.outcomes import CandidateOutcome

OTHERWISE = ("workers", "minimum_level", "executor")
NOT_TOLD = (*OTHERWISE, "model", "models", "base_url", "batch")
"""Settings that are the user's, or this machine's: a recording does not say them."""

_STRICT = TypeAdapter(Settings)


def record_run(archive: Archive, row: RunRow, folder: Path = Path()) -> Recording:
    """Returns the recording of a run.

    Args:
        archive: that holds the run.
        row: the run's.
        folder: where the recording is to be: paths inside it are relative to it, so that it may be moved whole.

    Raises:
        GapsmithError: where nothing was answered yet.
    """
    run = row.id or 0
    calls, candidates = archive.read_calls(run), archive.read_candidates(run)
    if not calls:
        raise GapsmithError(f"run {run} has no replies yet; expected a run that asked a model")
    if row.kind != DISCOVERY:  # of `gapsmith model` and its kin: their questions follow from the replies
        return Recording(tuple(_make_line(call) for call in calls.values()))
    asked, slots = {call.model for call in calls.values()}, max(candidates) + 1
    header = _make_header(archive, row, asked, slots, folder)
    wanted = [slot for slot, each in candidates.items() if slot in calls or each.operator == TUNE.name]
    if not header.has_choices:
        return Recording(tuple(_make_line(calls[slot]) for slot in wanted if slot in calls), header)
    births = _find_births(candidates)
    return Recording(
        tuple(_make_choice_line(archive, candidates[slot], calls.get(slot), births) for slot in wanted),
        header,
    )


def read_settings(values: Mapping[str, Any], trusted: bool = False) -> Settings | None:
    """Returns the settings of a run that a recording alone describes.

    None where a problem is named, or other models.

    Args:
        values: what was given, flat, as `config.settings` takes it; how many work at once, where, and how well they
            are isolated is never the recording's to say.
        trusted: whether the files that it names may be used: a problem file is run with the user's rights.

    Raises:
        UsageError: where more is given, the recording holds replies alone, or names files and is not trusted.
        ModelError: where the recording is malformed.
    """
    models = values.get("model", ())
    if "problem" in values or len(models) != 1 or not models[0].startswith("replay:"):
        return None
    header = read_recording(models[0].removeprefix("replay:")).header
    if header is None:
        raise UsageError(
            f"{models[0]} does not say which problem it is of; expected one, as in: gapsmith run tsp"
        )
    changed = {name: values[name] for name in OTHERWISE if name in values}
    if more := sorted(set(values) - {"model", "archive", *OTHERWISE}):
        raise UsageError(
            f"{more[0]} is given, but the recording says what it was; name the problem to use it freely"
        )
    folder = Path(models[0].removeprefix("replay:")).parent
    found = _locate_files(_read_settings(header, models[0]), folder)
    if not trusted:
        _check_files(found, header, models[0], folder)
    return replace(found, models=tuple(models), **changed)


def _read_settings(header: Header, where: str) -> Settings:
    """Reads the settings of a header, without those a recording cannot set.

    Raises ModelError.
    """
    given = {name: value for name, value in header.settings.items() if name not in NOT_TOLD}
    given = {**EARLIER_DEFAULTS, **given}
    if more := sorted(set(given) - {field.name for field in fields(Settings)}):
        raise ModelError(f"{where}: the first line has the setting {more[0][:60]!r}; use a newer Gapsmith")
    try:
        found = _STRICT.validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "settings"
        raise ModelError(f"{where}: the first line has {place[:60]}: {first['msg']}") from None
    for name, value in {**vars(found), **vars(found.budget)}.items():
        if isinstance(value, int | float) and not 0 <= value <= (1 << 63) - 1:
            raise ModelError(f"{where}: the first line has {name} {value:g}; expected a number from 0")
    return check_settings(found)


def _check_files(found: Settings, header: Header, where: str, folder: Path) -> None:
    """Raises UsageError where a foreign recording names files."""
    files = [*([found.problem] if found.problem.endswith(".py") else []), *found.instances, *found.test]
    if files and not is_ours(_list_sealed(header.settings, folder), header.mark):
        raise UsageError(
            f"{where} names {', '.join(files[:3])}, which would be used with your rights, and was not recorded by this "
            f"user on this machine, or the file has changed; give --trust if its maker is trusted"
        )


def _list_sealed(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Returns what a recording's mark covers: settings and the code they name."""
    problem = _locate_problem(str(settings.get("problem", "")), folder)
    return {"settings": settings, "code": hash_problem(problem)}


def _make_header(archive: Archive, row: RunRow, models: Collection[str], slots: int, folder: Path) -> Header:
    settings = Settings.decode(row.config)
    # The window is part of what decides, and follows from the batches; an address stays private.
    words = tuple(map(hide_login, settings.models))
    kept = replace(settings, parallel=settings.window, batch=False, base_url=None, models=words)
    limited = settings.budget.usd is not None or settings.budget.seconds is not None
    has_choices = limited or not all(map(_is_reproducible, models))
    plain = _make_portable(kept.encode(), folder)
    return Header(
        settings=plain,
        has_choices=has_choices,
        fingerprint=archive.compute_fingerprint(row.id or 0),
        slots=slots,
        final_seed=find_last_drawn(archive, row.id or 0),
        mark=mark(_list_sealed(plain, folder)),
    )


def _make_portable(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Makes paths relative to the recording's folder where they are inside it."""
    files = {name: [_shorten_path(path, folder) for path in settings[name]] for name in FILES}
    problem = settings["problem"]
    if problem.endswith(".py"):
        problem = _shorten_path(problem, folder)
    return {**settings, **files, "problem": problem}


def _shorten_path(path: str, folder: Path) -> str:
    found = os.path.relpath(path, folder)
    return path if found.startswith(os.pardir) else found


def _locate_files(found: Settings, folder: Path) -> Settings:
    """Returns settings whose relative paths start at the recording's folder."""
    return replace(
        found,
        instances=tuple(os.path.join(folder, path) for path in found.instances),
        test=tuple(os.path.join(folder, path) for path in found.test),
        problem=_locate_problem(found.problem, folder),
    )


def _locate_problem(problem: str, folder: Path) -> str:
    return os.path.join(folder, problem) if problem.endswith(".py") else problem


def _is_reproducible(model: str) -> bool:
    """Tells whether a model's replies follow from the seed alone.

    For a replay: whether that was so of its recording.
    """
    kind, _, path = model.partition(":")
    if kind != "replay":
        return kind == "offline"
    header = read_recording(path).header
    return header is None or not header.has_choices


def _find_births(candidates: Mapping[int, CandidateRow]) -> dict[int, int]:
    """Maps programs to the slots that had them first."""
    found: dict[int, int] = {}
    for slot, row in candidates.items():
        if slot >= 0 and row.program is not None:
            found.setdefault(row.program, slot)
    return found


def _make_line(call: CallRow) -> Recorded:
    model = hide_login(call.model)
    return Recorded(reply=read_reply(call), slot=call.slot, operator=call.operator, model=model)


def _make_choice_line(
    archive: Archive, row: CandidateRow, call: CallRow | None, births: Mapping[int, int]
) -> Recorded:
    """Returns a slot with its choice and its program."""
    line = _make_line(call) if call else Recorded(reply=Reply(text=""), slot=row.slot, operator=row.operator)
    parents = tuple(births[program] for program in row.parents if program in births)
    source = "" if row.program is None else archive.find(row.program).source
    return replace(line, arm=row.arm, parents=parents, source=source)


def import_recording(
    archive: Archive, run: int, problem: Problem, seeds: Sequence[str], models: Sequence[Model]
) -> None:
    """Writes recorded choices and replies into a run that has just begun.

    Args:
        archive: that holds the run.
        run: its number.
        problem: as in the recording.
        seeds: programs that the run starts from, in addition to the rules.
        models: of the run; only a recording that is the only model has choices.

    Raises:
        UsageError: where a recorded choice cannot be one of this version's.
    """
    replays = [model for model in models if isinstance(model, ReplayModel) and model.has_choices]
    if not replays or len(models) > 1:
        return
    given = [rule.source(problem.entry.name) for rule in problem.rules] + list(seeds)
    numbers = {slot: _number(archive, problem, source) for slot, source in enumerate(given)}
    lines = replays[0].recording.lines
    for line in lines:
        if line.slot is not None and line.source:
            numbers[line.slot] = _number(archive, problem, line.source)
    for line in lines:
        archive.answer(_make_row(run, line, numbers), _call(run, line))


def _number(archive: Archive, problem: Problem, source: str) -> int:
    found = screen(source, problem.entry)
    return archive.add_program(problem.name, found.key, found.source, found.size, problem.version)[0]


def _make_row(run: int, line: Recorded, numbers: dict[int, int]) -> Candidate:
    if line.slot is None or line.operator not in BY_NAME:
        raise UsageError(
            f"the recording has slot {line.slot} with operator {line.operator!r}; expected one of "
            f"{', '.join(BY_NAME)}: record the run again with this version"
        )
    tuned = line.operator == TUNE.name
    if tuned and line.slot not in numbers:
        raise UsageError(
            f"the recording has no program for slot {line.slot}, which was tuned; record the run again"
        )
    return Candidate(
        run=run,
        slot=line.slot,
        operator=line.operator,
        parents=[numbers[slot] for slot in line.parents if slot in numbers],
        program=numbers[line.slot] if tuned else None,
        outcome=CandidateOutcome.TUNED if tuned else CandidateOutcome.ASKED,
        arm=line.arm,
        model=line.model,
    )


def _call(run: int, line: Recorded) -> Call | None:
    """Returns the call as its archive had it, without the prompt.

    Prompts are not recorded.
    """
    if line.operator == TUNE.name:
        return None
    return make_call(line.reply, run=run, slot=line.slot or 0, model=line.model, operator=line.operator)
