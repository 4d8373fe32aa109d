"""``objlib ui``."""

import os
import sys
import webbrowser
from functools import partial
from typing import Annotated

from objlib.cli.config import load_settings
from objlib.cli.console.errors import print_message
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.options import Common, LibraryPath, option, switch
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.sources import require_folder


def ui(
    path: LibraryPath = None,
    /,
    *,
    port: Annotated[int, option("Port of the pages; 0 takes any free one")] = 0,
    write: Annotated[
        bool, switch("Let the pages also run uploads and repairs, each after a button or a typed number")
    ] = False,
    no_open: Annotated[bool, switch("Only print the address, for a browser that you open yourself")] = False,
    options: Common = None,
) -> int:
    """Show the library in a browser: search, documents, runs and problems; stop it with Ctrl-C.

    The pages are for this machine, and for the browser that opens the printed address first. They change nothing,
    unless --write lets them. /healthz and /readyz answer everyone on this machine; /metrics answers a monitor that
    sends the token of OBJLIB_METRICS_TOKEN.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port must be a whole number from 0 to 65535, not {port}")
    settings = load_settings(options, path=path)
    require_folder(settings)
    from objlib.cli.runner import run_without_app
    from objlib.web.guard import METRICS_TOKEN
    from objlib.web.serve import serve_pages

    def ready(address: str) -> None:
        if settings.json:
            print_object("ui", {"url": address})
        else:
            print_lines([address])
        opened = not no_open and _has_desktop() and webbrowser.open(address)
        if not settings.quiet:
            print_message(
                "the pages are open until Ctrl-C"
                if opened
                else "open the address in a browser; Ctrl-C ends it"
            )

    async def work(observer: Observer) -> None:
        token = os.environ.get(METRICS_TOKEN, "")
        serving = partial(serve_pages, port=port, ready=ready, write=write, metrics_token=token)
        await serving(settings, observer=observer)

    run_without_app(settings, work)
    return Exit.OK


def _has_desktop() -> bool:
    """Whether a browser would open in a window, and not take this terminal."""
    return sys.platform in {"win32", "darwin"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
