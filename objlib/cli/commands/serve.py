"""``objlib serve``."""

import os
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Final

from objlib.cli.config import load_settings
from objlib.cli.console.errors import print_message
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.options import Common, CommonOptions, Embedder, Reranker, option, switch
from objlib.core.config.parsers import is_loopback_host
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.pacing.quota import parse_quota
from objlib.sources import LibraryNeed

if TYPE_CHECKING:
    from starlette.middleware import Middleware

MAX_DELAY: Final = 3600
"""Seconds of a delay at most: an hour is longer than any client waits."""


def serve(
    *,
    port: Annotated[int, option("Port to listen on; 0 takes any free one")] = 8765,
    host: Annotated[str, option("Address to listen on", metavar="ADDRESS")] = "127.0.0.1",
    allow_remote: Annotated[bool, switch("Let other machines in; there is no password")] = False,
    allow_host: Annotated[
        tuple[str, ...], option("Answer under this name too (repeatable)", metavar="NAME")
    ] = (),
    require_key: Annotated[
        str | None, option("Accept this API key alone [env: OBJLIB_SERVE_KEY]", metavar="KEY")
    ] = None,
    quota: Annotated[
        str | None, option("Refuse what goes beyond a quota, such as 10/s", metavar="QUOTA")
    ] = None,
    fault: Annotated[
        tuple[str, ...],
        option(
            "Answer a share of requests with a fault, such as lost-answer:0.02 (repeatable)", metavar="PLAN"
        ),
    ] = (),
    strict: Annotated[
        bool, switch("Refuse each request, and each answer of its own, that Google's schema does not have")
    ] = False,
    op_delay: Annotated[float, option("Seconds until an upload is ACTIVE")] = 0.0,
    list_lag: Annotated[float, option("Seconds for which listings lack a new document")] = 0.0,
    seed: Annotated[int, option("Number that the faults are drawn from")] = 0,
    write: Annotated[
        bool, switch("Let the pages also run uploads and repairs, each after a button or a typed number")
    ] = False,
    embedder: Embedder = None,
    reranker: Reranker = None,
    options: Common = None,
) -> int:
    """Serve the embedded store on a port, for any Gemini client; stop it with Ctrl-C.

    The pages of objlib ui are beside it, for the browser that opens the address which is printed for them. The
    server of other machines, and that of a store without a ledger, has none.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port must be a whole number from 0 to 65535, not {port}")
    if not host.strip() or not host.isprintable():
        raise UsageError("--host must be an address such as 127.0.0.1")
    if not allow_remote and not is_loopback_host(host):
        raise UsageError(
            f"--host {host} would let other machines read and change the store without a password; "
            "add --allow-remote if that is meant"
        )
    options = options or CommonOptions()
    if options.backend == "gemini" or options.base_url is not None:
        raise UsageError("objlib serve serves the embedded store itself; leave --backend and --base-url out")
    key = require_key or os.environ.get("OBJLIB_SERVE_KEY") or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("--require-key must be printable ASCII without blanks")
    limit = None if quota is None else parse_quota(quota)
    named = options.embedded_store is not None or os.environ.get("OBJLIB_EMBEDDED_STORE")
    settings = load_settings(
        options,
        place=LibraryNeed.ANY if named else LibraryNeed.KNOWN,
        backend="embedded",
        embedder=embedder,
        reranker=reranker,
    )
    if not (0 <= op_delay <= MAX_DELAY and 0 <= list_lag <= MAX_DELAY):
        raise UsageError(f"--op-delay and --list-lag are seconds from 0 to {MAX_DELAY}")
    middleware = _faults(fault, seed, list_lag) if fault or list_lag else ()
    from objlib.cli.runner import run_without_app
    from objlib.engine.serve import ServeOptions
    from objlib.engine.serve import serve as engine_serve
    from objlib.ledger import ledger_exists
    from objlib.web.guard import METRICS_TOKEN, Sessions
    from objlib.web.serve import open_pages_beside

    serve_options = ServeOptions(
        host=host,
        port=port,
        allow_hosts=allow_host,
        quota=limit,
        require_key=key,
        strict=strict,
        settle_seconds=op_delay,
        middleware=middleware,
    )

    has_pages = is_loopback_host(host) and ledger_exists(settings.ledger)
    sessions = Sessions(metrics_token=os.environ.get(METRICS_TOKEN, "")) if has_pages else None

    def ready(address: str) -> None:
        pages = {"pages": f"{address}/?token={sessions.token}"} if sessions else {}
        if settings.json:
            print_object("serve", {"url": address} | pages)
        else:
            print_lines([address])
        if not settings.quiet:
            for visit in pages.values():
                print_message(f"pages for your browser: {visit}")
            which = "any API key" if key is None else "the required API key"
            print_message(f"serving until Ctrl-C; point a Gemini client there: --base-url {address}, {which}")

    async def work(observer: Observer) -> None:
        around = None
        if sessions is not None:
            around = partial(
                open_pages_beside, settings=settings, sessions=sessions, observer=observer, write=write
            )
        await engine_serve(settings, replace(serve_options, around=around), observer=observer, ready=ready)

    run_without_app(settings, work, events=True, with_ledger=False)
    return Exit.OK


def _faults(words: tuple[str, ...], seed: int, list_lag: float) -> "tuple[Middleware, ...]":
    """The middleware of a plan.

    The test harness is loaded by its name and for these options alone: nothing else of the program may need it.
    """
    plan = import_module("objlib.testing.plan")
    try:
        faults = plan.PlannedFaults(plan.FaultPlan.parse(words, seed=seed, list_lag=list_lag))
    except plan.PlanError as error:
        raise UsageError(f"--fault: {error}") from None
    return (faults.middleware(),)
