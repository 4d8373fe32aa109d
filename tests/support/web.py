"""A browser without a window for the pages: httpx, with the session of the one-time token."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import trio
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.api import Library
from objlib.embedded.server import AllowedHosts, guarded
from objlib.web.app import make_pages
from objlib.web.guard import Sessions
from objlib.web.tasks import PageRun, PageRuns

HOME = "http://127.0.0.1"


class Gate:
    """Middleware of the embedded service that holds the first bytes of each document until it is open.

    Attributes:
        opened: lets them pass.
        reached: the first of them has arrived.
    """

    def __init__(self) -> None:
        self.opened = trio.Event()
        self.reached = trio.Event()

    def middleware(self) -> Middleware:
        """For ``Options.middleware``."""
        return Middleware(self._around)

    def _around(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and "/upload/" in scope["path"]:
                self.reached.set()
                await self.opened.wait()
            await app(scope, receive, send)

        return serve


@dataclass(slots=True)
class Desk:
    """The pages of a library behind the checks of their port, and a browser that has opened them."""

    library: Library
    app: ASGIApp
    client: httpx.AsyncClient
    sessions: Sessions
    runs: PageRuns

    def stranger(self, **options: str) -> httpx.AsyncClient:
        """A browser without the session."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=HOME, cookies=options)

    async def get(self, address: str) -> str:
        """The text of a page."""
        answer = await self.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def post(self, action: str, *, like: str = "/runs", **fields: str | list[str]) -> httpx.Response:
        """Send a form with the token that the page ``like`` shows."""
        token = re.search(r'name="form_token" value="([^"]+)"', await self.get(like))
        data = {"form_token": token[1] if token else "", **fields}
        return await self.client.post(f"/do/{action}", data=data, headers={"origin": HOME})

    async def run_ended(self) -> PageRun:
        """The last run that a page started, once it is over."""
        assert self.runs.last is not None
        with trio.fail_after(60):
            await self.runs.last.ended.wait()
        return self.runs.last


@asynccontextmanager
async def open_desk(library: Library, *, write: bool) -> AsyncIterator[Desk]:
    """The pages of a library, opened in a browser."""
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        runs = PageRuns(library, nursery)
        pages = make_pages(library, sessions=sessions, cookie="session", runs=runs if write else None)
        app = guarded(pages, AllowedHosts.of(("127.0.0.1",)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOME) as client:
            answer = await client.get("/", params={"token": sessions.token})
            assert answer.status_code == 303
            yield Desk(library, app, client, sessions, runs)
        nursery.cancel_scope.cancel()
