"""Projects written as PSPLIB does and read back, and files with one number changed."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.problems.rcpsp.generator import draw_project
from gapsmith.evaluators.problems.rcpsp.reader import LONGEST, read_project

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STARS = "*" * 60


def text_of(made):
    """A project as PSPLIB writes it, jobs numbered from 1."""
    n, resources = made["demand"].shape
    after = [[int(j) + 1 for i, j in made["precedence"] if i == job] for job in range(n)]
    names = "  ".join(f"R {k + 1}" for k in range(resources))
    return "\n".join(
        [
            STARS,
            f"jobs (incl. supersource/sink ):  {n}",
            f"  - renewable                 :  {resources}   R",
            "  - nonrenewable              :  0   N",
            STARS,
            "PRECEDENCE RELATIONS:",
            "jobnr.    #modes  #successors   successors",
            *(f"  {job + 1}  1  {len(after[job])}  " + "  ".join(map(str, after[job])) for job in range(n)),
            STARS,
            "REQUESTS/DURATIONS:",
            f"jobnr. mode duration  {names}",
            "-" * 40,
            *(
                f"  {job + 1}  1  {made['duration'][job]}  " + "  ".join(map(str, made["demand"][job]))
                for job in range(n)
            ),
            STARS,
            "RESOURCEAVAILABILITIES:",
            f"  {names}",
            "  " + "  ".join(map(str, made["capacity"])),
            STARS,
            "",
        ]
    )


def drawn(seed, size=8):
    """A random project."""
    return draw_project(np.random.default_rng(seed), size, 1.5, 0.5, 0.5)


def read(tmp_path, text):
    """The project of a file with that text."""
    path = tmp_path / "made.sm"
    path.write_text(text)
    return read_project(path)


@QUIET
@given(seed=st.integers(0, 2**32), size=st.integers(6, 20))
def test_a_project_comes_back(seed, size, tmp_path):
    """Durations, precedences, requests and capacities are read as they were written."""
    made = drawn(seed, size)
    found = read(tmp_path, text_of(made))
    for name, value in made.items():
        assert np.asarray(getattr(found, name)).tolist() == value.tolist(), name


@pytest.mark.parametrize("ends", ["\r\n", "\n\x1a", "\n"])
def test_ends_of_lines_and_files_do_not_matter(ends, tmp_path):
    """Files of other systems are read as the same project."""
    made = drawn(1)
    text = text_of(made)
    text = text.replace("\n", ends) if ends != "\n\x1a" else text + "\x1a"
    (tmp_path / "made.sm").write_bytes(text.encode())
    assert read_project(tmp_path / "made.sm").duration.tolist() == made["duration"].tolist()


SECTIONS = (
    "jobs (incl. supersource/sink ):",
    "  - renewable",
    "PRECEDENCE RELATIONS:",
    "REQUESTS/DURATIONS:",
    "RESOURCEAVAILABILITIES:",
)


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_missing_or_repeated_heading_is_named(heading, tmp_path):
    """Without one of the headings, or with one twice, the file is refused."""
    text = text_of(drawn(2))
    assert heading in text
    with pytest.raises(GapsmithError, match=r"made\.sm, line"):
        read(tmp_path, text.replace(heading, "x"))
    with pytest.raises(GapsmithError, match="again"):
        read(tmp_path, text + heading + "  1\n")


@QUIET
@given(cut=st.floats(0.0, 0.97))
def test_a_cut_file_is_refused(cut, tmp_path):
    """Wherever a file ends too early, it is no project."""
    text = text_of(drawn(3))
    text = text[: text.rindex(STARS)]
    with pytest.raises(GapsmithError, match=r"made\.sm, line"):
        read(tmp_path, text[: int(cut * len(text))])


@pytest.mark.parametrize(
    ("section", "place", "value", "complaint"),
    [
        ("PRECEDENCE", 0, "7", "found job 7"),
        ("PRECEDENCE", 1, "2", "2 modes"),
        ("PRECEDENCE", 2, "9", "successors"),
        ("PRECEDENCE", 3, "1", "found successor 1"),
        ("PRECEDENCE", 3, "99", "found successor 99"),
        ("REQUESTS", 0, "7", "found job 7"),
        ("REQUESTS", 1, "2", "in mode 2"),
        ("REQUESTS", 2, "-1", "'-1'"),
        ("REQUESTS", 2, str(LONGEST), "with which all sum up"),
        ("REQUESTS", 3, "999", "requests 999 units"),
        ("REQUESTS", 3, "x", "'x'"),
        ("REQUESTS", 6, "1 1", "requests of job"),
    ],
)
def test_one_wrong_number_is_found(section, place, value, complaint, tmp_path):
    """A changed number in the line of job 2 is refused with what was found."""
    lines = text_of(drawn(4)).split("\n")
    start = next(k for k, line in enumerate(lines) if line.startswith(section))
    at = start + (3 if section == "PRECEDENCE" else 4)
    words = lines[at].split()
    assert words[0] == "2"
    words[place] = value
    lines[at] = "  ".join(words)
    with pytest.raises(GapsmithError, match=f"line {at + 1}: ") as refused:
        read(tmp_path, "\n".join(lines))
    assert complaint in str(refused.value)


def test_another_format_is_named(tmp_path):
    """A file that begins with two numbers is taken for Patterson's format, which is not read."""
    with pytest.raises(GapsmithError, match="Patterson"):
        read(tmp_path, "32 4\n12 13 4 12\n")
