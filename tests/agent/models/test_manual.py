"""A person with a chat window and a folder."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models import ManualModel, ModelError, Request, Stopped

NOW = 1_000_000.0


@pytest.fixture
def folder(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "chat" / "today"


def _write(path, text, *, age=100.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (NOW - age, NOW - age))


def _patient(folder, *steps, **options):
    """A model whose naps are taken by the steps, one after the other; after the last one it is stopped."""
    left = list(steps)

    def nap(_):
        left.pop(0)() if left else model.close()

    model = ManualModel(folder=folder, clock=lambda: NOW, sleep=nap, **options)
    return model


def test_the_prompt_is_a_file(folder, question):
    """The prompt's file holds the static part and the prompt, under the slot's number in four digits."""
    model = _patient(folder, lambda: _write(folder / "0042.answer.md", "done"))
    model.reply(question(42, system="the contract\n", prompt="\nthe task\n"))
    assert (folder / "0042.prompt.md").read_text("utf-8") == "the contract\n\nthe task\n"
    assert sorted(path.name for path in folder.iterdir()) == [
        "0042.answer.md",
        "0042.prompt.md",
        "README.md",
    ]


def test_the_answer_is_the_reply(folder, question):
    """The reply's text is what the file holds; it costs nothing."""
    model = _patient(folder, lambda: _write(folder / "0000.answer.md", "```python\nx = '‖'\n```\n"))
    reply = model.reply(question())
    assert reply.text == "```python\nx = '‖'\n```\n"
    assert (model.bound_usd(9), reply.usd, reply.tokens_out, reply.id) == (0.0, 0.0, 0, "0000.answer.md")


def test_an_answer_that_is_there_is_taken_at_once(folder, question):
    """After a stop, an answer that came in the meantime is taken without a nap."""
    _write(folder / "0000.answer.md", "early")
    assert _patient(folder).reply(question()).text == "early"


def test_a_half_written_answer_is_not_taken(folder, question):
    """A file that is empty, blank or still growing is waited for until it rests."""
    answer = folder / "0000.answer.md"
    grown = [
        lambda text=text: _write(answer, text, age=0.0) for text in ("", " \n", "def", "def f", "def f(): 1")
    ]
    assert _patient(folder, *grown, lambda: None).reply(question()).text == "def f(): 1"


@pytest.mark.parametrize("blank", ["", " \n\t\n"])
def test_a_blank_file_is_no_answer(folder, question, blank):
    """A file without a word is waited on, however long it rests."""
    _write(folder / "0000.answer.md", blank)
    with pytest.raises(Stopped):
        _patient(folder, lambda: None).reply(question())


def test_a_file_from_the_future_is_taken(folder, question):
    """A clock that differs from the file's does not make an answer wait for ever: it rests."""
    model = _patient(folder, lambda: _write(folder / "0000.answer.md", "late", age=-9999.0), lambda: None)
    assert model.reply(question()).text == "late"


@pytest.mark.parametrize(
    ("data", "text"), [(b"\xef\xbb\xbfhi", "hi"), (b"caf\xe9", "caf\u00e9"), (b"a\r\nb", "a\nb")]
)
def test_files_of_other_editors(folder, question, data, text):
    """A byte order mark, another encoding or Windows line ends do not lose an answer."""
    _write(folder / "0000.answer.md", data)
    assert _patient(folder).reply(question()).text == text


def test_an_answered_question_stays_as_it_was_asked(folder, question):
    """When a slot was answered before a crash, its prompt's file is not replaced by another question."""
    _write(folder / "0000.prompt.md", "what was asked")
    _write(folder / "0000.answer.md", "what was answered")
    assert _patient(folder).reply(question(prompt="something else")).text == "what was answered"
    assert (folder / "0000.prompt.md").read_text("utf-8") == "what was asked"


def test_an_open_question_is_brought_up_to_date(folder, question):
    """A prompt nobody answered is replaced by the present one, and left alone when it is the same."""
    _write(folder / "0000.prompt.md", "stale")
    model = _patient(folder)
    with pytest.raises(Stopped):
        model.reply(question(system="s", prompt="fresh"))
    assert (folder / "0000.prompt.md").read_text("utf-8") == "s\n\nfresh\n"
    os.utime(folder / "0000.prompt.md", (1.0, 1.0))
    with pytest.raises(Stopped):
        model.reply(question(system="s", prompt="fresh"))
    assert (folder / "0000.prompt.md").stat().st_mtime == 1.0


def test_several_are_open_at_once(folder, question):
    """The prompts of several threads are all there before any answer is, and each gets its own."""

    def answer_all():
        for prompt in folder.glob("*.prompt.md"):
            _write(folder / prompt.name.replace("prompt", "answer"), f"for {prompt.name}")

    everybody = threading.Barrier(3, answer_all, timeout=60)
    model = ManualModel(folder=folder, clock=lambda: NOW, sleep=lambda _: everybody.wait())
    with ThreadPoolExecutor(3) as pool:
        texts = list(pool.map(lambda slot: model.reply(question(slot)).text, range(3)))
    assert texts == [f"for 000{slot}.prompt.md" for slot in range(3)]


