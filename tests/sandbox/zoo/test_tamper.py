"""Attacks from within: on the harness, on the next candidate, on what is secret, on the answer's type."""

import pytest

from gapsmith.sandbox import Array, Ending

pytestmark = pytest.mark.one_mode

CRASHES = {
    "ctypes.string_at(0)": Ending.CRASH_SEGV,
    "os.abort()": Ending.CRASH_ABORT,
    "os.kill(os.getpid(), signal.SIGBUS)": Ending.CRASH_BUS,
    "os.kill(os.getpid(), signal.SIGFPE)": Ending.CRASH_FPE,
    "os.kill(os.getpid(), signal.SIGSEGV)": Ending.CRASH_SEGV,
    "os.kill(os.getpid(), signal.SIGKILL)": Ending.CANDIDATE_EXCEPTION,
    "os.kill(os.getpid(), signal.SIGTERM)": Ending.CANDIDATE_EXCEPTION,
    "os.kill(os.getpid(), signal.SIGSTOP)": Ending.CANDIDATE_EXCEPTION,
    "signal.raise_signal(signal.SIGKILL)": Ending.CANDIDATE_EXCEPTION,
    "signal.pthread_kill(threading.get_ident(), signal.SIGTERM)": Ending.CANDIDATE_EXCEPTION,
    "os._exit(0)": Ending.NO_RESULT,
    "os._exit(3)": Ending.NO_RESULT,
    "sys.exit(0)": Ending.CANDIDATE_EXCEPTION,
    "raise KeyboardInterrupt": Ending.CANDIDATE_EXCEPTION,
    "raise GeneratorExit": Ending.CANDIDATE_EXCEPTION,
    "raise type('Own', (BaseException,), {})('x')": Ending.CANDIDATE_EXCEPTION,
    "raise MemoryError": Ending.MEMORY_LIMIT,
    "os.write(2, b\"terminate called after throwing 'std::bad_alloc'\"); os.abort()": Ending.MEMORY_LIMIT,
}


@pytest.mark.parametrize(
    "body", list(CRASHES), ids=[f"{ending}{k}" for k, ending in enumerate(CRASHES.values())]
)
def test_ways_to_die(guest, body):
    """Each way to end without an answer has its own ending, and the sandbox goes on."""
    outcome = guest.attack(body)
    assert outcome.ending is CRASHES[body]
    assert outcome.message
    assert guest.attack("return 1").ending is Ending.OK


MONKEYPATCHES = [
    "import json; json.dumps = lambda *a, **k: '[]'",
    "import json; json.loads = None",
    "import builtins; builtins.len = lambda x: 0",
    "import builtins; builtins.isinstance = lambda *a: True",
    "os.write = lambda *a: 0",
    "os._exit = lambda *a: None",
    "struct.pack = None",
    "sys.modules.clear()",
    "sys.excepthook = sys.unraisablehook = None",
    "import gc; [o.clear() for o in gc.get_objects() if type(o) is dict and '__name__' in o]",
    "import gapsmith.sandbox.guest.child as c; c._answer = lambda *a: b'[]'",
    "import gapsmith.sandbox.frames as f; f.TOKEN_BYTES = 0",
    "sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None",
    "sys.setrecursionlimit(60)",
    "threading.Thread = None; sys.setswitchinterval(1e-9)",
]


@pytest.mark.parametrize("patch", MONKEYPATCHES, ids=range(len(MONKEYPATCHES)))
def test_monkeypatching(guest, patch):
    """Whatever a program replaces in its process, the host neither breaks nor waits, and the next is unharmed."""
    outcome = guest.attack(f"{patch}\nreturn [1]", cpu_seconds=0.2)
    assert not outcome.ending.is_sandbox_failure
    assert guest.attack("return [1]").answers[0].value == [1]


def test_state_left_for_the_next_candidate(guest):
    """What one program changes in modules the next one does not find."""
    guest.attack("import math, numpy; math.pi = 3; numpy.zeros = None; sys.modules['spy'] = sys; return 1")
    body = "import math, numpy; return [math.pi > 3.1, numpy.zeros is not None, 'spy' in sys.modules]"
    assert guest.attack(body).answers[0].value == [True, True, False]


