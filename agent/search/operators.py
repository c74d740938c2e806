"""Operators as data: how to ask for a new program.

A new one of ours is a line here and a template of its name in `prompts/`; one of your own has its template's text.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """A way of asking.

    Attributes:
        name: its own name and its template's.
        parents: how many programs it starts from.
        weight: how often it is chosen before anything is known; 0 for what no strategy chooses.
        template: text of its own, as jinja2 has it, in place of the file of its name in `prompts/`; it may use what
            those use, such as `problem.brief` and, best last, `parents` with `source` and `gap`.
    """

    name: str
    parents: int
    weight: float
    template: str = ""


OPERATORS = (
    Operator("refine", 1, 0.35),
    Operator("merge", 2, 0.15),
    Operator("invent", 1, 0.15),
    Operator("explore", 1, 0.10),
    Operator("simplify", 1, 0.10),
    Operator("specialise", 1, 0.10),
)
"""Priors as the evidence has them (docs/search.md); what they gain decides soon."""

TACTIC = Operator("tactic", 1, 0.30)
"""Only where nothing has gained for long."""

REPAIR = Operator("repair", 1, 0.0)
REPAIRS_AT_MOST = 2

# These have no template: their programs come from elsewhere than from a model.
RULE = Operator("rule", 0, 0.0)
SEED = Operator("seed", 0, 0.0)
TUNE = Operator("tune", 1, 0.0)

ASKED = tuple(operator.name for operator in (*OPERATORS, TACTIC, REPAIR))
"""Names of those that a model is asked for."""

BY_NAME = {operator.name: operator for operator in (*OPERATORS, TACTIC, REPAIR, RULE, SEED, TUNE)}
