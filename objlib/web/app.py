"""The pages as an ASGI application: routes, static files, the session."""

from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from objlib.api import Library
from objlib.core.errors import ObjlibError
from objlib.web.guard import SessionGuard, Sessions
from objlib.web.pages import LibraryPages
from objlib.web.view import environment

STATIC: Final = {"style.css": "text/css", "keys.js": "text/javascript"}
"""The files that pages load, with their types."""


def make_pages(library: Library, *, sessions: Sessions, cookie: str) -> ASGIApp:
    """The pages of one library.

    Args:
        sessions: the one-time token, and the session of the browser that redeems it.
        cookie: name of the session's cookie.
    """
    pages = LibraryPages(library, environment())
    routes = [
        Route("/", pages.search),
        Route("/ask", pages.ask),
        Route("/doc/{file_id}", pages.document),
        Route("/library", pages.files),
        Route("/runs", pages.runs),
        Route("/problems", pages.problems),
        Route("/settings", pages.settings),
        Route("/static/{name}", _static),
    ]
    handlers = {ObjlibError: pages.failed, HTTPException: pages.failed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return SessionGuard(app, sessions=sessions, cookie=cookie)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404, f"there is no file {name}")
    content = (files("objlib.web") / "static" / name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={"cache-control": "max-age=3600"})
