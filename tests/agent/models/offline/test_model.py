import ast
import dataclasses
import warnings
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import ModelError, Request
from gapsmith.agent.models.offline.edits import EDITS, Edit, delete_statement, edit_program
from gapsmith.agent.models.offline.expressions import read_text
from gapsmith.agent.models.offline.model import PROPOSALS, OfflineModel
from gapsmith.agent.models.offline.program import Kit, block_of, parse
from gapsmith.evaluators.base import Baseline, Problem
from gapsmith.evaluators.grammar import Argument, EntryPoint, Rule
from gapsmith.evaluators.problems.single_machine_tardiness.grammar import GRAMMAR
from gapsmith.evaluators.problems.single_machine_tardiness.rules import RULES


def _nothing(*_: Any) -> Any:
    return {}


PROBLEM = Problem(
    name="tardiness",
    title="",
    brief="",
    entry=EntryPoint("schedule", (Argument("p", "", ""), Argument("d", "", "")), ""),
    strata=("all",),
    generate=_nothing,
    sizes={},
    counts={},
    read=_nothing,
    cost=lambda instance, solution: 0,
    baseline=lambda instance, seconds: Baseline(0, 0, None, "", 0),
    rules=RULES,
    grammar=GRAMMAR,
)
PLAIN = dataclasses.replace(PROBLEM, grammar=None)
BARE = dataclasses.replace(PROBLEM, grammar=None, rules=())
OPERATORS = [*PROPOSALS, "an operator of tomorrow"]
SEEDS = st.integers(0, 2**63)
SOURCES = [rule.source("schedule") for rule in RULES]
FOREIGN = '''"""By a language model."""
import math
from functools import reduce

ALPHA = 1.5; BETA = [
    1,
]


def rank(p, d, t):  # naïve
    """Ranks – the least first."""
    x = np.maximum(t + p, d) if ALPHA > 1 else d
    y = f"{x!r}\\n"; z = x - p * 2
    return np.where(z < 3, x, d)


import numpy as np


def schedule(p, d):
    return list(np.argsort(rank(p, d, 0)))
'''


def ask(
    operator: str, seed: int, *parents: str, problem: Problem = PROBLEM, model: OfflineModel | None = None
) -> str:
    """The text of a reply."""
    request = Request(
        slot=0, operator=operator, system="", prompt="", seed=seed, problem=problem, parents=parents
    )
    return (model or OfflineModel()).reply(request).text


def code(text: str) -> str:
    """The code of a reply's only fence."""
    fence, rest = text.split("```python\n")
    assert fence == ""
    return rest.split("```\n")[0]


MODEL = OfflineModel()


def program(operator: str, seed: int, *parents: str, problem: Problem = PROBLEM) -> str:
    """The code of a reply of one model for all tests: a kept state would show."""
    return code(ask(operator, seed, *parents, problem=problem, model=MODEL))


def functions(source: str) -> set[str]:
    """The functions that a program defines."""
    return {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def evolved(count: int) -> list[str]:
    """Programs of every operator, each made from those before."""
    pool = [program("explore", seed) for seed in range(20)]
    for seed in range(count - 20):
        rng = Random(seed)
        pool.append(program(rng.choice(OPERATORS), seed, rng.choice(pool), rng.choice(pool)))
    return pool


POOL = evolved(600)
PROGRAMS = st.sampled_from(POOL)


def imports(source: str) -> set[str]:
    """The modules that a program imports."""
    nodes = list(ast.walk(ast.parse(source)))
    assert not any(isinstance(node, ast.ImportFrom) for node in nodes)
    return {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}


def instance(seed: int, n: int) -> tuple[Any, Any]:
    """A small instance with ties, zeros and negative due dates."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 30, n), rng.integers(-20, 15 * n, n)


def run(source: str, p: Any, d: Any) -> list[int]:
    """What a program returns; any warning is an error."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        exec(compile(source, "candidate", "exec"), names)
        return [int(job) for job in names["schedule"](p, d)]


def test_name_and_determinism_are_declared():
    """The control is known as `offline` and says that it is deterministic."""
    assert MODEL.name == "offline"
    assert MODEL.deterministic is True
    assert MODEL.bound_usd(9) == 0


@pytest.mark.parametrize("size", [1, 2, 7])
def test_programs_of_the_grammar_run_and_return_permutations(size):
    """Programs, and what all operators make of them, run without a warning and order every job once."""
    for seed, source in enumerate(POOL[::3]):
        p, d = instance(seed, size)
        assert sorted(run(source, p, d)) == list(range(size)), source


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(OPERATORS), SEEDS, PROGRAMS, PROGRAMS)
def test_replies_are_programs_of_numpy_alone(operator, seed, first, second):
    """Whatever the operator, seed and parents, code parses, has the entry point and imports numpy alone."""
    source = program(operator, seed, first, second)
    assert "schedule" in functions(source)
    assert imports(source) == {"numpy"}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(OPERATORS), SEEDS, PROGRAMS, PROGRAMS)
