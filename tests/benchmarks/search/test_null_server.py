"""The model without intelligence, over real sockets, and the changes that it makes."""

import ast
from random import Random

import null_server
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import Request
from gapsmith.agent.models.factory import open_model
from gapsmith.evaluators.catalogue import list_problems

RULES = [
    (problem.entry, rule.source(problem.entry.name))
    for problem in map(find_problem, list_problems())
    for rule in problem.rules
]


@settings(max_examples=60)
@given(st.sampled_from(RULES), st.integers(0, 2**32), st.integers(1, 4))
def test_a_mutant_is_a_program_of_its_own(rule, seed, generations):
    """Every mutant, also of mutants, passes the screen and is not the program that it came from."""
    entry, source = rule
    for _ in range(generations):
        mutant = null_server.mutated(source, Random(seed))
        compile(mutant, "mutant", "exec")
        assert screen(mutant, entry).outcome == "ok"
        assert ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(source))
        source = mutant


def test_the_seed_decides():
    """Equal seeds give equal mutants, and different seeds many different ones."""
    entry, source = RULES[0]
    twice = [[null_server.mutated(source, Random(seed)) for seed in range(30)] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len({screen(mutant, entry).hash for mutant in twice[0]}) > 5


@pytest.mark.parametrize("kind", sorted({kind.__name__ for kind in null_server.KINDS}))
def test_each_kind_of_change_changes(kind):
    """Each kind of change finds a place in a function that has one, and what it makes is another tree."""
    source = (
        "def f(a, b):\n    while a < 3 and b:\n        a = min(a, b) + 1\n        b = a * 2\n    return a"
    )
    before = ast.dump(ast.parse(source))
    made = set()
    for seed in range(20):
        rng, tree = Random(seed), ast.parse(source)
        rng.choice(list(getattr(null_server, kind)(tree.body[0], rng)))()
        made.add(ast.dump(tree))
    assert made - {before}


SYSTEM = '# The function\n```python\ndef f(a):\n    """Names the mechanism."""\n```\n'
FIRST, SECOND = "```python\ndef f(a): return 1\n```\n", "````python\ndef f(a): return 2\n````\n"


@pytest.mark.parametrize(
    "after",
    ["", "```text\ndef f(a): 3\n```\n", "```python\ndef f(: 4\n```\n", "```python\ndef g(a): 5\n```\n"],
)
def test_the_last_program_is_the_one_that_is_changed(after):
    """Of several programs the last one that is Python and has the entry point is taken, whatever else is fenced."""
    entry = null_server.entry_of(SYSTEM)
    assert null_server.shown_program(FIRST + SECOND + after, entry) == "def f(a): return 2\n"


def test_a_prompt_without_a_program_is_answered():
    """Before any program was shown the empty function is changed, and after that the one that was shown last."""
    with null_server.NullServer(seed=1) as server:
        answers = [
            server.answer(null_server.Question(SYSTEM, prompt))
            for prompt in ("invent", FIRST, "invent again", "and again")
        ]
    assert all(null_server.shown_program(answer, "f") for answer in answers)
    assert ["return" in answer for answer in answers] == [False, True, True, True]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_it_answers_over_sockets(api):
    """Both ways of asking get a mutant of the program shown, another one each time, the same after a restart."""
    problem = find_problem("single_machine_tardiness")
    source = problem.rules[0].source("schedule")
    request = Request(
        slot=0,
        operator="refine",
        system="the contract",
        prompt=f"# Task\n```python\n{source}```\n",
        seed=0,
        problem=problem,
    )
    sittings = []
    for _ in range(2):
        with null_server.NullServer(seed=5) as server:
            model = open_model("openai:null", base_url=server.url, api=api, environment={})
            replies = [model.reply(request) for _ in range(4)]
            model.close()
        sittings.append([reply.text for reply in replies])
    assert sittings[0] == sittings[1]
    programs = {extract(text, problem.entry).source for text in sittings[0]}
    assert len(programs) > 1
    assert all(screen(program, problem.entry).outcome == "ok" for program in programs)
    assert source not in programs
    assert replies[0].tokens_in > 0 < replies[0].tokens_out
