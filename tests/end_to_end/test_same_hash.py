"""A short run is the same under every Python: its fingerprint is that of 3.11."""

from helpers import finish, job

from gapsmith.agent.archive import Archive


def test_a_short_run_has_the_fingerprint_of_every_python(tmp_path):
    """Programs, costs and choices follow from the seed alone, not from the version of the interpreter."""
    run = finish(job(str(tmp_path / "a.db"), calls=8))
    found = run.archive.compute_fingerprint(1)
    run.archive.close()
    assert found == "1a2bd3df9d479d46"


def test_resume_leaves_a_finished_run_alone(tmp_path):
    """Nothing is added to it, and nothing is run again."""
    place = str(tmp_path / "a.db")
    before = finish(job(place, calls=8)).archive
    programs, rows = before.compute_fingerprint(1), len(before.read_candidates(1))
    before.close()
    again = finish(job(place, archive=Archive(place), number=1, calls=8))
    found = again.archive.compute_fingerprint(1), len(again.archive.read_candidates(1))
    again.archive.close()
    assert found == (programs, rows)