def test_every_reply_differs_from_its_parents(operator, seed, first, second):
    """No evaluation is spent on a program that was given."""
    assert program(operator, seed, first, second) not in (first, second)


def test_hundreds_of_replies_are_programs():
    """Generation upon generation, every program parses, has the entry point and imports numpy alone."""
    for source in POOL:
        assert "schedule" in functions(source)
        assert imports(source) == {"numpy"}
    assert len(set(POOL)) > 400


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(OPERATORS), SEEDS, st.lists(st.sampled_from([*SOURCES, FOREIGN, "nonsense("]), max_size=2)
)
def test_equal_requests_get_equal_replies(operator, seed, parents):
    """A model that has answered a thousand requests answers as a new one does."""
    assert ask(operator, seed, *parents) == ask(operator, seed, *parents, model=MODEL)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(OPERATORS),
    SEEDS,
    st.lists(st.sampled_from([*SOURCES, FOREIGN, program("explore", 1)]), min_size=1, max_size=2),
    st.sampled_from([PROBLEM, PLAIN]),
)
def test_any_python_can_be_a_parent(operator, seed, parents, problem):
    """Reference rules and programs of language models are parents like others; what comes out is Python."""
    source = program(operator, seed, *parents, problem=problem)
    assert source not in parents
    assert "schedule" in functions(source)


@pytest.mark.parametrize("depth", [80, 900, 5000])
@pytest.mark.parametrize("operator", OPERATORS)
def test_deep_nesting_does_no_harm(operator, depth):
    """A parent that is too deep to be printed is answered like any other."""
    deep = POOL[0].replace("priority = ", f"priority = {'work + ' * depth}")
    for problem in (PROBLEM, PLAIN):
        for seed in range(3):
            assert "schedule" in program(
                operator, seed, deep, f"{SOURCES[0]}    return {'1+' * depth}1\n", problem=problem
            )


def test_a_fence_in_a_docstring_stays_inside_the_fence():
    """Code that speaks of code is still taken out in one piece."""
    parent = f'''"""Example:\n```\nschedule([1], [2])\n```\n"""\n{SOURCES[2]}'''
    reply = ask("refine", 1, parent, problem=PLAIN)
    assert reply.startswith("````python\n")
    assert ast.parse(reply.split("````python\n")[1].split("````")[0])


@pytest.mark.parametrize("parent", ["", "nonsense(", "x = 1", "def other():\n    pass", "a\0b", "(" * 500])
@pytest.mark.parametrize("operator", OPERATORS)
def test_broken_parents_do_no_harm(operator, parent):
    """A parent that is no program at all is as good as none."""
    for problem in (PROBLEM, PLAIN):
        assert "schedule" in functions(program(operator, 7, parent, problem=problem))


def test_edits_keep_the_rest_of_a_foreign_program():
    """What stands around the changed function stays as it was written, semicolons and all."""
    source = program("refine", 3, FOREIGN, problem=PLAIN)
    assert source.startswith(FOREIGN[: FOREIGN.index("def rank")].rstrip())


def test_deletions_leave_no_name_without_a_value():
    """The only statement that gives a value to a name that is read stays; what nobody reads goes."""
    parsed = parse("def schedule(p, d):\n    a = p\n    b = a + d\n    b += a\n    c = d\n    return b\n")
    assert parsed is not None
    found = {edit_program(Random(seed), parsed, (Edit(1, delete_statement),))[1] for seed in range(60)}
    assert found == {"in schedule, deleted: c = d", "in schedule, deleted: b += a"}


