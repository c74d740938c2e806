"""Programs name nothing that reaches beyond computing: an exported module has the rights of its user."""

import builtins
import importlib
import types
import warnings
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.codegen.forbidden import _step
from gapsmith.agent.codegen.forbidden_names import (
    BY_NAME,
    METHODS,
    MODULES,
    UNSAFE_ATTRIBUTES,
    UNSAFE_BUILTINS,
)
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

PAYLOADS = (
    '(8,)[0 * __import__("os").system("id")]',
    *(
        "__builtins__",
        "__loader__",
        "__spec__",
        "eval('1')",
        "exec('1')",
        "compile('1', 'x', 'eval')",
        "open('x')",
    ),
    *(
        "[open][0]('x')",
        "globals()",
        "locals()",
        "vars(np)",
        "dir()",
        "input()",
        "breakpoint()",
        "(lambda e=eval: e)()",
    ),
    *("().__class__", "p.__class__.__base__", "(lambda: 0).__globals__", "len.__self__", "f'{p.__class__}'"),
    *(
        "f'{1:{p.__class__}}'",
        "getattr(p, 'a' + 'b')",
        "getattr(p, '__class__')",
        "getattr(*[p, 'x'])",
        "map(getattr, p, d)",
    ),
    *("setattr(np, 'sort', 1)", "setattr(p, '__class__', 1)", "hasattr(p, d)", "delattr(p, '__x__')"),
    *(
        "'{0.__class__}'.format(p)",
        "'{0.a}'.format(p)",
        "'{:{0.a}}'.format(p)",
        "d.format(p)",
        "str.format('{0.a}', p)",
    ),
    *("f'{0}'.format(p)", "'{x.a}'.format_map(d)", "getattr('{0.a}', 'format')(p)", "'{0.a}'.format"),
    *(
        "np.load('x')",
        "np.fromfile('x')",
        "np.save('x', p)",
        "np.savez('x', p)",
        "np.memmap('x')",
        "np.ctypeslib",
    ),
    *(
        "np.os",
        "np.lib.npyio",
        "np.lib.format",
        "np.lib._datasource",
        "np.testing",
        "np.f2py",
        "np.core",
        "np._core",
    ),
    *(
        "np.ma.core.builtins",
        "np.random.mtrand",
        "np.bmat('p')",
        "np.rec.fromfile('x')",
        "np.sys",
        "np.test()",
    ),
    *(
        "np.lib.stride_tricks.as_strided(p)",
        "np",
        "[np]",
        "np.random",
        "p.ctypes",
        "p.tofile('x')",
        "p.dump('x')",
    ),
    *(
        "random._os",
        "collections._sys",
        "random",
        "statistics.sys",
        "dataclasses.sys",
        "dataclasses.builtins.eval",
    ),
    *(
        "typing.sys",
        "fractions.sys",
        "operator.attrgetter('__class__')",
        "operator.attrgetter('a.__class__')",
    ),
    *(
        "operator.attrgetter",
        "operator.attrgetter(d)",
        "operator.methodcaller('format', p)",
        "operator.methodcaller(d)",
    ),
    *(
        "functools.update_wrapper",
        "functools.wraps(p, updated=d)",
        "functools.wraps(p, d)",
        "functools.wraps",
    ),
    *("functools.singledispatch", "functools.partial(getattr, p)", "functools.reduce(getattr, d, p)"),
    *("typing.get_type_hints(p)", "typing.ForwardRef('x')", "typing.Type[int]", "typing.get_origin(d)"),
    *(
        "typing.NamedTupleMeta",
        "typing.ABCMeta",
        "dataclasses.make_dataclass('A', d)",
        "copy.copyreg",
        "copy.types",
    ),
    *("type('A', (), {})", "type(int)('A', (), {})", "type", "type(p)", "type(int) == p", "map(type, d)"),
    *(
        "(x for x in p).gi_frame",
        "(x for x in p).gi_frame.f_builtins",
        "int.mro()",
        "main(['x'])",
        "self_test()",
    ),
    *(
        "np.sort.__self__",
        "np.linalg.__dict__",
        "np.__dict__",
        "math.__loader__",
        "np.fft.helper",
    ),
)
HEADER = (
    "import numpy as np\nimport math, random, collections, statistics, dataclasses, typing, fractions\n"
    "import operator, functools, copy\n"
)
PLACES = (
    "def schedule(p, d):\n    return {}\n",
    "def schedule(p, d, x={}):\n    return x\n",
    "X = {}\ndef schedule(p, d):\n    return d\n",
    "@{}\ndef other(p): return p\ndef schedule(p, d):\n    return d\n",
    "class A({}): pass\ndef schedule(p, d):\n    return d\n",
    "class A:\n    x = {}\ndef schedule(p, d):\n    return d\n",
    "class A(metaclass={}): pass\ndef schedule(p, d):\n    return d\n",
    "def schedule(p: {}, d):\n    return d\n",
    "def schedule(p, d) -> {}:\n    return d\n",
    "def schedule(p, d):\n    x: {} = 1\n    return d\n",
    "def schedule(p, d):\n    return [x for x in p if {}]\n",
    "def schedule(p, d):\n    return (lambda x={}: x)()\n",
    "def schedule(p, d):\n    return {{1: {}}}\n",
    "def schedule(p, d):\n    return p[{}:]\n",
    "def schedule(p, d):\n    match p:\n        case 1 if {}: pass\n    return d\n",
    "def schedule(p, d):\n    with {} as x: pass\n    return d\n",
    "def schedule(p, d):\n    try: pass\n    except {}: pass\n    return d\n",
    "def schedule(p, d):\n    assert 1, {}\n    return d\n",
    "def schedule(p, d):\n    yield {}\n",
    "def schedule(p, d):\n    if 0:\n        for p[{}] in d: pass\n    return d\n",
    "async def a():\n    await {}\ndef schedule(p, d):\n    return d\n",
)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", PLACES[:3])
def test_what_reaches_beyond_computing_is_refused(payload, place):
    """It is refused by its syntax, before anything runs, with the line and the name."""
    screened = screen(HEADER + place.format(payload), ENTRY)
    assert screened.outcome == "forbidden_name", payload
    assert screened.message.startswith("line ")


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(PAYLOADS),
    st.sampled_from(PLACES),
    st.sampled_from(("{}", "({}, 1)", "[*[{}]]", "not {}", "d[{}]")),
)
def test_no_place_hides_a_payload(payload, place, around):
    """Defaults, decorators, bases, annotations, guards, strings in f-strings: all are looked at."""
    source = HEADER + place.format(around.format(payload))
    assert screen(source, ENTRY).outcome in ("forbidden_name", "syntax_error")


