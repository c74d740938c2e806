"""Questions and replies of our own: what a model may answer, right and wrong in every way that is told apart."""

import json

from helpers import Inline

from gapsmith.agent.archive import Archive
from gapsmith.agent.modelling.job import BENCH, ModellingJob, open_job
from gapsmith.agent.models.base import Reply
from gapsmith.agent.runs.budget import Budget


def reply_with(body, before=""):
    """A reply as models write it: some words, then a fenced `solve` with that body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"Variables: x.\n```python\n{before}\n\ndef solve():\n{lines}\n```\n"


def answering(value, status="optimal", **values):
    """A reply whose program answers at once."""
    return reply_with(f"return {{'status': {status!r}, 'objective': {value!r}, 'values': {values!r}}}")


CP_SAT = """
model = cp_model.CpModel()
x, y = model.new_int_var(0, 100, "x"), model.new_int_var(0, 100, "y")
model.add(2 * x + 3 * y <= 12)
model.add(3 * x + y <= {limit})
{more}
model.maximize(20 * x + 15 * y)
solver = cp_model.CpSolver()
solver.parameters.num_workers = {workers}
words = {{cp_model.OPTIMAL: "optimal", cp_model.INFEASIBLE: "infeasible"}}
status = words.get(solver.solve(model), "unknown")
objective = solver.objective_value if status == "optimal" else None
return {{"status": status, "objective": objective, "values": {{"income": objective or 0}}}}
"""
LINEAR = """
solver = pywraplp.Solver.CreateSolver({name!r})
x = solver.NumVar(0, solver.infinity(), "x")
solver.Add(x {sense} 7.5)
solver.Maximize(2 * x)
words = {{0: "optimal", 2: "infeasible", 3: "unbounded"}}
status = words.get(solver.Solve(), "unknown")
return {{"status": status, "objective": solver.Objective().Value() if status == "optimal" else None}}
"""


def cp_sat(limit=9, more="", workers=1):
    """A CP-SAT model of two products: 70 with a limit of 9."""
    before = "from ortools.sat.python import cp_model"
    return reply_with(CP_SAT.format(limit=limit, more=more, workers=workers).strip(), before)


def linear(sense="<=", name="GLOP"):
    """A linear programme whose optimum is 15, if its variable is limited."""
    before = "from ortools.linear_solver import pywraplp"
    return reply_with(LINEAR.format(sense=sense, name=name).strip(), before)


RECORDED = {
    "right": (70.0, cp_sat()),
    "right with four workers": (70.0, cp_sat(workers=4)),
    "right by the simplex method": (15.0, linear()),
    "right by SCIP": (15.0, linear(name="SCIP")),
    "right within the tolerance": (70.005, cp_sat()),
    "wrong": (70.0, cp_sat(limit=12)),
    "wrong by more than the tolerance": (70.01, cp_sat()),
    "crash": (70.0, cp_sat(more="model.add(z <= 1)")),
    "crash of syntax": (70.0, cp_sat(more="model.add(x <=")),
    "unbounded": (15.0, linear(">=", "SCIP")),
    "infeasible": (70.0, cp_sat(more="model.add(x + y >= 50)")),
    "unknown": (70.0, answering(None, "unknown")),
    "endless": (70.0, reply_with("while True:\n    pass")),
    "memory": (70.0, reply_with("return [0] * 10**9")),
    "malformed": (70.0, reply_with("return 70.0")),
    "malformed number": (70.0, answering("70")),
    "forbidden": (70.0, reply_with("return os.getcwd()", "import os")),
    "no code": (70.0, "I am sorry, but this question cannot be answered: it has no numbers."),
    "no code at all": (70.0, ""),
    "no code of that name": (70.0, "```python\nanswer = 70\n```\n"),
}
"""By the kind that a recorded reply must be given, which begins the name: the true answer, and the reply."""


def kind_of(name):
    """The kind with which a name begins."""
    kinds = ("no code", "right", "wrong", "crash", "unbounded", "infeasible", "unknown", "endless", "memory")
    return next(kind for kind in (*kinds, "malformed", "forbidden") if name.startswith(kind))


class Told:
    """A model that answers by the words of the question: the first key that its prompt holds says what.

    Args:
        replies: texts by key; lists of texts are given one by one, the last one for ever.
        name: as on the command line.
        deterministic: whether it is asked one at a time.
    """

    def __init__(self, replies, name="told", deterministic=True, usd=0.25):
        self._replies, self.name, self.deterministic, self._usd = replies, name, deterministic, usd
        self.requests = []

    def bound_usd(self, _length):
        """What every call costs."""
        return self._usd

    def reply(self, request):
        """The text for the question."""
        self.requests.append(request)
        found = next(text for key, text in self._replies.items() if key in request.prompt)
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return Reply(text=found, usd=self._usd, tokens_in=100, tokens_out=20)


def ordered(**changes):
    """An order for a bench of one sample."""
    given = {"verb": BENCH, "model": "told", "budget": Budget(calls=1000), "cpu_seconds": 1.0, "parallel": 4}
    return ModellingJob(**{**given, **changes})


def at_desk(work, place, model, number=None, executor=None, archive=None, **changes):
    """What the work gives that is done at a context with that model, without a sandbox unless one is given."""
    models = model if isinstance(model, list) else [model]
    wanted = ordered(**{"model": models[-1].name, **changes})
    store = archive or Archive(place)
    with open_job(wanted, store, number, models, executor or Inline()) as found:
        return work(found)


def write_set(path, rows):
    """Writes a set of questions: name -> true answer."""
    lines = [
        {
            "id": name,
            "set": "ours",
            "question": f"Question <{name}>: how much?",
            "answers": {"income": answer},
        }
        for name, answer in rows.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
