"""The built-in model: a genetic programmer over Python source.

No key, no network, and the control to beat.

Its entry point is a language model's: a request in, code in a fence out. Where the problem has a grammar,
programs are put together from its blocks; any other parent is changed blindly, statement by statement.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from random import Random

from gapsmith.agent.models.base import ModelError, Reply, Request
from gapsmith.agent.models.offline import assembly, edits
from gapsmith.agent.models.offline import formulations as offline_formulations
from gapsmith.agent.models.offline.assembly import Draft
from gapsmith.agent.models.offline.program import Kit, Program, block_of, parse
from gapsmith.evaluators.base import Problem

TRIES = 8


class Workspace:
    """A problem's grammar made ready, with its rules as programs."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def kit(self) -> Kit | None:
        """The grammar's blocks, None where the problem has no grammar."""
        return Kit(self.problem) if self.problem.grammar else None

    @cached_property
    def rules(self) -> tuple[Program, ...]:
        """The reference rules."""
        programs = (parse(rule.source(self.problem.entry.name)) for rule in self.problem.rules)
        return tuple(program for program in programs if program is not None)

    def parse_parent(self, source: str) -> Program | None:
        """Parses a parent; None where it lacks the entry point."""
        program = parse(source)
        return program if program and self.problem.entry.name in program.names else None

    def recognise(self, program: Program) -> Program | None:
        """Returns a program if it is made of the grammar's roles."""
        return self.kit.recognise(program) if self.kit else None


Parents = tuple[Program, ...]
Proposal = Callable[[Workspace, Random, Parents], Draft]


