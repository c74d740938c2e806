"""What can go wrong with an archive in use: locks, two processes, a deleted file, a place that cannot be written."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from helpers import Counting, Threaded, crash, dying, finish, job
from sqlalchemy import create_engine

from gapsmith.agent import Archive
from gapsmith.agent.archive import Call, Candidate
from gapsmith.agent.archive.engine import _copy, open_engine
from gapsmith.agent.archive.safety import guarding, leases
from gapsmith.agent.archive.safety.leases import Lease, is_over, make_lease
from gapsmith.agent.archive.safety.unwritten import SUFFIX, UnwrittenReplies
from gapsmith.evaluators.base import GapsmithError


def call(run, slot=0):
    """A candidate and its answered call."""
    words = {
        "model": "m",
        "operator": "refine",
        "template": "",
        "system": "",
        "prompt": "",
        "reply": f"reply {slot}",
    }
    return Candidate(run=run, slot=slot, operator="refine", model="m"), Call(run=run, slot=slot, **words)


# Locks


@pytest.fixture
def impatient(monkeypatch):
    """SQLite does not wait by itself: we ask it four times."""
    monkeypatch.setattr(guarding, "MAX_WAITS", 4)
    monkeypatch.setattr("gapsmith.agent.archive.engine.BUSY_SECONDS", 0)


class Lock:
    """Another program that has the archive locked; `release` lets go."""

    def __init__(self, place):
        self._connection = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self, _line=""):
        """Ends the lock; may be told a line."""
        self._connection.close()


def test_a_lock_is_waited_for_and_told_once(place, impatient):
    """Who waits for a lock says so in one line; once it is released, the write is done."""
    told = []
    store = Archive(place, tell=told.append)
    run = store.start("tiny", "m", 0, {})
    lock = Lock(place)
    store._guard._tell = lambda line: (told.append(line), lock.release())
    store.answer(*call(run))
    assert store.call(run, 0).reply == "reply 0"
    assert told == [f"archive {place} is locked by another program; waiting for it"]


def test_a_reply_that_cannot_be_written_is_kept_for_resume(place, impatient):
    """A lock that does not end is one line; the paid reply waits beside the archive, which reads it when opened."""
    told = []
    store = Archive(place, tell=told.append)
    run = store.start("tiny", "m", 0, {})
    lock = Lock(place)
    with pytest.raises(GapsmithError, match="locked it for minutes") as caught:
        store.answer(*call(run))
    assert "\n" not in str(caught.value)
    assert "INSERT" not in str(caught.value)
    with pytest.raises(GapsmithError):
        store.answer(*call(run, 1))
    store.close()
    assert told[-1] == f"2 paid replies are in {place}.replies.jsonl and resume reads them"
    lock.release()
    again = Archive(place)
    assert [each.reply for each in again.read_calls(run).values()] == ["reply 0", "reply 1"]
    assert not Path(f"{place}.replies.jsonl").exists()


def test_a_reply_is_written_at_the_end_if_the_lock_is_gone_by_then(place, impatient):
    """What could not be written in time is written when the archive is closed."""
    store = Archive(place)
    run = store.start("tiny", "m", 0, {})
    lock = Lock(place)
    with pytest.raises(GapsmithError):
        store.answer(*call(run))
    lock.release()
    store.close()
    assert list(Archive(place).read_calls(run)) == [0]


def test_a_run_loses_no_paid_reply_to_a_lock(place, impatient):
    """All replies that were answered are there after a lock that ends the run, and `resume` pays for none again."""
    model = Threaded()
    run, answer, locks = job(place, model=model, calls=6), model._answer, []

    def locking(request):
        if not locks:
            locks.append(Lock(place))
        return answer(request)

    model._answer = locking
    with pytest.raises(GapsmithError, match="locked"):
        finish(run)
    run.archive.close()
    locks[0].release()
    assert set(Archive(place).read_calls(1)) == set(model.answered)


def test_a_damaged_page_is_one_line(place):
    """An archive that is damaged in the middle is named with what to do, without SQL."""
    store = Archive(place)
    for number in range(200):
        store.add_program("tiny", f"h{number}", "x" * 300, 1)
    store.close()
    size = Path(place).stat().st_size
    with open(place, "r+b") as file:
        file.seek(size - 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(GapsmithError) as caught:
        [Archive(place).find(number) for number in range(1, 201)]
    assert "is damaged" in str(caught.value)
    assert "SELECT" not in str(caught.value)


# The file


def test_an_archive_that_was_deleted_is_noticed_and_saved(place):
    """A write to a file that is gone is an error, with a copy of all that it held."""
    store = Archive(place)
    run = store.start("tiny", "m", 0, {})
    for suffix in ("", "-wal", "-shm"):
        Path(place + suffix).unlink()
    with pytest.raises(GapsmithError, match="was deleted or replaced while it was in use; its content is in"):
        store.answer(*call(run))
    with pytest.raises(GapsmithError):
        store.finish(run, "failed", 7.0)
    store.close()
    assert sorted(path.name for path in Path(place).parent.glob("*.rescued*")) == ["archive.db.rescued"]
    shutil.move(f"{place}.rescued", place)
    again = Archive(place)
    assert (again.call(run, 0).reply, again.run(run).seconds) == ("reply 0", 7.0)
    assert not Path(f"{place}.replies.jsonl").exists()


def test_no_new_archive_is_made_in_the_place_of_a_deleted_one(place):
    """A second connection does not open an empty file where the archive was."""
    store = Archive(place)
    os.unlink(place)
    store.engine.pool.dispose()
    with pytest.raises(GapsmithError, match="deleted or replaced"):
        store.list_runs()
    assert not Path(place).exists()


def test_the_file_alone_knows_its_runs(place):
    """The write-ahead log is written back as soon as a run begins: a copy of the file alone has the run."""
    store = Archive(place)
    run = store.start("tiny", "m", 0, {"a": 1})
    shutil.copy(place, f"{place}.copy")
    assert Archive(f"{place}.copy").run(run).config == {"a": 1}


@pytest.mark.parametrize("name", ["what?.db", "a%41.db", "a b#c.db", "sql:ite.db", "ä\u2028.db"])
def test_a_name_is_taken_as_it_is(tmp_path, name):
    """Question marks, percent signs and other letters are part of the file's name."""
    place = str(tmp_path / name)
    store = Archive(place)
    store.start("tiny", "m", 0, {})
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(Archive(place, reading=True).list_runs()) == 1


