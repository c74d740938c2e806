"""Models of candidates are read and solved in the sandbox, with outcomes that have names."""

import os
import random
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model
from small import children

from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused, copy_to_message, parse_model
from gapsmith.evaluators.formulations.solve import pool as rooms
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.formulations.solve.replies import ForgedReply, check_reply
from gapsmith.sandbox import Ending, Job, Level

SOLVE = {"do": "solve", "base": None, "permutations": [None], "limit": 0.5}
PROBE = """
import ctypes
from gapsmith.evaluators.formulations.solve.solver import answer

def probe():
    library = ctypes.CDLL(None)
    held = (ctypes.c_uint32 * 6)()
    library.capget((ctypes.c_uint32 * 2)(0x20080522, 0), held)
    names = ctypes.POINTER(ctypes.c_char_p).in_dll(library, "environ")
    count = 0
    while names and names[count]:
        count += 1
    return {"uid": library.getuid(), "capabilities": sum(held), "environment": count}
"""


def small_model():
    """Two jobs on a machine, an objective, a hint, a strategy and a table: many kinds of fields."""
    model = cp_model.CpModel()
    start = [model.new_int_var(0, 9, f"start {k}") for k in range(2)]
    model.add_no_overlap([model.new_fixed_size_interval_var(one, 3, "job") for one in start])
    model.add_allowed_assignments(start, [(0, 3), (3, 0), (4, 9)])
    model.add_hint(start[0], 3)
    model.add_decision_strategy(start, cp_model.CHOOSE_MAX_DOMAIN_SIZE, cp_model.SELECT_MAX_VALUE)
    model.minimize(2 * start[0] - start[1])
    return model


TEXT = str(small_model().proto)


@pytest.fixture
def pool():
    """A pool of its own, closed at the end."""
    made = SolverPool()
    yield made
    made.close()


def solved(text, pool, seconds=20.0):
    """The reply for a model."""
    return pool.ask({**SOLVE, "text": text}, seconds)


def test_the_child_is_locked_down(monkeypatch, pool):
    """Where models are solved there are no keys, no capabilities, another user, and a filter of system calls."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    outcome = pool.run(Job(source=PROBE, entry="probe", calls=({},)))
    if outcome.level < Level.L3:
        pytest.skip("this machine has no such isolation")
    found = outcome.answers[0].value
    assert found["uid"] != 0 or os.getuid() != 0
    assert {**found, "uid": 0} == {"uid": 0, "capabilities": 0, "environment": 0}


def test_the_kernel_says_the_same(monkeypatch, pool):
    """In /proc the processes that solve models have another user, no capability, a filter, and no key."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "runs" in solved(TEXT, pool)
    if pool._idle[0].level < Level.L4:
        pytest.skip("this machine has no such isolation")
    for process in descendants(pool._idle[0]._zygote._process.pid)[1:]:
        status = dict(line.split(":\t", 1) for line in read(f"/proc/{process}/status").splitlines())
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert status["Uid"].split()[0] != "0"
        assert "secret" not in read(f"/proc/{process}/environ")


def read(path):
    """A file; nothing where it may not be read."""
    try:
        with open(path) as file:
            return file.read()
    except PermissionError:
        return ""


def descendants(process):
    """A process and all below it."""
    below = read(f"/proc/{process}/task/{process}/children").split()
    return [process, *(each for child in below for each in descendants(int(child)))]


def test_a_model_that_overruns_is_refused_by_name(pool):
    """A model that takes too long ends its child alone, with the name of the ending; the next one is solved."""
    endless = pool.ask({**SOLVE, "text": hard(), "limit": 1e9}, 0.2)
    assert endless["refused"].startswith("timeout_cpu")
    assert solved(TEXT, pool)["runs"][0]["objective"] == -3.0


def hard():
    """A pigeon too many, with numbers that no propagation sees through."""
    model = cp_model.CpModel()
    x = [[model.new_bool_var("") for _ in range(60)] for _ in range(61)]
    for row in x:
        model.add_bool_or(row)
    for a in range(61):
        for b in range(a):
            for k in range(0, 60, 2):
                model.add_bool_or(~x[a][k], ~x[b][k], x[b][k + 1])
    rng = random.Random(1)
    model.minimize(sum(rng.randint(1, 999) * each for row in x for each in row))
    return str(model.proto)


