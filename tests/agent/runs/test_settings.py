"""The scale of a run: medium by default, kept with it, small for runs from before there were scales."""

import pytest
from helpers import TINY, Inline

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.recordings import Header, write_recording
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.config import make_settings, read_config
from gapsmith.agent.runs.discover import discover, resume
from gapsmith.agent.runs.recording import read_settings
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Split, UsageError

BUDGET = Budget(calls=1)


@pytest.mark.parametrize(("asked", "scale"), [("", "medium"), ("small", "small"), ("large", "large")])
def test_a_run_has_its_scale_for_good(place, asked, scale):
    """What a run begins with is what `resume` goes on with: instances, limits and seconds of the solver."""
    with discover("tsp", budget=BUDGET, scale=asked, archive=place, executor=Inline()) as run:
        begun = run.problem
    with resume(archive=place, executor=Inline()) as run:
        assert run.settings.scale == run.problem.scale == begun.scale == scale
        assert run.problem.sizes == begun.sizes == find_problem("tsp", scale=scale).sizes
        assert run.supply._seconds == begun.solver_seconds  # noqa: SLF001 - seen in results only after minutes


def test_a_problem_that_is_an_object_keeps_its_scale(place):
    """Whoever passes an object has chosen its instances; a scale that is named changes them."""
    tsp = find_problem("tsp")
    for asked, scale in (("", "small"), ("large", "large")):
        with discover(tsp, budget=BUDGET, scale=asked, archive=place, executor=Inline()) as run:
            assert run.problem.scale == scale


def test_a_problem_of_the_users_own_has_no_medium(place):
    """By default it is as it is; to ask for medium is an error in one line."""
    with discover(TINY, budget=BUDGET, archive=place, executor=Inline()) as run:
        assert run.problem.scale == "small"
    with pytest.raises(UsageError, match=r"unknown scale 'medium' \(known: small\)"):
        discover(TINY, budget=BUDGET, scale="medium", archive=place)


OLD = {
    name: value
    for name, value in Settings(problem="tsp", budget=BUDGET).encode().items()
    if name not in ("scale", "baseline_seconds", "models", "base_url", "workers", "minimum_level", "batch")
}
"""What runs and recordings said before there were scales."""


def test_a_run_from_before_scales_is_small(place):
    """Its settings say neither a scale nor another limit of the solver than there was."""
    found = Settings.decode({**OLD, "models": ["offline"]})
    assert (found.scale, found.baseline_seconds) == ("small", 60.0)


def test_a_recording_from_before_scales_is_small(tmp_path):
    """It is replayed on the instances that it was made on."""
    path = str(tmp_path / "old.jsonl")
    write_recording(path, (), Header(settings=OLD))
    found = read_settings({"model": (f"replay:{path}",)})
    assert (found.scale, found.baseline_seconds) == ("small", 60.0)


def test_a_file_says_the_scale(tmp_path):
    """`scale` stands at the top of a configuration; anything else than a word is refused."""
    path = tmp_path / "run.toml"
    path.write_text('problem = "tsp"\nscale = "large"\n', encoding="utf-8")
    assert make_settings(read_config(path)).scale == "large"
    path.write_text("scale = 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="scale is 3; expected str"):
        read_config(path)


def test_scales_have_no_instance_in_common():
    """Names and digests differ, so that an archive of several scales mistakes no result."""
    first, second = (
        find_problem("tsp", scale=scale).generate_instances(Split.TEST, 0, 3) for scale in ("small", "medium")
    )
    assert not {each.name for each in first} & {each.name for each in second}
    assert not {each.digest for each in first} & {each.digest for each in second}