@pytest.mark.parametrize("name", ["", " ", ":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_name_that_keeps_nothing_is_refused(name):
    """An archive in memory would be lost: it is refused before anything is done."""
    with pytest.raises(GapsmithError, match="names no file"):
        Archive(name)


def test_a_missing_folder_is_named(tmp_path):
    """The message says which folder is missing, and what to do."""
    with pytest.raises(GapsmithError, match=f"folder {tmp_path / 'no'} does not exist; make it"):
        Archive(str(tmp_path / "no" / "a.db"))


# Reading


def listing(folder):
    """Every file with its bytes."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_reading_changes_nothing(tmp_path, monkeypatch, writable, old):
    """An archive of any schema, in a folder that can be written or not, is read, and no byte is changed."""
    place = str(tmp_path / "archive.db")
    if old:
        with closing(sqlite3.connect(place)) as connection:
            connection.executescript((Path(__file__).parent / "schema1.sql").read_text())
    else:
        store = Archive(place)
        store.start("tiny", "m", 0, {"a": 1})
        store.close()
    before = listing(tmp_path)
    if not writable:
        real = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    store = Archive(place, reading=True)
    assert store.run(1).config == {"a": 1}
    with pytest.raises(GapsmithError):
        store.start("tiny", "m", 0, {}) if not old else store.find(99)
    store.close()
    assert listing(tmp_path) == before


def test_a_log_beside_an_archive_that_cannot_be_written_is_read_too(tmp_path, monkeypatch):
    """What a killed process left in the write-ahead log is seen from a read-only folder."""
    store = Archive(str(tmp_path / "live.db"))
    for _ in range(3):
        store.start("tiny", "m", 0, {})
    kept = tmp_path / "kept"
    kept.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"live.db{suffix}", kept / f"archive.db{suffix}")
    before = listing(kept)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    reader = Archive(str(kept / "archive.db"), reading=True)
    assert len(reader.list_runs()) == 3
    reader.close()
    assert listing(kept) == before


def test_an_empty_file_is_not_made_an_archive_by_reading(tmp_path):
    """A verb that only reads says that there is nothing."""
    place = tmp_path / "empty.db"
    place.write_bytes(b"")
    with pytest.raises(GapsmithError, match="is empty"):
        Archive(str(place), reading=True)
    assert place.read_bytes() == b""


def test_what_is_no_archive_is_not_read(tmp_path):
    """The words are those of any opening."""
    (tmp_path / "noise.db").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(GapsmithError, match="file is not a database"):
        open_engine(str(tmp_path / "noise.db"), reading=True)


# Leases


def test_a_run_is_worked_on_by_one_at_a_time(place):
    """The second `resume` is refused in one line that names the process, before its model is asked."""
    first, model = job(place, calls=6), Counting()
    steps = first.search()
    next(steps)
    second = job(place, model=model, number=1, calls=6)
    with pytest.raises(
        GapsmithError, match=rf"run 1 is being worked on by process {os.getpid()} on "
    ) as caught:
        finish(second)
    assert "\n" not in str(caught.value)
    assert model.asked == []
    assert first.archive.run(1).status == "running"
    for _ in steps:
        pass
    assert first.archive.run(1).status == "searched"
    finish(job(place, number=1, calls=6))


def test_a_run_whose_process_is_gone_was_interrupted_and_is_taken_over(place):
    """After a crash `runs` does not say that it is running, and `resume` goes on at once."""
    assert crash(job(place, archive=dying(Archive(place), 20), calls=6))
    assert Archive(place).run(1).status == "interrupted"
    assert Archive(place).list_runs()[0].status == "interrupted"
    assert finish(job(place, number=1, calls=6)).archive.run(1).status == "searched"


def of_child():
    """The lease that another process would have on run 1, once that process has ended."""
    code = "from gapsmith.agent.archive.safety.leases import *; print(make_lease(1).model_dump_json())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return leases.LeaseRow.model_validate_json(ended.stdout)


def test_a_lease_is_over_when_it_has_run_out_or_its_process_is_gone():
    """A process of another machine is believed until its lease runs out; one of ours until it is gone."""
    gone = of_child()
    assert is_over(gone, gone.expires - 50) == (gone.birth != "")
    far = gone.model_copy(update={"birth": "another-machine pid:[1] 77"})
    assert not is_over(far, far.expires - 1)
    assert is_over(far, far.expires)
    again = gone.model_copy(update={"pid": os.getpid()})  # its number was given to another process
    assert is_over(again, again.expires - 50) == (gone.birth != "")


def test_a_lease_is_refreshed_and_who_lost_it_stops(place):
    """The lease of a process at work lasts on; one that was taken over while it slept is told, and ends nobody's."""
    store = Archive(place)
    run = store.start("tiny", "m", 0, {})
    stopped = []
    with Lease(store, run, lambda: stopped.append(True)) as lease:
        assert store.refresh_lease(lease._row, lease._row.expires + 7)
        assert store.find_lease(run).expires == lease._row.expires + 7
        store.refresh_lease(lease._row, 0.0)  # it slept
        other = make_lease(run)
        store.take_lease(other)
        assert not store.refresh_lease(lease._row, 9e9)
        lease.lost = True
        with pytest.raises(GapsmithError, match="taken over by another process"):
            lease.check()
    assert store.find_lease(run).token == other.token


def test_of_two_who_take_a_lease_at_once_one_gets_it(place):
    """A lease that was taken after one looked is not taken a second time."""
    one, two = Archive(place), Archive(place)
    run = one.start("tiny", "m", 0, {})
    first, second = make_lease(run), make_lease(run)
    seen = two.find_lease(run)
    one.take_lease(first)
    two.find_lease = lambda run, found=[seen]: found.pop() if found else Archive(place).find_lease(run)
    with pytest.raises(GapsmithError, match="is being worked on"):
        two.take_lease(second)
    assert one.find_lease(run).token == first.token


# Archives of others


def test_a_link_beside_an_archive_is_not_followed(place, tmp_path):
    """Copies and waiting replies are written to no file to which a link leads, whether it is there or not."""
    target = tmp_path / "target"
    for name in ("archive.db.rescued", "archive.db.schema3"):
        (tmp_path / name).symlink_to(target)
    assert guarding._find_free_name(tmp_path / "archive.db.rescued").name == "archive.db.rescued.2"
    Archive(place).close()
    engine = create_engine(f"sqlite:///{place}")
    assert f"{place}.schema3.2" in _copy(engine, 3)
    engine.dispose()
    assert not target.exists()
    told = []
    (tmp_path / f"archive.db{SUFFIX}").symlink_to(target)
    target.write_text("mine\n")
    store = Archive(place)
    UnwrittenReplies(store.engine, told.append).keep([call(1)])
    assert target.read_text() == "mine\n"
    assert len(told) == 1


@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize(
    "code",
    [
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM programs; END",
        "CREATE VIEW v AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT * FROM r",
    ],
)
def test_code_in_an_archive_is_refused(place, code, reading):
    """Triggers and views, which no archive of ours has, would run with our queries."""
    Archive(place).close()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(code)
        connection.commit()
    with pytest.raises(GapsmithError, match=r"holds a (trigger|view) named '[tv]'"):
        open_engine(place, reading=reading)


def test_a_lease_of_centuries_is_none(place):
    """A lease lasts a minute: one that was written to last for ever holds nobody."""
    row = make_lease(1)
    row.host, row.birth = "elsewhere", ""
    assert not is_over(row, row.expires - 1)
    row.expires += 10**9
    assert is_over(row, row.expires - 10**9 - 1)
