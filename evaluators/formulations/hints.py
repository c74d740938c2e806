"""A heuristic that helps a solver.

Its solution becomes a hint, its cost an upper bound.

Both become patterns of the library, so that they are proposed, verified and measured like any other. The source of
such a pattern holds the heuristic and the functions that compute its solution's cost and the variables' values, since
it runs where candidates run.
"""

import textwrap

from gapsmith.evaluators.base import BundleSource, Problem
from gapsmith.evaluators.formulations.contract import Claim, Formulation, Pattern


def make_patterns(
    formulation: Formulation, original: Problem, heuristic: str, bundle: BundleSource
) -> tuple[Pattern, ...]:
    """Makes a bound and, if solutions can be encoded, a hint.

    Args:
        formulation: the base.
        original: the problem that it models.
        heuristic: the source of a program for that problem.
        bundle: returns the source of functions with everything that they use.
    """
    encode = formulation.encode
    functions = [original.cost] if encode is None else [original.cost, encode]
    found = _FOUND.format(
        bundle=_indent(bundle(*functions)),
        heuristic=_indent(heuristic),
        entry=original.entry.name,
        cost=original.cost.__name__,
        encoded=f"{encode.__name__}(instance, solution)" if encode else "None",
    )
    bound = Pattern("heuristic_bound", Claim.BOUND, f"{_BOUND}\n\n{found}", "a discovered heuristic")
    hint = Pattern("heuristic_hint", Claim.HINT, f"{_HINT}\n\n{found}", "a discovered heuristic")
    return (bound, hint) if encode else (bound,)


def _indent(source: str) -> str:
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
