"""The pages as an ASGI application: routes, static files, the session."""

from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from objlib.api import Library
from objlib.core.errors import ObjlibError
from objlib.web.actions import Actions
from objlib.web.guard import METRICS, SessionGuard, Sessions
from objlib.web.health import HealthHandlers
from objlib.web.pages import LibraryPages
from objlib.web.tasks import PageRuns
from objlib.web.view import environment

STATIC: Final = {"style.css": "text/css", "keys.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""The files that pages load, with their types."""


def make_pages(
    library: Library, *, sessions: Sessions, cookie: str, runs: PageRuns | None = None
) -> SessionGuard:
    """The pages of one library.

    Args:
        sessions: the one-time token, and the session of the browser that redeems it.
        cookie: name of the session's cookie.
        runs: starts the runs of the pages; None where the pages only show.
    """
    actions = None if runs is None else Actions(library, runs, sessions)
    pages = LibraryPages(library, environment(), actions)
    health = HealthHandlers(library)
    routes = [
        Route("/", pages.search),
        Route("/ask", pages.ask),
        Route("/ask/stream", pages.ask_stream),
        Route("/doc/{file_id}", pages.document),
        Route("/library", pages.files),
        Route("/runs", pages.runs),
        Route("/runs/{run_id}", pages.run),
        Route("/events", pages.events),
        Route("/problems", pages.problems),
        Route("/plan", pages.plan),
        Route("/differences", pages.differences),
        Route("/stores", pages.stores),
        Route("/settings", pages.settings),
        Route("/static/{name}", _static),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route(METRICS, health.metrics),
    ]
    if actions is not None:
        routes.append(Route("/do/{action}", actions.post, methods=["POST"]))
    handlers = {ObjlibError: pages.failed, HTTPException: pages.failed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    roots = frozenset(route.path.split("/")[1] for route in routes)
    return SessionGuard(app, sessions=sessions, cookie=cookie, write=actions is not None, roots=roots)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404, f"there is no file {name}")
    content = (files("objlib.web") / "static" / name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={"cache-control": "max-age=3600"})
