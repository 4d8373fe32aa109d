"""The system's Chromium, and the pages of a library on a port, for tests that drive one with the other."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest
import trio
from playwright.sync_api import Browser, sync_playwright

from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.engine.app import Overrides
from objlib.web.serve import serve_pages

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
"""The browser of the system; Playwright's own would have to be downloaded."""
needs_chromium: Final = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: just system-tools"
)


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """A browser without a window, with ``more`` switches."""
    with sync_playwright() as playwright:
        # Its sandbox needs a user other than root, and containers have a small /dev/shm.
        switches = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions", *more]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        try:
            yield browser
        finally:
            browser.close()


class ServedPages:
    """Pages that another thread serves.

    Attributes:
        address: the one to open first, with the one-time token.
    """

    def __init__(self, address: str, token: trio.lowlevel.TrioToken) -> None:
        self.address = address
        self._token = token

    def call(self, function: Callable[[], object]) -> None:
        """Call a function of trio in the thread of the pages."""
        trio.from_thread.run_sync(function, trio_token=self._token)


@contextmanager
def served_pages(
    settings: Settings, *, write: bool = False, metrics_token: str = "", overrides: Overrides | None = None
) -> Iterator[ServedPages]:
    """Serve the pages of a library in another thread for the length of the block."""
    ready = threading.Event()
    addresses: list[str] = []
    running: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

    def opened(address: str) -> None:
        addresses.append(address)
        ready.set()

    async def main() -> None:
        with trio.CancelScope() as scope:
            running.append((trio.lowlevel.current_trio_token(), scope))
            await serve_pages(
                settings,
                port=0,
                observer=Observer(),
                ready=opened,
                write=write,
                metrics_token=metrics_token,
                overrides=overrides,
            )

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    try:
        assert ready.wait(30), "the pages are not served"
        yield ServedPages(addresses[0], running[0][0])
    finally:
        token, scope = running[0]
        trio.from_thread.run_sync(scope.cancel, trio_token=token)
        thread.join()
