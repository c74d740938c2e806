"""Every page of a small real archive: it is there, it is escaped, and its links lead somewhere."""

import re
import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import pytest
from hostile import HOSTILE

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from gapsmith.agent.archive import Archive
from gapsmith.agent.web.app import build_app
from gapsmith.agent.web.serving.guard import Access

PAGES = (
    "/",
    "/?search=tardiness&sort=gap",
    "/?sort=cost&direction=up",
    "/run/1",
    "/run/1?x=dollars&lx=log&ly=linear",
    "/run/2",
    "/run/1/programs",
    "/run/1/programs?sort=latest&outcome=raced",
    "/run/2/programs?sort=slot",
    "/run/1/decisions",
    "/run/1/decisions?show=all",
    "/run/2/decisions?show=all",
    "/run/1/instances",
    "/run/1/instances?split=train",
    "/run/2/instances",
    "/run/1/front",
    "/run/2/front",
    "/compare",
    "/compare?programs=1,2,3",
    "/compare?runs=1",
    "/problems",
    "/problem/single_machine_tardiness",
    "/problem/single_machine_tardiness/baselines",
    "/problem/single_machine_tardiness/baselines?sort=open&show=open",
    "/formulations",
    "/questions",
    "/program/1",
    "/program/HOSTILE",
)


@pytest.fixture(scope="module")
def client(view_store):
    """A client with the token."""
    found = TestClient(build_app(view_store, Access(token="secret")), base_url="http://127.0.0.1")
    found.get("/?token=secret")
    return found


@pytest.fixture(scope="module")
def hostile(view_store):
    """The number of the program whose text is hostile."""
    return view_store.read_candidates(2)[0].program


class Checker(HTMLParser):
    """Notes elements, links and whatever would run in a page."""

    def __init__(self):
        super().__init__()
        self.links, self.tags, self.inline = set(), [], []

    def handle_starttag(self, tag, attributes):
        """Notes an element."""
        self.tags.append(tag)
        found = dict(attributes)
        self.inline += [f"{tag} {name}" for name in found if name.startswith("on") or name == "style"]
        self.inline += ["script"] if tag == "script" and not found.get("src") else []
        self.links |= {found["href"]} if tag == "a" and "href" in found else set()


def read(text):
    """Returns the checked page."""
    checker = Checker()
    checker.feed(text)
    return checker


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_shown_and_escaped(client, hostile, page):
    """It answers 200, and hostile text stands in it as text: no element, no handler, no script, no reversed letters."""
    answer = client.get(page.replace("HOSTILE", str(hostile)))
    assert answer.status_code == 200
    found = read(answer.text)
    assert "img" not in found.tags
    assert not found.inline
    assert "\u202e" not in answer.text
    assert "\x1b" not in answer.text


def test_hostile_text_is_shown(client, hostile):
    """Code, prompt, reply, message and names of the hostile program stand on its page, escaped."""
    text = client.get(f"/program/{hostile}").text
    assert text.count("&lt;script&gt;") >= 5


@pytest.mark.parametrize(
    ("page", "change"),
    [
        ("/run/1", "UPDATE candidates SET train_gap = 'x' WHERE run = 1 AND slot = 0"),
        ("/run/1/decisions", "UPDATE events SET detail = '{\"gain\": []}' WHERE kind = 'gate'"),
        ("/program/1", "UPDATE evaluations SET cpu_seconds = 'x'"),
        ("/questions", "UPDATE runs SET config = '{\"verb\": 3}'"),
    ],
)
def test_a_damaged_cell_is_an_error_page(archive_place, tmp_path, page, change):
    """The page says which cell is damaged and what to do; the server goes on."""
    place = tmp_path / "wrong.db"
    shutil.copy(archive_place, place)
    with closing(sqlite3.connect(place)) as database:
        database.execute(change)
        database.commit()
    with closing(Archive(str(place), True)) as store:
        client = TestClient(build_app(store, Access(token="secret")), base_url="http://127.0.0.1")
        client.get("/?token=secret")
        answer = client.get(page)
    assert answer.status_code == 500
    assert "restore a copy" in answer.text


def test_links_lead_to_pages(client):
    """Whatever the pages link to is there."""
    found = set().union(*(read(client.get(page).text).links for page in PAGES[:-1]))
    own = {link.partition("#")[0] for link in found} - {""}
    assert all(link.startswith("/") for link in own)
    # Instances of this archive are smaller than those of the problem whose name it bears: they cannot be made again.
    looked = [link for link in sorted(own) if not link.endswith(".py") and "/instance/" not in link]
    dead = [link for link in looked if client.get(link).status_code != 200]
    assert not dead


@pytest.mark.parametrize("page", ["/run/99", "/program/99999", "/run/99999999999999999999", "/nothing"])
def test_what_is_not_there_is_a_page_that_says_so(client, page):
    """Unknown numbers and addresses get 404 and a sentence, not a traceback."""
    answer = client.get(page)
    assert answer.status_code == 404
    assert "Not found" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/__init__.py",
        "/static/%00",
    ],
)
def test_no_other_file_is_served(client, path):
    """Of files only the style sheet, the script and the icon are served."""
    assert client.get(path).status_code == 404


def test_odd_parameters_are_taken_for_none(client):
    """Pages, orders and numbers that cannot be are left aside."""
    for query in ("page=-1", "page=x", "page=9999999999999", "sort=;drop", "status=<b>", "search=%25_"):
        assert client.get(f"/?{query}").status_code == 200
        assert client.get(f"/run/1/programs?{query}").status_code == 200


def test_the_run_page_keeps_the_seal(client):
    """A run without report shows the sealed test as sealed; a finished one shows it with intervals."""
    assert "sealed test: not opened" in client.get("/run/2").text
    assert "sealed test: not opened" not in client.get("/run/1").text


def test_a_program_is_compared_with_its_parent(client, hostile):
    """The page of a child shows what its parent had and it has not."""
    text = client.get(f"/program/{hostile}").text
    assert re.search(r'class="row removed">-', text)
    assert re.search(r'class="row added">\+', text)


def test_search_finds_runs(client):
    """A search leaves the other runs out."""
    text = client.get("/?search=offline").text
    assert 'href="/run/1"' in text
    assert 'href="/run/2"' not in text
    assert HOSTILE not in text
