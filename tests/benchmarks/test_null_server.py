"""The model without intelligence, over real sockets, and the changes that it makes."""

import ast
import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.opening import open_model
from gapsmith.agent.problems import find_problem, problem_names
from gapsmith.agent.screen import extract, screen

SEARCH = Path(__file__).parents[2] / "benchmarks" / "search"


def load(name):
    """Imports a script of the benchmarks, which no import path leads to."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_search_{name}", SEARCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


null_server = load("null_server")
RULES = [
    (problem.entry, rule.source(problem.entry.name))
    for problem in map(find_problem, problem_names())
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


def test_the_last_program_is_the_one_that_is_changed():
    """Of several programs in a prompt the last one that is Python is taken, whatever else is fenced."""
    prompt = (
        "```python\ndef f(): return 1\n```\n````python\ndef f(): return 2\n````\n```text\ndef f(): 3\n```\n"
    )
    broken = "```python\ndef f(: return 4\n```\n"
    assert null_server.shown_program(prompt + broken) == "def f(): return 2\n"


def test_a_prompt_without_a_program_is_refused():
    """What cannot be changed is an error, not a made-up program."""
    with pytest.raises(ValueError, match="no Python program"):
        null_server.shown_program("please improve")


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
    programs = {extract(text, problem.entry) for text in sittings[0]}
    assert len(programs) > 1
    assert all(screen(program, problem.entry).outcome == "ok" for program in programs)
    assert source not in programs
    assert replies[0].tokens_in > 0 < replies[0].tokens_out
