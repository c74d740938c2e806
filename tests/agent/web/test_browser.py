"""Every page in a real browser: no complaint in its console, no request to anywhere else, keys that work."""

import threading

import browser
import pytest

pytest.importorskip("starlette")

import uvicorn

from gapsmith.agent.archive import Archive
from gapsmith.agent.web.app import build_app
from gapsmith.agent.web.serving.guard import Access
from gapsmith.agent.web.serving.server import _listen

pytestmark = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="no chromium here; Debian has it: apt-get install chromium"
)

PAGES = (
    "/",
    "/run/1",
    "/run/1/programs",
    "/run/1/decisions",
    "/run/1/instances",
    "/run/1/front",
    "/run/2",
    "/program/1",
    "/program/HOSTILE",
    "/compare?programs=1,2",
    "/problems",
    "/problem/single_machine_tardiness",
    "/problem/single_machine_tardiness/baselines",
    "/formulations",
    "/questions",
)


@pytest.fixture(scope="module")
def served(view_store):
    """The address of a server with the archive, with its token."""
    with _listen("127.0.0.1", 0) as listener:
        access = Access(port=listener.getsockname()[1])
        config = uvicorn.Config(
            build_app(view_store, access),
            log_level="error",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield access.url
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def page(served):
    """A browser that has the token."""
    found = browser.Browser()
    found.look()
    found.open(served)
    yield found
    found.close()


@pytest.fixture
def home(served):
    """The address without page and token."""
    return served.partition("/?")[0]


def test_pages_load_without_complaint_from_here_alone(page, home, view_store):
    """Wide and on a phone, light and dark: nothing breaks the content policy, nothing is wider than the screen."""
    hostile = str(view_store.read_candidates(2)[0].program)
    for k, path in enumerate(PAGES):
        page.look(390 if k % 2 else 1280, dark=k % 3 == 0)
        page.open(home + path.replace("HOSTILE", hostile))
        assert page.run("document.querySelectorAll('h1').length") == 1, path
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), path
    assert page.errors == []
    foreign = [url for url in page.requests if not url.startswith((home, "data:", "about:"))]
    assert foreign == []


def test_scripts_in_texts_do_not_run(page, home, view_store):
    """No element of the hostile text is in the document."""
    page.open(f"{home}/program/{view_store.read_candidates(2)[0].program}")
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("[...document.scripts].map(each => each.src).join()") == f"{home}/static/gapsmith.js"
    assert "alert('x')" in page.run("document.body.innerText")


def test_keys_move_and_open(page, home):
    """Rows can be walked through and opened without a mouse; a key leads up again."""
    page.look()
    page.open(f"{home}/")
    page.press("j")
    page.press("j")
    assert page.run("document.activeElement.getAttribute('href')") == "/run/1"
    page.press("k")
    assert page.run("document.activeElement.getAttribute('href')") == "/run/2"
    page.press("Enter")
    page.wait_until("location.pathname === '/run/2' && document.readyState === 'complete'")
    page.press("u")
    page.wait_until("location.pathname === '/' && document.readyState === 'complete'")
    page.press("/")
    assert page.run("document.activeElement.name") == "search"


def test_open_pages_follow_the_archive(page, home, archive_place):
    """A run that begins while the list is open appears in it, without a reload."""
    page.look()
    page.open(f"{home}/")
    page.wait_until("document.getElementById('pulse').textContent.startsWith('live, changed')")
    page.run("window.mark = 'kept'")
    store = Archive(archive_place)
    number = store.start("tsp", "offline", 0, {}, "1")
    store.close()
    page.wait_until(f"!!document.querySelector('a[href=\"/run/{number}\"]')")
    assert page.run("window.mark") == "kept"
