"""Some names are open in some places only: elsewhere they lead to code, modules or raw memory."""

import pytest

from gapsmith.agent.codegen.screen import ALLOWED_IMPORTS, screen
from gapsmith.evaluators.formulations.problem import AUGMENT_ENTRY
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

HEADER = "import dataclasses, functools, typing\nfrom dataclasses import dataclass\nimport numpy as np\n"
END = "\n\ndef schedule(p, d):\n    return d\n"


def outcome(statements):
    """How the screen takes a program with these statements."""
    return screen(HEADER + statements + END, ENTRY).outcome


MODULES_AS_ATTRIBUTES = (
    "class A:\n    import random\nA.random._os.system('x')",
    "class A:\n    if 1:\n        import numpy as n\nx = A.n",
    "class A:\n    class B:\n        from numpy import linalg",
    "class A:\n    try:\n        import math\n    except ValueError:\n        pass",
)
COMPILED_TEXT = (
    "T = typing.TypedDict('T', {'a=f(),b': int})\nC = dataclasses.dataclass(T)",
    "f = dataclasses.field(default=1)\n@dataclass\nclass A:\n    x: int = f",
    "class A:\n    x: int = dataclasses.field(default=1)\nA.x.name = 'a=f(),b'",
    "@dataclass\nclass A:\n    x: int = dataclasses.field(default=1)\n    y = x",
    "@dataclass\nclass A:\n    x: int = dataclasses.field(default=1)\n    def f(self, y=x): pass",
    "@dataclass\n@grab\nclass A:\n    x: int = dataclasses.field(default=1)",
    "@dataclass\nclass A:\n    x: int = (f := dataclasses.field(default=1))",
    "@dataclass\nclass A:\n    x: 'dataclasses.KW_ONLY' = dataclasses.field(default=1)",
    "dataclass = print\n@dataclass\nclass A:\n    x: int = dataclasses.field(default=1)",
    "x = dataclass(np.poly1d)",
    "x = dataclasses.fields(1)",
    "x = dataclasses.Field",
    "class A(metaclass=print): pass",
    "class A(**{'metaclass': print}): pass",
    "typing.NamedTuple('N', [('x', 'f()')])\ny.x._evaluate({}, {}, set())",
)
COMPUTED_NAMES = (
    "class A:\n    x = functools.cached_property(print)\nA.x.attrname = '__array' + '_interface__'",
    "def a():\n    from operator import attrgetter as g\n    return g('__cl' + 'ass__')\n"
    "def b():\n    from operator import itemgetter as g\n    return g",
    "match '{0.__globals__}':\n    case str(format=f): f(1)",
    "class A:\n    __exit__ = lambda self, t, e, tb: e.obj",
    "class A: pass\nsetattr(A, '__exit__', 1)\nlambda e: e.obj",
)
RAW_MEMORY = (
    "x = np.frombuffer(np.array([1], dtype=object), dtype=np.int64)",
    "x = np.ndarray((1,), np.int64, np.array([1], dtype=object))",
    "F = np.ndarray",
    "from numpy import ndarray\nx = ndarray((1,))",
    "class A(np.ndarray): pass",
    "x = np.typing.NDArray[np.int64]((3,))",
    "def f(x: (A := np.ndarray)): pass",
    "def isinstance(x, c): return c((1,))\nisinstance(1, np.ndarray)",
    "x = np.ma.array([1]).baseclass",
    "x = np.recarray((1,), int, y)",
    "x = np.array([1]).data",
    "x = memoryview(b'')",
    "a = np.zeros(3)\na.resize(1, **{'ref' + 'check': False})",
    "a = np.zeros(3)\na.strides = (4,)",
    "a = np.zeros(3)\nsetattr(a, 'strides', (4,))",
    "x = np.random.PCG64().capsule",
    "x = np.random.MT19937().state",
    "np.random.RandomState(1).set_state(('MT19937', a, 10**9))",
)
CHANGES = ("def f(c): c.__add__ = 1", "def f(c): c.__name__ = 'x'", "setattr(x, '__call__', 1)")


@pytest.mark.parametrize(
    "statements", [*MODULES_AS_ATTRIBUTES, *COMPILED_TEXT, *COMPUTED_NAMES, *RAW_MEMORY, *CHANGES]
)
def test_ways_around_are_refused(statements):
    """Each of these ran code, or wrote over memory, outside the sandbox although no forbidden name stands in it."""
    assert outcome(statements) == "forbidden_name"


@pytest.mark.parametrize(
    "statements",
    [
        "@dataclass\nclass A:\n    x: int\n    y: list = dataclasses.field(default_factory=list)",
        "@functools.total_ordering\n@dataclass(order=True)\nclass A:\n    x: int = dataclasses.field(compare=False)",
        "class A(typing.NamedTuple):\n    x: np.ndarray",
        "def f(x: np.ndarray | None) -> 'np.ndarray': return x",
        "x = isinstance(1, (list, np.ndarray))",
        "x = isinstance(1, list | np.ndarray)",
        "x = type(1) is np.ndarray",
        "match 1:\n    case np.ndarray(): pass",
        "x = np.resize(np.zeros(3), 6)",
        "x = typing.cast(int, 3)",
        "from numpy.typing import NDArray\ndef f(x: NDArray[np.int64]) -> NDArray[np.int64]: return x",
        "class A:\n    def f(self):\n        import math\n        return math.inf",
        "class A:\n    def f(self):\n        self.critical_path = self.profile = 1",
        "def a():\n    from math import inf\ndef b():\n    from numpy import inf",
    ],
)
def test_ordinary_uses_pass(statements):
    """Dataclasses, types of arguments and checks of types are what honest programs write."""
    assert outcome(statements) == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "from ortools.sat.python import cp_model\ncp_model.np.ctypeslib",
        "from ortools.sat.python import cp_model\ncp_model.np.load('x')",
        "from ortools.sat.python import cp_model\ncp_model.time.sleep(1)",
        "from ortools.sat.python.cp_model import copy\ncopy.copyreg",
        "from ortools.math_opt.python.ipc import remote_http_solve",
        "from ortools.init.python import init",
        "from ortools.sat.colab import flags",
        "import ortools.math_opt.python.solve",
        "def f(m): m.write_to_mps_file('x')",
        "def f(m): m.Write('x')",
        "def f(m): m.parameters.search_logs_filename = 'x'",
    ],
)
def test_solvers_lead_to_nothing_else(text):
    """The modules that OR-Tools imports, its network, its flags and its files stay closed."""
    source = f"{text}\n\n\ndef augment(model, variables, data):\n    return None\n"
    assert screen(source, AUGMENT_ENTRY).outcome == "forbidden_name"


@pytest.mark.parametrize(
    "text",
    [
        "from ortools.sat.python import cp_model\nx = cp_model.CpModel, cp_model.OPTIMAL",
        "from ortools.sat.python.cp_model import CpModel, Domain",
        "from ortools.linear_solver import pywraplp\nx = pywraplp.Solver.CreateSolver",
        "from ortools.constraint_solver import pywrapcp, routing_enums_pb2",
        "from ortools.math_opt.python import mathopt\nx = mathopt.solve, mathopt.Model",
        "from ortools.graph.python import min_cost_flow\nx = min_cost_flow.SimpleMinCostFlow",
    ],
)
def test_solvers_are_open(text):
    """What models are built and solved with is open."""
    source = f"{text}\n\n\ndef augment(model, variables, data):\n    return None\n"
    assert screen(source, AUGMENT_ENTRY, ALLOWED_IMPORTS).outcome == "ok"
