"""Describes the search for formulations in prompts.

Around the base's own brief.
"""

EXTEND = """\
A CP-SAT model (OR-Tools 9.15, `cp_model`) of this problem is given. WANTED

BRIEF

`model` is the base, `variables` holds its variables by name, `data` the instance. Only add: the base's variables,
constraints and objective must stay as they are, byte for byte. No assumptions, no other objective. Every
constraint that is added, intervals included, is named with its claim, a colon, and words:
`model.add(...).with_name("implied: no idle time")`. Claims:
- implied: holds in every solution of the base
- bound: on the objective, or on a variable; also what follows from the value of a solution that is known
- channel: links variables that were added, and loses no solution of the base
- symmetry: breaks a symmetry, or is a dominance: at least one optimum is kept
- streamliner: holds in some optimum for a reason that is not one of these
- hint: nothing is lost; of constraints that only guide

A model that loses all optima of any instance is worth nothing, and is found out: it is solved on hundreds of tiny
hidden instances with ties, equal parts and zero slack, and compared with the base; what was wrong is kept as
a counterexample. Dominances that are right one by one may contradict each other, mostly where ties are
broken differently: use one total order for all. Do not rely on numbers of the instances that you see. Do not solve the
instance while building: additions that leave nothing to search for where all known theorems do are refused, and
building is limited and counts.

MEASURE"""

BUILD = """\
Write a CP-SAT model (OR-Tools 9.15, `cp_model`) of this problem of which the solver proves the optimum fast.
For comparison, this is the base, which you need not use:

BRIEF

`build(data)` returns the model and a dict of variables, in lists as you like. `decode(values, data)`, of the same
module, is given the values of these variables in the same nesting, and returns the problem's solution. The model's
objective is the problem's, and its optimum the cost of what is decoded, on every instance: both are checked,
also on hundreds of tiny hidden instances with ties, equal parts and zero slack.

What counts is CP-SAT's deterministic time with one worker, as a geometric mean over several random orders of
variables and constraints, so that order means nothing."""


_CP_SAT = (
    """\
Write what makes CP-SAT prove its optimum
faster: constraints and variables that are added to it, hints, decision strategies.""",
    """\
What counts is CP-SAT's deterministic time with one worker, as a geometric mean over several random orders of
variables and constraints, so that order means nothing. What CP-SAT's presolve finds anyhow gains nothing.""",
)
_MIXED_INTEGER = (
    """\
It is written as a mixed-integer
programme and solved by SOLVER. Write what makes SOLVER prove its optimum faster: constraints and variables that are
added to it. Only what is linear can be written so: `add` with linear expressions, also under `only_enforce_if` where
domains are finite, `add_bool_or`, `add_at_most_one`, `add_exactly_one`, `add_implication`. Hints and decision
strategies are ignored.""",
    """\
What counts is SOLVER's iterations of the simplex method, as a geometric mean over several random orders of variables
and constraints, so that order means nothing. A tighter relaxation gains; rows that its presolve or cuts find anyhow
cost. Big-M by `only_enforce_if` is as weak as the domains are wide.""",
)
SOLVER_NAMES = {"highs": "HiGHS", "scip": "SCIP"}
"""Names of solvers as they are usually written."""


def write_brief(whole: bool, solver: str | None) -> str:
    """Writes the brief; BRIEF stands for the base's own.

    Args:
        whole: whether whole models are wanted.
        solver: "highs", "scip", or None for CP-SAT.
    """
    if whole:
        return BUILD
    wanted, measure = _MIXED_INTEGER if solver else _CP_SAT
    text = EXTEND.replace("WANTED", wanted).replace("MEASURE", measure)
    return text.replace("SOLVER", SOLVER_NAMES.get(solver or "", ""))