def test_arguments_are_fresh(guest):
    """A program that writes into its arguments finds them whole in the next call."""
    array = Array("float64", (3,), bytes(24))
    outcome = guest.run("def attack(x):\n    x += 1\n    return x", {"x": array}, {"x": array})
    assert [answer.value for answer in outcome.answers] == [[1.0, 1.0, 1.0]] * 2


def test_environment(guest, monkeypatch):
    """No variable of the host's environment is there, in Python's table or in the C library's."""
    monkeypatch.setenv("GAPSMITH_SECRET", "sk-canary")
    body = """
variables = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')
names, k = list(os.environ), 0
while variables and variables[k]:
    names.append(variables[k].decode().partition('=')[0])
    k += 1
return sorted(set(names) - {'LC_CTYPE', 'PYTHONHASHSEED'})
"""
    assert guest.attack(body).answers[0].value == []


def test_secrets_of_the_host_in_memory(guest, monkeypatch):
    """No object of the host's is in the candidate's memory: the zygote was started, not forked, by the host."""
    monkeypatch.setenv("GAPSMITH_SECRET", "sk-canary-7f3a")
    body = """
import gc
needle = 'sk-canary-' + '7f3a'
return sum(needle in value for value in gc.get_objects() if type(value) is str) + (needle in str(os.environ))
"""
    assert guest.attack(body).answers[0].value == 0


def test_previous_candidate_in_memory(guest):
    """Nothing of the candidate before is left in memory, searched byte by byte; the own marker is found."""
    before, own = "marker-of-the-candidate-before", "marker-of-one's-own"
    assert guest.run(f"SECRET = '{before}'\ndef attack(x): return SECRET", {"x": before}).ending is Ending.OK
    source = """
import gc, re
def attack(own):
    pages = {id(value) & ~0xfff for held in gc.get_objects() for value in (held, *gc.get_referents(held))}
    memory = b''.join(ctypes.string_at(page, 0x1000) for page in pages)
    patterns = rb'marker-of-the-[c]andidate-before', rb"marker-of-one's-[o]wn"
    return [len(re.findall(pattern, memory)) for pattern in patterns]
"""
    outcome = guest.run(source, {"own": own}, cpu_seconds=5)
    found_before, found_own = outcome.answers[0].value
    assert found_before == 0
    assert found_own > 0


def test_later_instances_are_not_there(guest):
    """An instance is not in the process before its turn; in its turn it is."""
    source = """
import gc, re
def attack(text):
    held = [value for held in gc.get_objects() for value in gc.get_referents(held) if type(value) is str]
    return sum(bool(re.search('later-[i]nstance', value)) for value in held)
"""
    outcome = guest.run(source, {"text": "first"}, {"text": "the later-instance"}, cpu_seconds=5)
    first, second = (answer.value for answer in outcome.answers)
    assert first == 0
    assert second > 0


