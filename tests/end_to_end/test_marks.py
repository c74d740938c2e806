"""Editors of some systems begin a file with a mark: whatever a user hands in is read with it."""

import pytest

from gapsmith.agent.evaluation.compare import read_entrants
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models import read_recording
from gapsmith.agent.runs.config import read_config

MARK = b"\xef\xbb\xbf"


def test_settings_rules_and_recordings_may_begin_with_a_mark(tmp_path):
    """The mark is no part of what is read."""
    settings, rule, said = (tmp_path / name for name in ("job.toml", "rule.py", "said.jsonl"))
    settings.write_bytes(MARK + b"seed = 1\n")
    rule.write_bytes(MARK + b"def schedule(p, d):\n    return d.argsort()\n")
    said.write_bytes(MARK + b'{"text": "x"}\n')
    assert read_config(settings) == {"seed": 1}
    assert read_entrants([rule])[0].source.startswith("def schedule")
    assert read_recording(str(said)).lines[0].reply.text == "x"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_instance_files_may_be_in_any_of_these_encodings(tmp_path, encoding):
    """What is not ASCII stands in comments; a DOS end mark and any line ends do no harm."""
    path = tmp_path / "jobs.txt"
    path.write_bytes("# é\r\n3\r\n5 7\r\n6 9\r\n2 3\r\n\x1a".encode(encoding))
    (instance,) = find_problem("single_machine_tardiness").read(path)
    assert instance.data["p"].tolist() == [5, 6, 2]
