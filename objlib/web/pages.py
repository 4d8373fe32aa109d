"""The pages: each turns reports of the Python API into one document. Their addresses are their whole state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from objlib.api import Library
from objlib.core.errors import NoLedgerError, ObjlibError, UsageError
from objlib.core.lifecycle.drift import ON_REQUEST
from objlib.core.lifecycle.table import State
from objlib.core.limits import MAX_PASSAGES
from objlib.core.reports.status import StatusReport
from objlib.web.actions import Actions
from objlib.web.live import LiveEvents, live_run, live_runs
from objlib.web.stores import stores_values
from objlib.web.streamed import AnswerEvents
from objlib.web.view import best_line, lines_with

WINDOW: Final = 400
"""Lines of a document before and after the cited ones that a page shows."""
DEFAULT_HITS: Final = 10
"""Passages of a search where the address does not say."""
SHOWN_STEPS: Final = 500
"""Steps of a plan that a page lists; the others are only counted."""


@dataclass(slots=True)
class FacetCache:
    """The metadata of the documents as they were counted last.

    Attributes:
        after: the newest run then, with its end: only a run changes the documents.
        keys: each value of each key, with how many documents have it.
    """

    after: tuple[str, float | None] | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LibraryPages:
    """The handlers of one library.

    Attributes:
        actions: the forms of the pages; None where the pages only show.
        facets: the metadata as they were counted last.
    """

    library: Library
    templates: Environment
    actions: Actions | None = None
    facets: FacetCache = field(default_factory=FacetCache)

    async def search(self, request: Request) -> Response:
        """The hits of ``?q=&filter=&k=``, with the metadata there is as filters."""
        options = request.query_params
        query, where = options.get("q", "").strip(), options.get("filter", "").strip()
        hits = _number(options.get("k", ""), DEFAULT_HITS, MAX_PASSAGES)
        report, error = None, ""
        try:
            if query:
                report = await self.library.search(query, where=where or None, top_k=hits, all_passages=True)
        except UsageError as problem:
            error = str(problem)
        status = await self._status()
        return await self._page(
            request, "search.html", query=query, where=where, hits=hits, report=report, error=error, status=status,
            facets=await self._facets(status),
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

    async def ask_stream(self, request: Request) -> Response:
        """The same answer as it is written, as server-sent events."""
        query = request.query_params.get("q", "").strip()
        if not query:
            raise HTTPException(422, "the question is empty")
        where = request.query_params.get("filter", "").strip()
        return AnswerEvents(self.library, self.templates, query, where)

    async def document(self, request: Request) -> Response:
        """The lines of a file around ``?from=&to=``, those with words of ``?q=`` marked, and its history."""
        file_id, options = request.path_params["file_id"], request.query_params
        first = _number(options.get("from", ""), 1, 10**9)
        last = max(first, _number(options.get("to", ""), first, 10**9))
        top = max(1, first - WINDOW)
        try:
            text = await self.library.document(file_id, first=top, count=last - top + WINDOW)
            history = await self.library.explain(file_id)
        except UsageError as problem:
            raise HTTPException(404, str(problem)) from None
        cited = range(first, last + 1) if "from" in options else range(0)
        query = options.get("q", "")
        start = max(0, first - text.first)
        best = first + best_line(text.lines[start : start + len(cited)], query) if cited else None
        hits = [text.first + at for at in lines_with(text.lines, query)] if query else []
        return await self._page(
            request, "document.html", text=text, history=history, cited=cited, best=best, query=query,
            hits=hits, window=WINDOW,
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
        """The runs that go on, and those that are over, the newest first."""
        status = await self._status()
        runs = [run for run in await self.library.runs() if not run.alive]
        live = await live_runs(self.library, status)
        last = None if self.actions is None else self.actions.runs.last
        return await self._page(request, "runs.html", status=status, runs=runs, live=live, last=last)

    async def run(self, request: Request) -> Response:
        """One run: what it did, and its requests over time."""
        try:
            report = await self.library.run(request.path_params["run_id"])
        except UsageError as problem:
            raise HTTPException(404, str(problem)) from None
        status = await self._status()
        end = report.run.ended or report.run.heartbeat
        now = self.library.now() if report.run.alive else end
        return await self._page(request, "run.html", status=status, one=live_run(report, status, now))

    async def events(self, _: Request) -> Response:
        """The runs that go on, as server-sent events."""
        return LiveEvents(self.library, self.templates, lambda: bool(self._rights()["busy"]))

    async def problems(self, request: Request) -> Response:
        """The failed and skipped files by reason, and the missing ones."""
        return await self._page(request, "problems.html")

    async def plan(self, request: Request) -> Response:
        """The plan of a sync that removes the documents of files that are gone: a dry run."""
        try:
            report = await self.library.plan(prune=True, max_delete="100%")
        except ObjlibError as problem:
            return await self._page(request, "plan.html", plan=None, error=str(problem))
        return await self._page(request, "plan.html", plan=report.plan, error="", shown=SHOWN_STEPS)

    async def differences(self, request: Request) -> Response:
        """Store and ledger compared, with the steps that mend what differs; it asks the store for every document."""
        if "compare" not in request.query_params:
            return await self._page(
                request, "differences.html", report=None, steps=(), made=0.0, on_request=ON_REQUEST
            )
        try:
            report, plan = await self.library.compare()
        except UsageError as problem:
            raise HTTPException(404, str(problem)) from None
        if self.actions is not None:
            self.actions.compared = plan
        return await self._page(
            request,
            "differences.html",
            report=report,
            steps=plan.steps,
            made=plan.made,
            on_request=ON_REQUEST,
        )

    async def stores(self, request: Request) -> Response:
        """The stores of the service; an error stands on the page, beside the list where there is one."""
        values = await stores_values(self.library, request.query_params)
        return await self._page(request, "stores.html", shown=SHOWN_STEPS, **values)

    async def settings(self, request: Request) -> Response:
        """Where things are, how it is set, and whether all of it works."""
        checks = await self.library.doctor() if "check" in request.query_params else ()
        return await self._page(request, "settings.html", settings=self.library.settings, checks=checks)

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error as a page: what happened and what to do."""
        status = error.status_code if isinstance(error, HTTPException) else 503
        if isinstance(error, ObjlibError) and request.method == "POST":
            status = 409
        text = error.detail if isinstance(error, HTTPException) else str(error)
        template = self.templates.get_template("error.html")
        values = {"error": text, "begin": isinstance(error, NoLedgerError), **self._rights()}
        return HTMLResponse(template.render(page="", status=None, **values), status)

    async def _page(self, request: Request, template: str, **values: Any) -> Response:
        values = {"status": values.pop("status", None) or await self._status(), **self._rights(), **values}
        page = request.url.path.strip("/").split("/")[0] or "search"
        return HTMLResponse(self.templates.get_template(template).render(page=page, **values))

    def _rights(self) -> dict[str, Any]:
        """The values with which a template offers what this server may change, and nothing else."""
        if self.actions is None:
            return {"write": False, "form_token": "", "busy": False}
        token, busy = self.actions.sessions.form_token, self.actions.runs.busy
        return {"write": True, "form_token": token, "busy": busy}

    async def _status(self) -> StatusReport:
        return await self.library.status()

    async def _facets(self, status: StatusReport) -> Mapping[str, Any]:
        """The metadata there is; counted again after each run and while one goes on, since it reads all documents."""
        try:
            run = next(((run.run_id, run.ended) for run in await self.library.runs()), None)
            if self.facets.after != run or run is None or status.runs_alive:
                self.facets.keys, self.facets.after = (await self.library.facets()).keys, run
        except ObjlibError:
            return {}
        return self.facets.keys


def _number(text: str, default: int, most: int) -> int:
    return min(most, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 10 else default
