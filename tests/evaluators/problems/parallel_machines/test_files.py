"""Jobs survive their file, and assignments are judged machine by machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance
from gapsmith.evaluators.problems.parallel_machines.problem import MACHINES, MAX_MACHINES, problem


@st.composite
def shops(draw):
    """Instances of up to ten jobs and four machines."""
    p = draw(st.lists(st.integers(1, 1000), min_size=1, max_size=10))
    return Instance("drawn", {"p": np.array(p), "m": draw(st.integers(1, 4))})


@settings(max_examples=40)
@given(shops(), st.sampled_from([" ", "\n", "\r\n", "  # a time\n"]))
def test_jobs_survive_their_file(tmp_path_factory, instance, gap):
    """Machines and times come back, on one line or many."""
    p = instance.data["p"].tolist()
    path = tmp_path_factory.mktemp("jobs") / "drawn.txt"
    path.write_bytes(gap.join(map(str, [instance.data["m"], len(p), *p])).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest


@settings(max_examples=40)
@given(shops(), st.data())
def test_a_file_with_a_time_less_or_more_is_refused(tmp_path_factory, instance, data):
    """The count of jobs is held against the times."""
    p = instance.data["p"].tolist()
    place = data.draw(st.integers(0, len(p) - 1))
    path = tmp_path_factory.mktemp("jobs") / "broken.txt"
    for broken in ([*p[:place], *p[place + 1 :]], [*p, 7], [*p[:place], 0, *p[place + 1 :]]):
        path.write_text("\n".join(map(str, [instance.data["m"], len(p), *broken])))
        with pytest.raises(GapsmithError):
            problem.read(path)


def test_too_many_machines_are_refused(tmp_path):
    """A count of machines beyond the limit is refused with the limit in words."""
    path = tmp_path / "many.txt"
    path.write_text(f"{MAX_MACHINES + 1}\n1\n5\n")
    with pytest.raises(
        GapsmithError, match=f"found '{MAX_MACHINES + 1}'; expected at most {MAX_MACHINES} machines"
    ):
        problem.read(path)


@settings(max_examples=30)
@given(shops(), st.integers(0, 999))
def test_the_cost_is_the_greatest_load(instance, seed):
    """Every assignment is priced by its fullest machine, never below the proven optimum."""
    p, m = instance.data["p"].tolist(), instance.data["m"]
    machine = np.random.default_rng(seed).integers(0, m, len(p)).tolist()
    loads = {k: sum(work for work, on in zip(p, machine, strict=True) if on == k) for k in machine}
    assert problem.cost(instance, machine) == max(loads.values())
    found = problem.baseline(instance, 5.0)
    assert problem.cost(instance, found.solution) == found.upper == found.lower <= max(loads.values())


@given(shops(), st.integers(0, 999), st.data())
def test_mutants_of_an_assignment_are_refused(instance, seed, data):
    """An assignment with a job less, more, on no machine or on one of another type has no price."""
    p, m = instance.data["p"], instance.data["m"]
    machine = np.random.default_rng(seed).integers(0, m, len(p)).tolist()
    place = data.draw(st.integers(0, len(p) - 1))
    wrong = [m, -1, float(machine[place]), str(machine[place]), None, [machine[place]], False]
    mutants = [[*machine[:place], each, *machine[place + 1 :]] for each in wrong]
    for mutant in [*mutants, machine[:-1], [*machine, 0], tuple(machine), dict(enumerate(machine))]:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@pytest.mark.parametrize("stratum", problem.strata)
@settings(max_examples=15)
@given(size=st.integers(1, 200), seed=st.integers(0, 999))
def test_every_stratum_draws_what_it_names(stratum, size, seed):
    """Times are from 1 to R; in classes NU none is between 0.2 R and 0.9 R; machines leave two jobs to each."""
    data = problem.generate(np.random.default_rng(seed), stratum, size)
    kind, longest = stratum.split()[0], int(stratum.partition("=")[2])
    p, m = data["p"], data["m"]
    assert 1 <= p.min() <= p.max() <= longest
    assert m in MACHINES or m == max(1, size // 2)
    assert size >= 2 * m or size == m == 1
    if kind == "NU":
        assert not ((p >= 0.2 * longest) & (p < int(0.9 * (longest - 1)))).any()
