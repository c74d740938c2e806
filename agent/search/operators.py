"""Operators as data: how to ask for a new program.

A new operator is a line here and a template of its name in `prompts/`; a user's own operator has its template's text.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """A way to get a new program.

    Attributes:
        name: its own name and its template's.
        parents: number of programs that it starts from.
        weight: prior probability of the choice; 0 for operators that no strategy chooses.
        template: jinja2 text in place of the file of its name in `prompts/`; it may use what those use, such as
            `problem.brief` and, best last, `parents` with `source` and `gap`.
        needs_stratum: whether the prompt shows the class of instances on which the first parent is worst.
        asks_model: whether a model writes the program; else it needs no template.
        is_start: whether its programs are what the search starts from.
    """

    name: str
    parents: int
    weight: float
    template: str = ""
    needs_stratum: bool = False
    asks_model: bool = True
    is_start: bool = False


OPERATORS = (
    Operator("refine", 1, 0.35),
    Operator("merge", 2, 0.15),
    Operator("invent", 1, 0.15),
    Operator("explore", 1, 0.10),
    Operator("simplify", 1, 0.10),
    Operator("specialise", 1, 0.10, needs_stratum=True),
)
"""Priors are from the literature (docs/explanation/search.md); gains soon outweigh them."""

TACTIC = Operator("tactic", 1, 0.30)
"""Only after a long time without a better program."""

ACCELERATE = Operator("accelerate", 1, 0.0, template='{% include "refine.md.j2" %}')
"""Only where CPU time is the goal, since training is solved; `refine` asks for that where there is no gap."""

REPAIR = Operator("repair", 1, 0.0)
REPAIRS_AT_MOST = 2

RULE = Operator("rule", 0, 0.0, asks_model=False, is_start=True)
SEED = Operator("seed", 0, 0.0, asks_model=False, is_start=True)
TUNE = Operator("tune", 1, 0.0, asks_model=False)

BY_NAME = {operator.name: operator for operator in (*OPERATORS, TACTIC, ACCELERATE, REPAIR, RULE, SEED, TUNE)}

ASKED = tuple(operator.name for operator in BY_NAME.values() if operator.asks_model)
"""Names of the operators that a model is asked for."""
