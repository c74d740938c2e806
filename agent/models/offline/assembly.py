"""Assembles programs from a grammar's blocks, and mutates them."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from gapsmith.agent.models.offline.algebra import simplify
from gapsmith.agent.models.offline.expressions import Node, write_text
from gapsmith.agent.models.offline.program import LEAST_SETTING, Block, Kit, Program, block_of

TRIES = 8


class Draft(NamedTuple):
    """A program and how it was made."""

    program: Program
    words: str


# A change gives None when the program offers it nothing to do.
Change = Callable[[Kit, Random, Program], Draft | None]


def make_fresh(kit: Kit, rng: Random) -> Draft:
    """Makes a new program: random blocks with priorities of their own."""
    functions, words = {}, []
    for role in kit.roles:
        functions[role], origin = _make_block(kit, rng, role)
        words += [f"{origin} priority in {role}"] if origin else []
    return Draft(kit.assemble(functions), "new program, " + (", ".join(words) or "no priority"))


def make_invented(kit: Kit, rng: Random, parents: Sequence[Program]) -> Draft:
    """Makes a program of the blocks that the parents use least.

    None of the parents' blocks where there are others.

    A priority of the first parent's moves along half of the time: a new mechanism may need no new knowledge.
    """
    functions, words = {}, []
    for role in kit.roles:
        source = kit.blocks[role][_find_least_used(kit, rng, role, parents)].source
        inherits = bool(parents) and rng.random() < 0.5
        functions[role] = _refit(kit, rng, source, parents[0].find_source(role) if inherits else source)
        words.append(f"{role} = {kit.name(role, source)}")
    return Draft(kit.assemble(functions), "another mechanism, " + ", ".join(words))


def make_unlike(kit: Kit, rng: Random, parents: Sequence[Program]) -> Draft:
    """Makes a program of rarely used blocks, with new priorities."""
    functions = {}
    for role in kit.roles:
        block = kit.blocks[role][_find_least_used(kit, rng, role, parents)]
        functions[role] = _add_priority(kit, rng, block.source)[0]
    return Draft(kit.assemble(functions), "new program of blocks that are least used")


def _find_least_used(kit: Kit, rng: Random, role: str, parents: Sequence[Program]) -> str:
    uses = Counter(kit.name(role, parent.find_source(role)) for parent in parents)
    least = min(uses[name] for name in kit.blocks[role])
    return rng.choice([name for name in kit.blocks[role] if uses[name] == least])


def _make_block(kit: Kit, rng: Random, role: str) -> tuple[str, str]:
    return _add_priority(kit, rng, rng.choice(list(kit.blocks[role].values())).source)


def _add_priority(kit: Kit, rng: Random, source: str) -> tuple[str, str]:
    if kit.get_priority(source) is None:
        return source, ""
    node, origin = kit.words.draw_priority(rng)
    return kit.fill(source, node), origin


def replace_block(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Replaces one role's block; a priority is kept if both have one."""
    role = rng.choice(kit.roles)
    old = program.find_source(role)
    others = [name for name in kit.blocks[role] if name != kit.name(role, old)]
    if not others:
        return None
    name = rng.choice(others)
    new = _refit(kit, rng, kit.blocks[role][name].source, old)
    return _set_block(kit, program, role, new, f"became {name}")


def _set_block(kit: Kit, program: Program, role: str, new: str, words: str) -> Draft:
    old = kit.name(role, program.find_source(role)) or "a function of its own"
    return Draft(program.replace_source(role, new), f"{role}: {old} {words}")


def _refit(kit: Kit, rng: Random, new: str, old: str) -> str:
    if kit.get_priority(new) is None:
        return new
    node = kit.get_priority(old)
    return kit.fill(
        new, node if node is not None and kit.words.can_write(node) else kit.words.draw_priority(rng)[0]
    )


def _list_holes(kit: Kit, program: Program) -> list[tuple[str, Node]]:
    priorities = ((role, kit.get_priority(program.find_source(role))) for role in kit.roles)
    return [(role, node) for role, node in priorities if node is not None]


def _set_priority(kit: Kit, program: Program, role: str, node: Node, words: str) -> Draft:
    return Draft(program.replace_source(role, kit.fill(program.find_source(role), node)), f"{role}: {words}")


