"""A discovered heuristic at the service of a formulation: its solution as a hint, its cost as an upper bound.

Both become patterns of the library, so that they are proposed, verified and measured like any other. The source of a
pattern carries the heuristic and what prices and encodes its solution, since it runs where candidates run.
"""

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.screen import screen
from gapsmith.evaluators.base import CandidateOutcome, Problem, UsageTrouble, is_formulation
from gapsmith.evaluators.formulations.contract import Claim, Formulation, Pattern

if TYPE_CHECKING:  # it loads OR-Tools, which heuristics do without
    from gapsmith.evaluators.formulations.problem import FormulationProblem


def helped(problem: Problem, heuristic: str) -> Problem:
    """A search for formulations whose library has the heuristic's hint and bound. Raises UsageTrouble."""
    if not is_formulation(problem) or problem.follow_up:
        raise UsageTrouble(f"{problem.name} takes no heuristic; expected a name from `gapsmith formulations`")
    search = cast("FormulationProblem", problem)
    original = search.pricing.original
    if original.online:
        raise UsageTrouble(
            f"{original.name} is on-line: its programs decide event by event; none can help here"
        )
    screened = screen(heuristic, original.entry)
    if screened.outcome != CandidateOutcome.OK:
        raise UsageTrouble(f"the heuristic is no program for {original.name}: {screened.message}")
    more = patterns(search.formulation, original, heuristic)
    return replace(
        search, formulation=replace(search.formulation, patterns=(*search.formulation.patterns, *more))
    )


def patterns(formulation: Formulation, original: Problem, heuristic: str) -> tuple[Pattern, ...]:
    """The heuristic's bound and, where its solutions can be encoded, its hint."""
    bundle = Bundle(given=frozenset(("Instance",)))
    bundle.add(original.cost)
    encode = ""
    if formulation.encode is not None:
        bundle.add(formulation.encode)
        encode = formulation.encode.__name__
    found = _FOUND.format(
        bundle=_indented(bundle.source),
        heuristic=_indented(heuristic),
        entry=original.entry.name,
        cost=original.cost.__name__,
        encoded=f"{encode}(instance, solution)" if encode else "None",
    )
    bound = Pattern("heuristic_bound", Claim.BOUND, f"{_BOUND}\n\n{found}", "a discovered heuristic")
    hint = Pattern("heuristic_hint", Claim.HINT, f"{_HINT}\n\n{found}", "a discovered heuristic")
    return (bound, hint) if encode else (bound,)


def _indented(source: str) -> str:
    return textwrap.indent(source.strip("\n"), "    ")


_FOUND = '''\
def heuristic_found(data):
    """What a heuristic's solution costs, and the values of variables that say the same."""

    class Instance:
        def __init__(self, data):
            self.data = data

{bundle}

{heuristic}

    def plain(value):
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
        return [plain(part) for part in value] if isinstance(value, list | tuple) else value

    copies = [value.copy() if isinstance(value, np.ndarray) else value for value in data.values()]
    instance, solution = Instance(dict(data)), plain({entry}(*copies))
    return {cost}(instance, solution), {encoded}
'''

_BOUND = '''\
def heuristic_bound(model, variables, data):
    """The optimum is no worse than what a heuristic finds."""
    cost, _ = heuristic_found(data)
    objective = model.proto.objective
    most = round(cost / (objective.scaling_factor or 1.0) - objective.offset)
    terms = zip(objective.vars, objective.coeffs)
    total = sum(factor * model.get_int_var_from_proto_index(variable) for variable, factor in terms)
    model.add(total <= most).with_name("bound: a heuristic")
'''

_HINT = '''\
def heuristic_hint(model, variables, data):
    """A heuristic's solution to start from."""

    def hint(part, value):
        if isinstance(part, list):
            for inner, number in zip(part, value):
                hint(inner, number)
        elif part is not None and value is not None:
            model.add_hint(part, int(value))

    for name, values in heuristic_found(data)[1].items():
        hint(variables[name], values)
'''
