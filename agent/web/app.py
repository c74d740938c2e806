"""The application: addresses, pages, and what goes wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from gapsmith.agent.archive import Archive
from gapsmith.agent.archive.safety.cells import DamagedCell
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.pages.compare import show_compare
from gapsmith.agent.web.pages.decisions import show_decisions
from gapsmith.agent.web.pages.export import write_module
from gapsmith.agent.web.pages.front import show_front
from gapsmith.agent.web.pages.instances import show_instances
from gapsmith.agent.web.pages.problems import show_baselines, show_formulations, show_problem, show_problems
from gapsmith.agent.web.pages.program import show_program
from gapsmith.agent.web.pages.programs import show_programs
from gapsmith.agent.web.pages.questions import show_questions
from gapsmith.agent.web.pages.run import show_run
from gapsmith.agent.web.pages.runs import show_runs
from gapsmith.agent.web.pages.solution import show_solution
from gapsmith.agent.web.serving.guard import Access, Guard
from gapsmith.agent.web.serving.live import Watcher
from gapsmith.agent.web.view import Page, View
from gapsmith.evaluators.base import GapsmithError
from gapsmith.sandbox import SandboxError

Show = Callable[[View, Ask], Page]

PAGES: dict[str, Show] = {
    "/": show_runs,
    "/run/{number:int}": show_run,
    "/run/{number:int}/programs": show_programs,
    "/run/{number:int}/decisions": show_decisions,
    "/run/{number:int}/instances": show_instances,
    "/run/{number:int}/front": show_front,
    "/program/{number:int}": show_program,
    "/program/{number:int}/instance/{digest}": show_solution,
    "/compare": show_compare,
    "/problems": show_problems,
    "/problem/{name}": show_problem,
    "/problem/{name}/baselines": show_baselines,
    "/formulations": show_formulations,
    "/questions": show_questions,
}
"""Addresses, each with the page that it shows."""

STATIC = Path(__file__).parent / "static"
TYPES = {"gapsmith.css": "text/css", "gapsmith.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""Files that are served as they are, and nothing else."""


def build_app(store: Archive, access: Access, watcher: Watcher | None = None) -> ASGIApp:
    """Builds the application.

    Args:
        store: the archive, opened for reading.
        access: what a request must bring.
        watcher: tells open pages of changes; whoever gives one can stop it.
    """
    view, watcher = View(store, store.location), watcher or Watcher(store.engine)
    routes = [Route(path, _serve(show, view, watcher)) for path, show in PAGES.items()]
    routes += [Route("/program/{number:int}/module.py", _serve_module(view))]
    routes += [Route("/live", _serve_changes(watcher)), Route("/static/{name}", _serve_file)]
    handlers: Any = {
        DamagedCell: _report(view, watcher, 500),
        GapsmithError: _report(view, watcher, 404),
        SandboxError: _report(view, watcher, 500),
        HTTPException: _report(view, watcher, 404),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), access)


def _serve(show: Show, view: View, watcher: Watcher) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        ask = Ask(request.path_params, dict(request.query_params), request.url.path)
        return await run_in_threadpool(_write, show, view, ask, watcher.seen)

    return answer


def _write(show: Show, view: View, ask: Ask, seen: float) -> Response:
    page = show(view, ask)
    return HTMLResponse(view.write(page, ask.place, seen), page.status)


def _report(view: View, watcher: Watcher, status: int) -> Callable[[Request, Exception], Response]:
    """Makes the answer to a request that failed."""

    def answer(request: Request, error: Exception) -> Response:
        words = str(error) if not isinstance(error, HTTPException) else "there is no such page"
        page = Page("error.html.j2", "Not found" if status == 404 else "Failed", {"words": words})
        return HTMLResponse(view.write(page, request.url.path, watcher.seen), status)

    return answer


def _serve_changes(watcher: Watcher) -> Callable[[Request], Any]:
    async def answer(_: Request) -> Response:
        return StreamingResponse(watcher.listen(), media_type="text/event-stream")

    return answer


def _serve_module(view: View) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        ask = Ask(request.path_params, {}, request.url.path)
        name, text = await run_in_threadpool(write_module, view, ask)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="text/x-python", headers=headers)

    return answer


def _serve_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in TYPES:
        raise HTTPException(404)
    return Response((STATIC / name).read_bytes(), media_type=TYPES[name])
