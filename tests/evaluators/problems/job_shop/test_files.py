"""Shops survive their file, and lists of operations are judged one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance
from gapsmith.evaluators.problems.job_shop.problem import problem


@st.composite
def shops(draw, jobs=6, machines=5):
    """Instances of small shops."""
    n, m = draw(st.integers(1, jobs)), draw(st.integers(1, machines))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    routes = np.array([rng.permutation(m) for _ in range(n)])
    return Instance("drawn", {"machines": routes, "p": rng.integers(0, 100, (n, m))})


def text_of(instance, comment="", end="\n"):
    """The standard format: sizes, then a line of pairs for each job."""
    machines, p = instance.data["machines"], instance.data["p"]
    lines = [comment, "{} {}".format(*p.shape)]
    for route, times in zip(machines.tolist(), p.tolist(), strict=True):
        lines.append("  ".join(f"{machine} {time}" for machine, time in zip(route, times, strict=True)))
    return end.join(lines) + end


@settings(max_examples=40)
@given(shops(), st.sampled_from(["", "# by hand"]), st.sampled_from(["\n", "\r\n"]))
def test_a_shop_survives_its_file(tmp_path_factory, instance, comment, end):
    """Routes and times come back, whatever the line ends and comments."""
    path = tmp_path_factory.mktemp("shops") / "drawn"
    path.write_bytes(text_of(instance, comment, end).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest


@given(shops(), st.data())
def test_a_file_with_a_number_less_or_more_is_refused(tmp_path_factory, instance, data):
    """No file that lacks a number, or has one more at its end, is read as a shop."""
    words = text_of(instance).split()
    place = data.draw(st.integers(0, len(words) - 1))
    path = tmp_path_factory.mktemp("shops") / "broken"
    for broken in ([*words[:place], *words[place + 1 :]], [*words, "0"]):
        path.write_text(" ".join(broken))
        with pytest.raises(GapsmithError):
            problem.read(path)


@settings(max_examples=60)
@given(shops(), st.integers(0, 999))
def test_the_cost_is_that_of_the_schedule_played_through(instance, seed):
    """Every list of the operations is priced as a clock that ticks through it would."""
    machines, p = instance.data["machines"], instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    step, job_free, machine_free = Counter(), Counter(), Counter()
    for job in order:
        machine = int(machines[job, step[job]])
        end = max(job_free[job], machine_free[machine]) + int(p[job, step[job]])
        job_free[job] = machine_free[machine] = end
        step[job] += 1
    assert problem.cost(instance, order) == max(job_free.values())


@settings(max_examples=60)
@given(shops(), st.integers(0, 999), st.data())
def test_mutants_of_a_feasible_list_are_refused(instance, seed, data):
    """A list with an entry less, more, of another job, out of range or of another type has no price."""
    p = instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    place = data.draw(st.integers(0, len(order) - 1))
    job, before, after = order[place], order[:place], order[place + 1 :]
    others = [*(other for other in range(len(p)) if other != job), len(p), -1]
    wrong = [*others, float(job), str(job), None, [job], True]
    mutants = [[*before, *after], [*order, job], *([*before, each, *after] for each in wrong), tuple(order)]
    for mutant in mutants:
        with pytest.raises(Infeasible):
            problem.cost(instance, mutant)


@given(shops(), st.integers(0, 999))
def test_neighbours_of_different_jobs_and_machines_may_change_places(instance, seed):
    """Two entries in a row that share neither job nor machine can be exchanged without another makespan."""
    machines, p = instance.data["machines"], instance.data["p"]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(p)), p.shape[1])).tolist()
    cost, step = problem.cost(instance, order), Counter()
    for place in range(len(order) - 1):
        one, other = order[place : place + 2]
        if one != other and machines[one, step[one]] != machines[other, step[other]]:
            swapped = [*order[:place], other, one, *order[place + 2 :]]
            assert problem.cost(instance, swapped) == cost
        step[one] += 1


@pytest.mark.parametrize("stratum", problem.strata)
def test_every_stratum_draws_the_times_and_machines_it_names(stratum):
    """Times are from 1 to 99, rows hold each machine once, and there are as many as the name says."""
    data = problem.generate(np.random.default_rng(1), stratum, 15)
    m = int(stratum[2])
    assert data["machines"].shape == data["p"].shape == (15, m)
    assert (np.sort(data["machines"], axis=1) == np.arange(m)).all()
    assert data["p"].min() >= 1
    assert data["p"].max() <= 99