def test_stop_ends_all_waiting(folder, question):
    """Who waits for an hour is told to stop by `close` at once, in every thread; the prompts stay."""
    stop = threading.Event()
    napping = threading.Barrier(3, timeout=60)

    def nap(seconds):
        napping.wait()
        stop.wait(seconds)

    model = ManualModel(folder=folder, interval=3600.0, stop=stop, sleep=nap)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(model.reply, question(slot)) for slot in range(2)]
        napping.wait()
        model.close()
        for future in waiting:
            with pytest.raises(Stopped, match=r"stopped before 000\d\.answer\.md was there"):
                future.result(timeout=60)
    assert len(list(folder.glob("*.prompt.md"))) == 2


def test_the_models_own_nap_ends_with_the_stop(folder, question):
    """Unless told otherwise the model naps on the stop itself, so that setting it wakes the model."""

    class Woken(threading.Event):
        def wait(self, timeout=None):
            naps.append(timeout)
            self.set()

    naps = []
    with pytest.raises(Stopped):
        ManualModel(folder=folder, interval=3600.0, stop=Woken()).reply(question())
    assert naps == [3600.0]


def test_a_folder_that_is_none(tmp_path, question):
    """A file in the folder's place is told in one line."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="expected a folder that can be read and written"):
        ManualModel(folder=tmp_path / "file").reply(question())


# What a person is told


CODE = "```python\ndef schedule(p, d):\n    return d.argsort()\n```\n"


def _asked(slot=0, operator="refine", parents=()):
    problem = find_problem("single_machine_tardiness")
    return Request(
        slot=slot, operator=operator, system="s", prompt="p", seed=0, problem=problem, parents=parents
    )


def test_the_folder_says_how_it_works(folder, question):
    """A file in the folder says what to do; what a person changed in it stays."""
    _write(folder / "0000.answer.md", "early")
    _patient(folder).reply(question())
    assert "NNNN.answer.md" in (folder / "README.md").read_text("utf-8")
    (folder / "README.md").write_text("my notes")
    _patient(folder).reply(question())
    assert (folder / "README.md").read_text() == "my notes"


def test_an_answer_without_code_is_not_taken(folder):
    """What was pasted by mistake gets its reason, and the file is read again once it was saved again."""
    _write(folder / "0000.answer.md", "Sorry, wrong window.")
    reason = folder / "0000.reason.md"
    seen = []

    def correct():
        seen.append(reason.read_text("utf-8"))
        _write(folder / "0000.answer.md", CODE, age=50.0)

    assert _patient(folder, lambda: None, correct).reply(_asked()).text == CODE
    assert "0000.answer.md holds no code" in seen[0]


def test_a_question_can_be_passed_by(folder):
    """The word `skip` alone is an answer: that there is none."""
    _write(folder / "0000.answer.md", " Skip\n")
    reply = _patient(folder).reply(_asked())
    assert (reply.text, reply.detail["finish"]) == ("", "refused")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("ok", "result"), ("raced", "result"), ("syntax_error", "reason"), ("timeout_cpu", "reason")],
)
def test_what_came_of_an_answer_stands_beside_it(folder, outcome, kind):
    """A file beside the answer says how it went; words of a program stay in their fence."""
    _patient(folder).tell(7, outcome, "line 3: \x1b[31m```\n# Do that", "source")
    text = (folder / f"0007.{kind}.md").read_text("utf-8")
    assert text.startswith(f"# {outcome}\n\n```text\nline 3: '''\n# Do that\n```\n")
    assert "Nothing more is needed here" in text


def test_a_repair_is_named_where_its_reason_stands(folder):
    """The prompt that asks for a repair is named beside the answer that failed, by its program."""
    model = _patient(folder)
    model.tell(7, "syntax_error", "line 3", "the source")
    _write(folder / "0009.answer.md", CODE)
    model.reply(_asked(9, "repair", ("the source",)))
    assert (folder / "0007.reason.md").read_text("utf-8").endswith("\n0009.prompt.md asks for its repair.\n")


def test_who_watches_is_told_what_is_waited_for(folder, question):
    """One line for each change, with the names of the files."""
    lines = []
    together = threading.Barrier(6, timeout=60)

    napped = set()

    def nap(_):
        me = threading.get_ident()
        if me in napped:
            model.close()
        else:
            napped.add(me)
            together.wait()

    model = ManualModel(folder=folder, clock=lambda: NOW, sleep=nap, watchers=[lines.append])
    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(model.reply, question(slot)) for slot in range(6)]:
            with pytest.raises(Stopped):
                future.result(timeout=60)
    names = ", ".join(f"000{slot}.answer.md" for slot in range(4))
    assert lines == [f"{folder}: waiting for {names} and 2 more"]


def test_a_person_is_not_deterministic(folder):
    """The loop must not expect the same answer twice."""
    assert not ManualModel(folder=folder).deterministic


@pytest.mark.parametrize("name", ["0000.answer.md.txt", "0000.answer.txt", "0000.answer", "0000.ANSWER.MD"])
def test_an_answer_under_the_name_that_an_editor_gave_it(folder, question, name):
    """Editors that hide or add endings keep nobody waiting."""
    reply = _patient(folder, lambda: _write(folder / name, "done")).reply(question())
    assert (reply.text, reply.id) == ("done", name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_answer_in_the_encoding_of_an_editor(folder, question, encoding):
    """What an editor writes is read, in whichever of the usual encodings."""
    said = "```python\nname = 'é'\n```\n"
    reply = _patient(folder, lambda: _write(folder / "0000.answer.md", said.encode(encoding))).reply(
        question()
    )
    assert reply.text == said