def test_called_arguments_are_not_reckoned_with():
    """An argument that is a function is neither added to a number nor put in its place."""
    source = "def schedule(p, d, index):\n    return index(p, d) + d\n"
    parsed = parse(source)
    assert parsed is not None
    for seed in range(200):
        child, _ = edit_program(Random(seed), parsed, EDITS)
        assert child.source.count("index") == 2


def test_without_grammar_and_rules_the_trouble_says_what_to_do():
    """A problem that offers nothing to start from is refused in one line."""
    with pytest.raises(ModelError, match=r"neither grammar nor rules.*add a reference rule"):
        ask("explore", 1, problem=BARE)


def test_a_parent_is_enough_without_grammar_and_rules():
    """A program at hand can be refined whatever the problem lacks."""
    assert program("refine", 1, SOURCES[0], problem=BARE) != SOURCES[0]


@pytest.mark.parametrize(("problem", "limit"), [(PROBLEM, 9_000), (PLAIN, 14_000)])
def test_chains_of_refinements_stay_small(problem, limit):
    """After 200 refinements of refinements a program is still of a size that can be read."""
    for start in range(3):
        source = program("explore", start, problem=problem)
        for seed in range(200):
            source = program("refine", seed, source, problem=problem)
            assert len(source) < limit


def test_simplifications_get_shorter():
    """Simplifying again and again ends at the shortest blocks."""
    for start in range(20):
        sources = [program("explore", start)]
        for seed in range(30):
            sources.append(program("simplify", seed, sources[-1]))
        assert min(map(len, sources)) < 1500


def test_explore_draws_origins_evenly():
    """A third of the new priorities is classical, a third mutants of these, a third random."""
    replies = [ask("explore", seed, model=MODEL) for seed in range(600)]
    for origin in ("classical", "mutant", "random"):
        assert 150 < sum(f"{origin} priority in construct" in reply for reply in replies) < 250


def test_explore_reaches_every_block():
    """No building block of the grammar is left out."""
    replies = " ".join(ask("explore", seed, model=MODEL) for seed in range(100))
    for role, blocks in GRAMMAR.blocks.items():
        assert all(f"{role} = {block.__name__}" in replies for block in blocks)


def test_a_reply_ends_with_two_lines_of_description():
    """Mechanism and change are told, a line each, as a language model is asked to."""
    lines = ask("refine", 5, program("explore", 5)).split("```\n")[-1].splitlines()
    assert [line.split(":")[0] for line in lines] == ["Mechanism", "Change (refine)"]


@settings(max_examples=100, deadline=None)
@given(SEEDS, PROGRAMS, PROGRAMS)
def test_recombination_takes_every_function_from_a_parent_or_crosses_priorities(seed, first, second):
    """Outside the priorities, a child of two programs has nothing that neither had."""
    kit = Kit(PROBLEM)
    parents = [first, second]
    reply = ask("merge", seed, *parents, model=MODEL)
    if "of the second" in reply or "other's priority" in reply:
        child, known = parse(code(reply)), [parse(each) for each in parents]
        for role in kit.roles:
            shapes = {block_of(each.find_source(role)).shape for each in known if each}
            assert child is not None
            assert block_of(child.find_source(role)).shape in shapes


def test_merging_takes_functions_of_the_second_or_crosses_priorities():
    """Most merges of two programs of the grammar do: their replies say so in the words that are looked for above."""
    replies = [
        ask("merge", seed, program("explore", seed), program("explore", seed + 50)) for seed in range(20)
    ]
    assert sum("of the second" in reply or "other's priority" in reply for reply in replies) >= 15


def blocks(source: str) -> list[str]:
    """The grammar's block for each role of a program."""
    kit, parsed = Kit(PROBLEM), parse(source)
    assert parsed is not None
    return [kit.name(role, parsed.find_source(role)) for role in kit.roles]


@pytest.mark.parametrize("operator", ["invent", "tactic"])
def test_another_mechanism_has_other_blocks_than_all_parents(operator):
    """Where the grammar has a block that no parent uses, a new mechanism uses none of theirs."""
    for seed in range(60):
        parents = [program("explore", 1000 + 2 * seed), program("explore", 1001 + 2 * seed)]
        used = zip(*map(blocks, parents), strict=True)
        child = blocks(program(operator, seed, *parents))
        assert all(name not in names for name, names in zip(child, used, strict=True))