MALFORMED = [
    "return {1, 2}",
    "return b'bytes'",
    "return 1j",
    "return float('nan')",
    "return [1.0, float('-inf')]",
    "import numpy; return numpy.array([1.0, numpy.nan])",
    "import numpy; return numpy.array([1j])",
    "import numpy; return numpy.array([object()])",
    "import numpy; return numpy.datetime64('2020-01-01')",
    "return object()",
    "return lambda: 1",
    "return (x for x in range(3))",
    "return {(1, 2): 3}",
    "loop = []; loop.append(loop); return loop",
    "deep = []\nfor _ in range(5000): deep = [deep]\nreturn deep",
    "deep = []\nfor _ in range(80): deep = [deep]\nreturn deep",
    "return 1 << 64",
    "return '\\ud800'",
    "return type('Lie', (float,), {'__repr__': lambda s: 'nan', '__float__': lambda s: 1.0})('nan')",
    "return type('Fake', (), {'__reduce__': lambda s: (print, ())})()",
    "return type('Fake', (), {'tolist': lambda s: [1], '__array__': lambda s: 1})()",
    "import decimal; return decimal.Decimal(1)",
    "import datetime; return datetime.date(2020, 1, 1)",
    "import numpy; return numpy.longdouble(1)",
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_results_of_other_types(guest, body):
    """A result that is not numbers, strings, lists and dicts is refused, with the reason."""
    outcome = guest.attack(body)
    assert outcome.ending is Ending.MALFORMED_RESULT
    assert outcome.message


GOOD = {
    "return None": None,
    "return True": True,
    "return (1, [2, (3,)])": [1, [2, [3]]],
    "return {'a': 1.5, 'b': None}": {"a": 1.5, "b": None},
    "import numpy; return numpy.arange(3)": [0, 1, 2],
    "import numpy; return numpy.int64(7), numpy.float64(0.5), numpy.bool_(True)": [7, 0.5, True],
    "import numpy; return numpy.eye(2)": [[1.0, 0.0], [0.0, 1.0]],
    "import numpy; return [numpy.array(3)]": [3],
    "return 'ünïcödé \\U0001f600'": "ünïcödé \U0001f600",
    "return -(1 << 63), (1 << 63) - 1": [-(1 << 63), (1 << 63) - 1],
    "return type('Job', (int,), {'__repr__': lambda s: '99', '__str__': lambda s: '99'})(3)": 3,
}


@pytest.mark.parametrize("body", list(GOOD), ids=range(len(GOOD)))
def test_results_that_are_fine(guest, body):
    """Plain data and numpy's come back as JSON has them, by their values and not by what they say of themselves."""
    assert guest.attack(body).answers[0].value == GOOD[body]


def test_hostile_comparison(guest):
    """Objects that lie about their length and equality are no result."""
    body = "return type('Lie', (list,), {'__len__': lambda s: -1, '__eq__': lambda s, o: True, '__iter__': None})([1])"
    outcome = guest.attack(body)
    assert not outcome.ending.is_sandbox_failure
    assert outcome.ending is not Ending.OK or outcome.answers[0].value in ([1], [])


def test_driver_runs_beside_the_candidate(guest):
    """A driver calls the candidate and is called in its place."""
    driver = "def drive(x): return [candidate(x), candidate(x + 1)]"
    outcome = guest.run("def attack(x): return x * x", {"x": 3}, driver=driver)
    assert outcome.answers[0].value == [9, 16]


def test_driver_that_the_candidate_wants_to_replace(guest):
    """A candidate that makes a driver of its own gains nothing: the job's is loaded after it."""
    source = "sys.modules['driver'] = sys\ndef drive(x): return 'mine'\ndef attack(x): return x"
    outcome = guest.run(source, {"x": 3}, driver="def drive(x): return ['trusted', candidate(x)]")
    assert outcome.answers[0].value == ["trusted", 3]


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("def attack(:", Ending.SYNTAX_ERROR),
        ("x = '\ud800'", Ending.SYNTAX_ERROR),
        ("def attack():\n\treturn 1\n        return 2", Ending.SYNTAX_ERROR),
        ("\x00", Ending.SYNTAX_ERROR),
        ("(" * 500 + ")" * 500, Ending.SYNTAX_ERROR),
        ("attack = 5", Ending.NO_ENTRY),
        ("", Ending.NO_ENTRY),
        ("def other(): return 1", Ending.NO_ENTRY),
        ("import nothing_like_it", Ending.CANDIDATE_EXCEPTION),
        ("raise SystemExit", Ending.CANDIDATE_EXCEPTION),
        ("def attack(a, b): return 1", Ending.CANDIDATE_EXCEPTION),
    ],
)
def test_modules_that_do_not_work(guest, source, ending):
    """What is wrong with a module is told apart, in words."""
    outcome = guest.run(source)
    assert outcome.ending is ending
    assert outcome.message


def test_message_names_the_line(guest):
    """An exception's message quotes the candidate's own line."""
    outcome = guest.run("def helper():\n    return [][7]\ndef attack(): return helper()")
    assert "IndexError" in outcome.message
    assert "return [][7]" in outcome.message
    assert "helper" in outcome.message


def test_equal_programs_behave_equally(guest):
    """Randomness that nobody seeds, and the order of sets, are the same in every run."""
    body = "import random, numpy; return [random.random(), float(numpy.random.rand()), list({'a', 'b', 'c', 'd'})]"
    first, second = guest.attack(body), guest.attack(body)
    assert first.answers[0].value == second.answers[0].value
