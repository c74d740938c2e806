"""Wrong formulations are wrong on tiny instances already: the decisive rung can find each of them."""

import pytest
from families import FORMULATIONS, function_of, micro, problem_of, solved, valued
from ortools.sat.python import cp_model
from traps import Trap
from traps_builds import LIES
from traps_schedules import SCHEDULES
from traps_sets import SETS
from traps_ties import TIES

from gapsmith.evaluators.base import Infeasible, Instance

TRAPS = (*SCHEDULES, *SETS, *TIES, *LIES)
MICRO = 300
"""As many tiny instances as the ladder has."""


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_trap_is_found(trap: Trap) -> None:
    """One of the first tiny instances shows that a trap loses all optima, or lies."""
    formulation = FORMULATIONS[trap.formulation]
    assert any(refutes(trap, micro(formulation, seed)) for seed in range(MICRO))


def test_number_of_traps() -> None:
    """There are at least fifty, under different names."""
    assert len({trap.name for trap in TRAPS}) == len(TRAPS) >= 50


def refutes(trap: Trap, instance: Instance) -> bool:
    """Whether an instance shows that a trap is wrong."""
    return (lies if trap.whole else loses)(trap, instance)


def loses(trap: Trap, instance: Instance) -> bool:
    """Whether the optimum of the base is lost."""
    formulation = FORMULATIONS[trap.formulation]
    built = formulation.build(instance)
    before = solved(built)[:2]
    function_of(trap.source, "augment")(built.model, built.variables, dict(instance.data))
    return solved(built)[:2] != before


def lies(trap: Trap, instance: Instance) -> bool:
    """Whether the model's optimum, or the cost of what is decoded, is not the problem's."""
    problem = problem_of(FORMULATIONS[trap.formulation])
    model, variables = function_of(trap.source, "build")(dict(instance.data))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    if solver.solve(model) != cp_model.OPTIMAL:
        return True
    values = {name: valued(solver, part) for name, part in variables.items()}
    optimum = problem.baseline(instance, 20.0).upper
    try:
        decoded = function_of(trap.source, "decode")(values, dict(instance.data))
        return not problem.cost(instance, decoded) == round(solver.objective_value) == optimum
    except Infeasible:
        return True
