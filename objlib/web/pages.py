"""The pages: each turns reports of the Python API into one document. Their addresses are their whole state."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from objlib.api import MAX_PASSAGES, Library
from objlib.core.errors import ObjlibError, UsageError
from objlib.core.lifecycle.table import State
from objlib.core.reports.status import StatusReport
from objlib.web.view import best_line

WINDOW: Final = 400
"""Lines of a document before and after the cited ones that a page shows."""
DEFAULT_HITS: Final = 10
"""Passages of a search where the address does not say."""


@dataclass(frozen=True, slots=True)
class LibraryPages:
    """The handlers of one library."""

    library: Library
    templates: Environment

    async def search(self, request: Request) -> Response:
        """The hits of ``?q=&filter=&k=``, with the metadata there is as filters."""
        options = request.query_params
        query, where = options.get("q", "").strip(), options.get("filter", "").strip()
        hits = _number(options.get("k", ""), DEFAULT_HITS, MAX_PASSAGES)
        report, error = None, ""
        try:
            if query:
                report = await self.library.search(query, where=where or None, top_k=hits)
        except UsageError as problem:
            error = str(problem)
        return await self._page(
            request, "search.html", query=query, where=where, hits=hits, report=report, error=error,
            facets=await self._facets(),
        )  # fmt: skip

    async def ask(self, request: Request) -> Response:
        """The answer to ``?q=&filter=`` with its sources."""
        options = request.query_params
        query, where = options.get("q", "").strip(), options.get("filter", "").strip()
        report, error = None, ""
        try:
            if query:
                report = await self.library.ask(query, where=where or None)
        except UsageError as problem:
            error = str(problem)
        return await self._page(request, "ask.html", query=query, where=where, report=report, error=error)

    async def document(self, request: Request) -> Response:
        """The lines of a file around ``?from=&to=``, and its history."""
        file_id = request.path_params["file_id"]
        first = _number(request.query_params.get("from", ""), 1, 10**9)
        last = max(first, _number(request.query_params.get("to", ""), first, 10**9))
        top = max(1, first - WINDOW)
        try:
            text = await self.library.document(file_id, first=top, count=last - top + WINDOW)
            history = await self.library.explain(file_id)
        except UsageError as problem:
            raise HTTPException(404, str(problem)) from None
        cited = range(first, last + 1) if "from" in request.query_params else range(0)
        query = request.query_params.get("q", "")
        start = max(0, first - text.first)
        best = first + best_line(text.lines[start : start + len(cited)], query) if cited else None
        return await self._page(
            request, "document.html", text=text, history=history, cited=cited, best=best, query=query,
            window=WINDOW,
        )  # fmt: skip

    async def files(self, request: Request) -> Response:
        """The folder ``?path=``, or the files in ``?state=`` of all folders below it."""
        options = request.query_params
        folder, after = options.get("path", "").strip("/"), options.get("after", "")
        try:
            state = State(options["state"]) if options.get("state") else None
        except ValueError:
            raise HTTPException(404, f"there is no state {options['state']!r}") from None
        listing = await self.library.documents(folder, state=state, deep=state is not None, after=after)
        return await self._page(request, "files.html", listing=listing, state=state or "", states=list(State))

    async def runs(self, request: Request) -> Response:
        """The runs on this ledger, the newest first."""
        return await self._page(request, "runs.html", runs=await self.library.runs())

    async def problems(self, request: Request) -> Response:
        """The failed and skipped files by reason, and the missing ones."""
        return await self._page(request, "problems.html")

    async def settings(self, request: Request) -> Response:
        """Where things are, and how it is set."""
        return await self._page(request, "settings.html", settings=self.library.settings)

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error as a page: what happened and what to do."""
        status = error.status_code if isinstance(error, HTTPException) else 503
        text = error.detail if isinstance(error, HTTPException) else str(error)
        document = self.templates.get_template("error.html").render(page="", error=text, status=None)
        return HTMLResponse(document, status)

    async def _page(self, request: Request, template: str, **values: Any) -> Response:
        status = await self._status()
        page = request.url.path.strip("/").split("/")[0] or "search"
        return HTMLResponse(self.templates.get_template(template).render(page=page, status=status, **values))

    async def _status(self) -> StatusReport:
        return await self.library.status()

    async def _facets(self) -> Mapping[str, Any]:
        try:
            return (await self.library.facets()).keys
        except ObjlibError:
            return {}


Handler = Callable[[Request], Awaitable[Response]]


def _number(text: str, default: int, most: int) -> int:
    return min(most, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 10 else default