STATEMENTS = (
    *(
        "from os import system",
        "import sys",
        "from numpy import ctypeslib",
        "from numpy import load as x",
        "from typing import *",
    ),
    *(
        "from numpy import *",
        "from random import _os",
        "from numpy.lib.stride_tricks import as_strided",
        "import numpy.testing",
    ),
    *(
        "from operator import attrgetter as g; x = g(y)",
        "from functools import wraps as w; x = [w]",
        "import numpy.f2py as n",
    ),
    *("from functools import update_wrapper", "import math as np", "class A:\n    __array_interface__ = {}"),
    *("class A:\n    def __getattr__(self, n): return 1", "class A:\n    def __reduce__(self): return 1"),
    *("class A:\n    __match_args__ = ('x',)", "class A:\n    def __class_getitem__(c, k): return 1"),
    *("match 1:\n    case object(__class__=x): pass", "match 1:\n    case object(gi_frame=x): pass"),
    *(
        "try: 1\nexcept Exception as e: e.obj",
        "class A:\n    def __exit__(self, a, e, t): return e.obj",
        "np.sort = 1",
    ),
    *(
        "del np.sort",
        "np.sort += 1",
        "from collections import Counter; Counter.update = 1",
        "def f(x: '__import__(1)'): pass",
    ),
    *(
        "x: 'List[f(1)]' = 1",
        "global __builtins__",
        "def __getattr__(n): return 1",
        "from numpy import random; x = random",
    ),
    *(
        "import numpy.linalg as l; x = l",
        "from numpy import random as r; r.mtrand",
        "from .x import y",
        "import collections.abc as c; c.sys",
    ),
    *(
        "import string; string.Formatter()",
        "import re; re._compiler",
        "lambda: __name__.__class__",
        "f(__import__=1)",
    ),
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_binds_too_much_is_refused(statement):
    """Imports, special methods, patterns and assignments that lead beyond computing."""
    source = f"import numpy as np\n{statement}\n\n\ndef schedule(p, d):\n    return d\n"
    allowed = frozenset(
        ("re", "string", "numpy", "math", "operator", "functools", "typing", "random", "collections")
    )
    assert screen(source, ENTRY, allowed | {"collections.abc"}).outcome in (
        "forbidden_name",
        "forbidden_import",
    )


HARMLESS = (
    *(
        "type(p) is int",
        "type(p).__name__",
        "isinstance(p, int)",
        "getattr(p, 'size', 0)",
        "'{:.2f} {}'.format(1.5, p)",
    ),
    *(
        "operator.attrgetter('due', 'x.y')",
        "functools.wraps(len)",
        "np.random.default_rng(1)",
        "p._mine",
        "p.items",
    ),
    *(
        "np.lib.stride_tricks.sliding_window_view(p, 2)",
        "collections.abc.Sized",
        "np.ma.array(p)",
        "max(p, key=d.__getitem__)",
    ),
    *(
        "np.linalg.norm(p)",
        "random.Random(1).random()",
        "typing.Any",
        "fractions.Fraction(1)",
        "print(p)",
        "super().__init__",
    ),
    *(
        "np.polynomial.Polynomial([1])",
        "np.add.reduce(p)",
        "np.iinfo(np.int64).max",
        "__name__",
        "hasattr(p, 'size')",
    ),
    *(
        "f'{p:>{d}}'",
        "np.char.add(p, d)",
        "functools.lru_cache(None)",
        "dataclasses.is_dataclass(p)",
        "np.polynomial.polynomial.polyfit",
    ),
)


@pytest.mark.parametrize("expression", HARMLESS)
def test_what_computes_is_not_refused(expression):
    """Ordinary code of heuristics passes."""
    screened = screen(HEADER + PLACES[0].format(expression), ENTRY)
    assert screened.outcome == "ok", screened.message


@pytest.mark.parametrize("method", sorted(METHODS))
def test_classes_may_define_operators(method):
    """Special methods that do what operators do are open."""
    source = (
        f"class A:\n    def {method}(self, *a):\n        return 1\n\n\ndef schedule(p, d):\n    return d\n"
    )
    assert screen(source, ENTRY).outcome == "ok"


@pytest.mark.parametrize("name", list_problems())
def test_reference_rules_and_blocks_pass(name):
    """Every rule and every block of ours is a program as candidates are."""
    problem = find_problem(name)
    assert all(
        screen(rule.source(problem.entry.name), problem.entry).outcome == "ok" for rule in problem.rules
    )
    blocks = problem.grammar.blocks if problem.grammar else ()
    for role in blocks:
        for source in problem.grammar.sources(role).values():
            program = f"import numpy as np\n{source}\n{problem.entry.signature}\n    return 0\n"
            assert screen(program, problem.entry).outcome == "ok", source


def reachable():
    """All that public names lead to from the modules that are open, without a call, each with its path."""
    seen, waiting = {}, deque()
    for module in sorted(MODULES):
        try:
            loaded = importlib.import_module(module)
        except ImportError:  # a module of another version of numpy
            continue
        for name in getattr(loaded, "__all__", dir(loaded)):
            inner, trouble = _step(module, name)
            if not trouble and not inner and name not in BY_NAME and hasattr(loaded, name):
                waiting.append((f"{module}.{name}", getattr(loaded, name)))
    while waiting:
        path, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen[id(value)] = path, value
        if path.count(".") < 6 and not isinstance(value, types.ModuleType):
            for name in dir(value):
                if name[:1] != "_" and name not in UNSAFE_ATTRIBUTES:
                    try:
                        waiting.append((f"{path}.{name}", getattr(value, name)))
                    except Exception:  # noqa: BLE001 - an attribute that has no value leads nowhere
                        continue
    return list(seen.values())


def test_nothing_that_reaches_further_can_be_named():
    """From what is open, no chain of public names leads to a module, a metaclass, or an unsafe builtin."""
    unsafe = {id(getattr(builtins, name)) for name in UNSAFE_BUILTINS if hasattr(builtins, name)}
    unsafe.add(id(type))
    with warnings.catch_warnings():  # of names that numpy is about to drop
        warnings.simplefilter("ignore")
        found = reachable()
    wrong = [
        path
        for path, value in found
        if isinstance(value, types.ModuleType | types.FrameType | types.CodeType)
        or id(value) in unsafe
        or (isinstance(value, type) and issubclass(value, type))
    ]
    assert wrong == []
    assert len(found) > 1000