def replace_priority(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Changes one priority by a move of the vocabulary."""
    holes = _list_holes(kit, program)
    if not holes:
        return None
    role, node = rng.choice(holes)
    changed, move = kit.words.mutate(rng, node)
    if changed == node:
        return None
    return _set_priority(kit, program, role, changed, f"priority changed ({move})")


def renew_priority(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Starts one priority anew."""
    holes = _list_holes(kit, program)
    if not holes:
        return None
    role, _ = rng.choice(holes)
    node, origin = kit.words.draw_priority(rng)
    return _set_priority(kit, program, role, node, f"priority replaced by a {origin} one")


def scale_number(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Scales one number of a block by at most two.

    Never above twice what the author of the block wrote.
    """
    role = rng.choice(
        [each for each in kit.roles if kit.find_limits(each, program.find_source(each))] or [""]
    )
    if not role:
        return None
    block, limits = block_of(program.find_source(role)), kit.find_limits(role, program.find_source(role))
    place = rng.randrange(len(limits))
    literal = block.literals[place]
    value = min(literal.value * 2 ** rng.uniform(-1, 1), 2 * limits[place])
    new = str(max(LEAST_SETTING, round(value))) if isinstance(literal.value, int) else f"{value:.4g}"
    return Draft(
        program.replace_source(role, block.replace_number(literal, new)),
        f"{role}: {literal.value} became {new}",
    )


def shorten_priority(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Hoists a part of a priority, or simplifies it by algebra."""
    holes = _list_holes(kit, program)
    if not holes:
        return None
    role, node = rng.choice(holes)
    plain = simplify(node)
    hoisted = kit.words.move(rng, node, "hoist")
    changed = plain if plain != node and kit.words.is_fit(plain) else hoisted
    return _set_priority(kit, program, role, changed, "priority shortened") if changed else None


def shorten_block(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Gives one role to its shortest block; a priority moves along."""
    role = rng.choice(kit.roles)
    name, block = min(kit.blocks[role].items(), key=lambda item: len(item[1].source))
    if name == kit.name(role, program.find_source(role)):
        return None
    return _set_block(
        kit, program, role, _refit(kit, rng, block.source, program.find_source(role)), f"became {name}"
    )


def replace_suspect_block(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Replaces a function that is none of the grammar's.

    Code of other authors is the most likely to fail.
    """
    suspects = [role for role in kit.roles if not kit.name(role, program.find_source(role))]
    if not suspects:
        return None
    role = rng.choice(suspects)
    return _set_block(kit, program, role, _make_block(kit, rng, role)[0], "was suspect and is replaced")


def restore_priority(kit: Kit, rng: Random, program: Program) -> Draft | None:
    """Puts a classical priority where another one stood."""
    holes = [(role, node) for role, node in _list_holes(kit, program) if node not in kit.words.classics]
    if not holes or not kit.words.classics:
        return None
    classic = rng.choice(kit.words.classics)
    return _set_priority(kit, program, rng.choice(holes)[0], classic, "priority made classical")


class Edit(NamedTuple):
    """A change and how often it is drawn."""

    weight: float
    change: Change


# A new change is one function and one line in these tables.
REFINEMENTS = (
    Edit(5, replace_priority),
    Edit(3, replace_block),
    Edit(1.5, scale_number),
    Edit(0.5, renew_priority),
)
LEAPS = (Edit(2, replace_block), Edit(2, renew_priority), Edit(1, replace_priority), Edit(1, scale_number))
SIMPLIFICATIONS = (Edit(2, shorten_priority), Edit(1, shorten_block))
REPAIRS = (
    Edit(100, replace_suspect_block),
    Edit(1, restore_priority),
    Edit(1, shorten_block),
    Edit(1, replace_block),
)


def change(kit: Kit, rng: Random, program: Program, edits: tuple[Edit, ...] = REFINEMENTS) -> Draft | None:
    """Applies one change, drawn from a table.

    None if none of those drawn applies.
    """
    for _ in range(TRIES):
        draft = rng.choices(edits, [edit.weight for edit in edits])[0].change(kit, rng, program)
        if draft is not None and draft.program != program:
            return draft
    return None


def cross_programs(kit: Kit, rng: Random, first: Program, second: Program) -> Draft | None:
    """Combines functions of both parents.

    Sometimes a priority gets a part of the other parent's.
    """
    child = first
    taken: list[str] = []
    for role in kit.roles:
        gift = second.find_source(role)
        if rng.random() < 0.5 and gift != child.find_source(role) and block_of(gift).is_whole(kit.given):
            child, taken = child.replace_source(role, gift), [*taken, f"{role} of the second"]
    if rng.random() < 0.5 or child in (first, second):
        crossing = _cross_priority(kit, rng, child, rng.choice((first, second)))
        child, taken = (crossing.program, [*taken, crossing.words]) if crossing else (child, taken)
    return Draft(child, ", ".join(taken)) if child not in (first, second) else None


def _cross_priority(kit: Kit, rng: Random, program: Program, donor: Program) -> Draft | None:
    holes, gifts = _list_holes(kit, program), _list_holes(kit, donor)
    if not holes or not gifts:
        return None
    role, node = rng.choice(holes)
    crossing = kit.words.cross(rng, node, rng.choice(gifts)[1])
    return _set_priority(kit, program, role, crossing, "part of the other's priority") if crossing else None


def describe_mechanism(kit: Kit, program: Program) -> str:
    """Describes in one line what a program is made of."""
    return "; ".join(_list_played(kit, role, block_of(program.find_source(role))) for role in kit.roles)


def _list_played(kit: Kit, role: str, block: Block) -> str:
    name = kit.name(role, block.source) or "a function of its own"
    node = kit.get_priority(block.source)
    return f"{role} = {name}" + (f" by {write_text(node, kit.words.signs)}" if node else "")
