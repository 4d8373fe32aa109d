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
from objlib.web.serve import serve_pages

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
"""The browser of the system; Playwright's own would have to be downloaded."""
needs_chromium: Final = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: just system-tools"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        # Its sandbox needs a user other than root, and containers have a small /dev/shm.
        switches = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served_pages(settings: Settings) -> Iterator[str]:
    """Serve the pages of a library in another thread; the address to open first, with the one-time token."""
    ready = threading.Event()
    addresses: list[str] = []
    stop: list[Callable[[], None]] = []

    def opened(address: str) -> None:
        addresses.append(address)
        ready.set()

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            stop.append(lambda: trio.from_thread.run_sync(scope.cancel, trio_token=token))
            await serve_pages(settings, port=0, observer=Observer(), ready=opened)

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    try:
        assert ready.wait(30), "the pages are not served"
        yield addresses[0]
    finally:
        stop[0]()
        thread.join()