def explore(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Writes a new program.

    Without a grammar, a reference rule or a parent with a few changes.
    """
    if workspace.kit:
        return assembly.make_fresh(workspace.kit, rng)
    stock = workspace.rules or parents
    if not stock:
        raise ModelError(
            f"problem {workspace.problem.name} has neither grammar nor rules: `offline` has nothing to start "
            "from; add a reference rule to the problem, or use another model."
        )
    return _edit(rng, rng.choice(stock), rng.choice((1, 2, 3)))


def invent(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Writes another mechanism, with blocks that no parent has.

    Without a grammar, a rule with a few changes.
    """
    return (
        assembly.make_invented(workspace.kit, rng, _read_known(workspace, parents))
        if workspace.kit
        else explore(workspace, rng, parents)
    )


def try_tactic(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Writes a new program where search has been least."""
    return (
        assembly.make_unlike(workspace.kit, rng, _read_known(workspace, parents))
        if workspace.kit
        else explore(workspace, rng, parents)
    )


def _read_known(workspace: Workspace, parents: Parents) -> Parents:
    return tuple(program for program in map(workspace.recognise, parents) if program)


def refine(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Makes one change to the best parent, rarely two."""
    return _step(workspace, rng, parents, 1 if rng.random() < 0.75 else 2, assembly.REFINEMENTS)


def specialise(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Makes two to four changes at once to the best parent.

    Other blocks and new priorities first.
    """
    return _step(workspace, rng, parents, rng.choice((2, 3, 4)), assembly.LEAPS)


def _step(
    workspace: Workspace, rng: Random, parents: Parents, steps: int, table: tuple[assembly.Edit, ...]
) -> Draft:
    if not parents:
        return explore(workspace, rng, parents)
    known = workspace.recognise(parents[0])
    if workspace.kit is None or known is None:
        # A foreign program can only be changed blindly; a grammar has a better use for every other request.
        blindly = workspace.kit is None or rng.random() < 0.5
        return _edit(rng, parents[0], steps) if blindly else explore(workspace, rng, ())
    words: list[str] = []
    for _ in range(steps):
        draft = assembly.change(workspace.kit, rng, known, table) or assembly.make_fresh(workspace.kit, rng)
        known, words = draft.program, [*words, draft.words]
    return Draft(known, ", then ".join(words))


def merge(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Combines functions of two parents in one program."""
    if len(parents) < 2:
        return refine(workspace, rng, parents)
    first, second = parents[:2] if rng.random() < 0.5 else parents[1::-1]
    known = _read_known(workspace, (first, second))
    if workspace.kit and len(known) == 2:
        return assembly.cross_programs(workspace.kit, rng, first, second) or refine(
            workspace, rng, (first, second)
        )
    return _exchange_function(rng, first, second) or refine(workspace, rng, (*known, first))


def simplify(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Shortens a program: part of a priority, cheaper block, fewer statements."""
    if not parents:
        return explore(workspace, rng, parents)
    known = workspace.recognise(parents[0])
    if workspace.kit is None or known is None:
        shorter = _edit(rng, parents[0], 1, (edits.Edit(1, edits.delete_statement),))
        return shorter if shorter.program != parents[0] else refine(workspace, rng, parents)
    for _ in range(TRIES):
        draft = assembly.change(workspace.kit, rng, known, assembly.SIMPLIFICATIONS)
        if draft and len(draft.program.source) < len(known.source):
            return draft
    return refine(workspace, rng, parents)


def repair(workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Replaces the suspicious part of a failing parent.

    A function that is none of the grammar's first.
    """
    known = workspace.recognise(parents[0]) if parents else None
    if workspace.kit and known:
        return assembly.change(workspace.kit, rng, known, assembly.REPAIRS) or assembly.make_fresh(
            workspace.kit, rng
        )
    return explore(workspace, rng, parents) if rng.random() < 0.5 else refine(workspace, rng, parents)


# A new operator is a line here; names that are not known are asked for as refinements.
PROPOSALS: Mapping[str, Proposal] = {
    "explore": explore,
    "refine": refine,
    "merge": merge,
    "invent": invent,
    "specialise": specialise,
    "tactic": try_tactic,
    "simplify": simplify,
    "repair": repair,
}


def _edit(rng: Random, program: Program, steps: int, table: tuple[edits.Edit, ...] = edits.EDITS) -> Draft:
    words = []
    for _ in range(steps):
        program, done = edits.edit_program(rng, program, table)
        words.append(done)
    return Draft(program, ", then ".join(words))


def _exchange_function(rng: Random, first: Program, second: Program) -> Draft | None:
    """Replaces one function of the first program by the second's.

    Where both have one of that name and size.
    """
    shared = [name for name in first.names if name in second.names]
    shared = [name for name in shared if _can_fit(first.find_source(name), second.find_source(name))]
    if not shared:
        return None
    name = rng.choice(shared)
    child = first.replace_source(name, second.find_source(name))
    return Draft(child, f"{name} of the second") if child != second else None


def _can_fit(old: str, new: str) -> bool:
    return (
        old != new
        and block_of(new).is_whole(frozenset(("np",)))
        and block_of(old).arity == block_of(new).arity >= 0
    )


class OfflineModel:
    """Answers requests by genetic programming.

    Equal requests, equal replies, whatever was asked before.
    """

    name = "offline"
    deterministic = True

    def __init__(self) -> None:
        self._desk: Workspace | None = None

    def bound_usd(self, length: int) -> float:
        """Returns zero: the built-in model costs nothing."""
        return 0.0

    def reply(self, request: Request) -> Reply:
        """Writes a program.

        Raises ModelError where the problem gives nothing to start from.
        """
        if request.problem and (library := request.problem.library):
            return offline_formulations.reply(request, request.problem, library)
        workspace, rng = self._open_workspace(request.problem), Random(request.seed)
        parents = tuple(program for program in map(workspace.parse_parent, request.parents) if program)
        propose = PROPOSALS.get(request.operator, refine)
        draft = _draw_new(propose, workspace, rng, parents)
        words = _describe(workspace, request.operator, draft)
        return Reply(text=f"{_add_fence(draft.program.source)}\n{words}\n")

    def _open_workspace(self, problem: Problem | None) -> Workspace:
        """Returns the sources of a grammar, read once for each problem.

        Reading them takes longer than a reply.
        """
        if problem is None:
            raise ModelError("offline assembles heuristics and reads no words; expected another --model")
        if self._desk is None or self._desk.problem is not problem:
            self._desk = Workspace(problem)
        return self._desk


def _draw_new(propose: Proposal, workspace: Workspace, rng: Random, parents: Parents) -> Draft:
    """Draws a program that no parent equals, if possible.

    In a few tries.
    """
    known = {parent.source for parent in parents}
    draft = propose(workspace, rng, parents)
    for _ in range(TRIES):
        if draft.program.source not in known:
            break
        draft = propose(workspace, rng, parents)
    return draft


def _add_fence(source: str) -> str:
    """Encloses code in a fence longer than any inside it."""
    fence = "```" if "```" not in source else "`" * (1 + max(map(len, re.findall("`+", source))))
    return f"{fence}python\n{source}{fence}"


def _describe(workspace: Workspace, operator: str, draft: Draft) -> str:
    known = workspace.recognise(draft.program)
    mechanism = (
        assembly.describe_mechanism(workspace.kit, known)
        if workspace.kit and known
        else "a program changed blindly"
    )
    return f"Mechanism: {mechanism}.\nChange ({operator}): {draft.words}."