def test_a_model_that_kills_its_child_is_refused_by_name(monkeypatch, pool):
    """Whatever ends the child is an outcome with a name; the host and the next request go on."""
    for line, name in (
        ("os.abort()", "crash_abort"),
        ("os._exit(0)", "no_result"),
        ("os.kill(os.getpid(), 11)", "crash_segv"),
        ("x = [0] * (1 << 40)", "memory_limit"),
    ):
        source = f"import os\ndef answer(request):\n    {line}\n"
        monkeypatch.setattr(rooms, "_SOURCE", source)
        assert solved(TEXT, pool)["refused"].startswith(name)
    monkeypatch.undo()
    assert "runs" in solved(TEXT, pool)


def test_a_zygote_that_died_meanwhile_is_replaced(pool):
    """A sandbox that is gone when it is asked again says nothing about the model: another one answers."""
    assert "runs" in solved(TEXT, pool)
    os.kill(pool._idle[0]._zygote._process.pid, signal.SIGKILL)
    assert "runs" in solved(TEXT, pool)


def test_the_child_reads_no_file_and_no_module_of_ours(pool):
    """Beside what solves models nothing of this package can be imported where they are solved."""
    source = "def probe():\n    import gapsmith.evaluators.memo\n"
    outcome = pool.run(Job(source=source, entry="probe", calls=({},)))
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "No module named" in outcome.message


def damaged(text, seed):
    """The text with a few bytes, lines or numbers exchanged, doubled or dropped."""
    rng, lines = random.Random(seed), text.splitlines()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            del lines[place]
        elif kind == 1:
            lines.insert(place, lines[rng.randrange(len(lines))])
        elif kind == 2:
            name, colon, _ = lines[place].partition(":")
            extreme = rng.choice([-1, 2**31, 2**62, -(2**63), 2**63 - 1, 1e308, "nan", "-inf"])
            lines[place] = f"{name}: {extreme}" if colon else lines[place]
        elif kind == 3:
            lines[place] = lines[place].replace("vars", "coeffs").replace("interval", "circuit")
        else:
            lines[place] = "".join(rng.sample(lines[place], len(lines[place])))
        lines = lines or [""]
    return "\n".join(lines)


TEXTS = (
    st.text()
    | st.binary().map(lambda data: data.decode("latin-1"))
    | st.integers().map(lambda seed: damaged(TEXT, seed))
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_whatever_a_model_s_text_is_the_host_gets_a_reply(text):
    """Random text and mutated models end as runs or as refusals, in one child each; the pool goes on."""
    reply = solved(text.encode("utf-8", "replace").decode(), children())
    assert ("refused" in reply) != ("runs" in reply)


@settings(max_examples=60, deadline=None)
@given(st.integers())
def test_messages_are_copied_whole(seed):
    """A model that can be read is the same as a message of protobuf, or is refused."""
    from google.protobuf import text_format
    from ortools.sat import cp_model_pb2

    text = damaged(TEXT, seed)
    try:
        model = parse_model(text)
        copied = copy_to_message(model)
    except ModelRefused:
        return
    assert copied == text_format.Parse(str(model.proto), cp_model_pb2.CpModelProto())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=True) | st.text(max_size=9),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.sampled_from(
        ["runs", "status", "objective", "time", "seconds", "wall", "nodes", "values", "refused", "solutions",
         "complete", "constraints", "implied", "optimal", "name"]), part, max_size=9),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(["solve", "enumerate", "refute"]), JSON)
def test_forged_replies_are_found_out(what, reply):
    """A reply of any shape is either refused, or has the parts and types of an honest one."""
    try:
        found = check_reply({**SOLVE, "do": what}, reply)
    except ForgedReply:
        return
    for run in found.get("runs", ()):
        assert isinstance(run["time"], float)
        assert run["time"] >= 0
        assert (run["objective"] is None) == (run["status"] not in ("OPTIMAL", "FEASIBLE"))


def test_honest_replies_pass(pool):
    """What the child says of a model is what its parts allow."""
    (run,) = solved(TEXT, pool)["runs"]
    assert (run["status"], run["objective"]) == ("OPTIMAL", -3.0)
