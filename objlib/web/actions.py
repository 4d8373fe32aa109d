"""The forms of the pages: everything that a page can change. Each is a POST that leads back to a page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from objlib.api import Library
from objlib.core.lifecycle.drift import ON_REQUEST
from objlib.core.lifecycle.repair_plan import Plan
from objlib.web.guard import Sessions
from objlib.web.tasks import PageRuns

MAX_FORM: Final = 1024 * 1024
"""Bytes of a form at most: the ticks of ten thousand steps fit."""

Form = dict[str, list[str]]


@dataclass(slots=True)
class Actions:
    """The handlers of the forms.

    Attributes:
        compared: the plan of the last comparison that a page showed; only its steps can be applied.
    """

    library: Library
    runs: PageRuns
    sessions: Sessions
    compared: Plan | None = None

    async def post(self, request: Request) -> Response:
        """Carry out the form ``/do/{action}``.

        Raises:
            HTTPException: the form is not from a page of this session, or asks for something that is not there.
            ObjlibError: it was refused; nothing was changed.
        """
        form = await _read(request)
        if not self.sessions.signed(_one(form, "form_token")):
            raise HTTPException(403, "the form is out of date; load the page again")
        actions: dict[str, Callable[[Form], Awaitable[str]]] = {
            "upload": self._upload,
            "recover": self._recover,
            "stop": self._stop,
            "stop-run": self._stop_run,
            "sync": self._sync,
            "repair": self._repair,
            "create-store": self._create_store,
            "delete-store": self._delete_store,
            "adopt": self._adopt,
        }
        action = actions.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404, "there is no such form")
        return RedirectResponse(await action(form), 303)

    async def _upload(self, form: Form) -> str:
        retry = _one(form, "retry_failed") == "yes"
        self.runs.start("upload", partial(self.library.upload, retry_failed=retry))
        return "/runs"

    async def _recover(self, _: Form) -> str:
        self.runs.start("recover", self.library.recover)
        return "/runs"

    async def _stop(self, _: Form) -> str:
        self.runs.stop()
        return "/runs"

    async def _stop_run(self, form: Form) -> str:
        """Ask a run to stop through the ledger, in whichever process or on whichever machine it works."""
        run_id = _one(form, "run_id")
        await self.library.stop_run(run_id)
        return f"/runs/{quote(run_id, safe='')}"

    async def _sync(self, form: Form) -> str:
        """Upload and remove at most as many documents as the reviewed plan removes: a larger removal is refused."""
        removed = _typed_number(form, "deletions")
        self.runs.start("sync", partial(self.library.sync, prune=True, max_delete=str(removed)))
        return "/runs"

    async def _repair(self, form: Form) -> str:
        """Apply the ticked steps of the comparison that the page showed."""
        plan = self.compared
        if plan is None or str(plan.made) != _one(form, "made"):
            raise HTTPException(409, "the comparison is out of date; compare again, and review it")
        numbers = {int(text) for text in form.get("step", ()) if text.isdecimal()}
        chosen = replace(plan, steps=tuple(step for at, step in enumerate(plan.steps) if at in numbers))
        if not chosen.steps:
            raise HTTPException(422, "no step is ticked; nothing was changed")
        if _one(form, "typed").strip() != str(len(chosen.steps)):
            raise HTTPException(
                422,
                f"{len(chosen.steps)} steps are ticked; type that number to apply them. Nothing was changed",
            )
        metadata = any(step.kind in ON_REQUEST for step in chosen.steps)
        work = partial(self.library.repair, chosen, metadata=metadata, max_delete=str(chosen.deletions()))
        self.runs.start("store-sync", work)
        self.compared = None
        return "/runs"

    async def _create_store(self, form: Form) -> str:
        self.runs.start("stores create", partial(self.library.stores.create, _one(form, "name")))
        return "/runs"

    async def _delete_store(self, form: Form) -> str:
        """Delete the store whose name was typed, with as many documents of others as the page showed and no more."""
        name, display_name = _one(form, "store"), _one(form, "display_name")
        if not name or _one(form, "typed").strip() != display_name.strip():
            raise HTTPException(422, f"type {display_name} to delete this store; nothing was changed")
        others = _typed_number(form, "others", "typed_others") if _one(form, "others") != "0" else 0
        self.runs.start("stores delete", partial(self.library.stores.delete, name, others=others))
        return "/runs"

    async def _adopt(self, form: Form) -> str:
        """Let files take documents over: those with their bytes, and those by name whose number was typed."""
        by_name = _typed_number(form, "by_name") if _one(form, "typed").strip() else None
        self.runs.start("stores adopt", partial(self.library.stores.adopt, by_name=by_name))
        return "/runs"


def _typed_number(form: Form, name: str, typed_in: str = "typed") -> int:
    """The number that a plan shows and the user typed.

    Raises:
        HTTPException: they differ.
    """
    shown, typed = _one(form, name), _one(form, typed_in).strip()
    if not shown.isdecimal() or typed != shown:
        raise HTTPException(422, f"type {shown} to apply this; nothing was changed")
    return int(shown)


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


async def _read(request: Request) -> Form:
    """The fields of a form.

    Raises:
        HTTPException: it is no form, or too large.
    """
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        raise HTTPException(415, "a form was expected")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise HTTPException(413, "the form is too large")
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20_000)
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None