def test_blocks_are_taken_evenly_where_parents_use_all():
    """Parents that use every block leave the least used ones to a new program."""
    pool = [program("explore", seed) for seed in range(60)]
    uses = list(zip(*map(blocks, pool), strict=True))
    child = blocks(program("tactic", 1, *pool))
    for role, counts in zip(GRAMMAR.blocks, map(Counter, uses), strict=True):
        least = min(counts[block.__name__] for block in GRAMMAR.blocks[role])
        assert counts[child[list(GRAMMAR.blocks).index(role)]] == least


def test_inventions_keep_a_priority_now_and_then():
    """What a parent's priority knows moves to another mechanism half of the time."""
    parent = parse(program("explore", 1))
    assert parent is not None
    kit = Kit(PROBLEM)
    telling = parent.replace_source(
        "construct", kit.fill(GRAMMAR.sources("construct")["dispatch"], read_text("due - 7 * now"))
    )
    children = [program("invent", seed, telling.source) for seed in range(60)]
    assert 5 < sum("due - 7 * now" in child for child in children) < 55


def test_specialising_is_a_bigger_step_than_refining():
    """A specialised program differs from its parent in more functions than a refined one, on the average."""
    kit, changed = Kit(PROBLEM), {"refine": 0, "specialise": 0}
    for seed in range(100):
        source = program("explore", seed)
        parent = parse(source)
        for operator in changed:
            child = parse(program(operator, seed, source))
            assert child is not None
            assert parent is not None
            changed[operator] += sum(
                child.find_source(role) != parent.find_source(role) for role in kit.roles
            )
    assert changed["specialise"] > 1.3 * changed["refine"]


def test_numbers_of_blocks_never_exceed_twice_their_origin():
    """However long the chain of changes, a block never does more than twice what its author allowed."""
    kit = Kit(PROBLEM)
    source = program("explore", 0)
    for seed in range(400):
        source = program("refine", seed, source)
        parsed = parse(source)
        assert parsed is not None
        for role in kit.roles:
            limits = kit.find_limits(role, parsed.find_source(role))
            values = [each.value for each in block_of(parsed.find_source(role)).literals]
            assert all(1 <= value <= 2 * limit for value, limit in zip(values, limits, strict=True))


def test_repair_replaces_what_is_not_ours():
    """A function that no block of the grammar resembles is the suspect."""
    parent = parse(program("explore", 1))
    assert parent is not None
    broken = parent.replace_source("improve", "def improve(p, d, sequence):\n    return sequence[::0]").source
    repaired = parse(program("repair", 1, broken))
    assert repaired is not None
    assert Kit(PROBLEM).name("improve", repaired.find_source("improve"))


def test_helpers_do_not_get_lost():
    """A function that needs another of its module does not move to a program that lacks it."""
    parent = parse(program("explore", 1))
    assert parent is not None
    needy = parent.replace_source(
        "improve", "def improve(p, d, sequence):\n    return helper(sequence)"
    ).source
    helper = "def helper(sequence):\n    return sequence\n\n\n"
    for seed in range(40):
        child = program("merge", seed, program("explore", 2), helper + needy)
        assert "helper(" not in child or "def helper(" in child


def test_problems_of_one_rule_and_no_grammar_are_searched():
    """A user's own file of forty lines gets mutants of its rule."""
    problem = dataclasses.replace(PLAIN, rules=(Rule("EDD", RULES[0].function, ""),))
    found = {program("explore", seed, problem=problem) for seed in range(50)}
    assert len(found) >= 5


@pytest.mark.parametrize(("seconds", "word"), [(None, "1"), (0.25, "0.25"), (10.0, "10")])
def test_compiled_blocks_are_told_the_cpu_limit(seconds, word):
    """The limit of a run stands in its programs, which stay known as the grammar's; the search's share does not."""
    problem = dataclasses.replace(find_problem("job_shop", scale="medium"), cpu_cap=seconds, cpu_share=0.6)
    source = program("explore", 3, problem=problem)
    assert f"\nSECONDS = {word}\n" in source
    assert Kit(problem).recognise(parse(source))
