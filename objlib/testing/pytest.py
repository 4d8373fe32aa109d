"""A pytest plugin for software on File Search: ``pytest_plugins = ["objlib.testing.pytest"]``.

The fixture ``gemini_twin`` serves an empty embedded store on a free port, in a thread of its own, so that the tested
code may use any event loop or none. Its ``plan`` is a plan of faults, and may change while the test runs.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from objlib.embedded import Options, open_service
from objlib.embedded.server import AllowedHosts, guarded, listen, serve_app
from objlib.testing.actions import Script
from objlib.testing.plan import FaultPlan, PlannedFaults

_START_SECONDS: Final = 30.0
"""Seconds for the server to start or stop before the fixture gives up."""


class Twin:
    """A served store with faults.

    Attributes:
        url: the base URL, for ``http_options`` of google-genai or ``GOOGLE_GEMINI_BASE_URL``.
    """

    def __init__(self, url: str, faults: PlannedFaults) -> None:
        self.url = url
        self._faults = faults

    def plan(self, *rules: str, seed: int = 0, list_lag: float = 0.0) -> None:
        """Follow a plan from now on, such as ``lost-answer:1:send``; no rule ends all faults."""
        self._faults.plan, self._faults.script = FaultPlan.parse(rules, seed=seed, list_lag=list_lag), None

    def script(self, script: Script) -> None:
        """Follow a function from a request's kind and number to an action."""
        self._faults.script = script

    @property
    def requests(self) -> Sequence[dict[str, Any]]:
        """The requests so far: kind, target, fault and the status with which the service acted."""
        return self._faults.log()


@contextmanager
def serve_twin(store: Path, options: Callable[..., Options] = Options) -> Iterator[Twin]:
    """Serve a store on a free port for the length of the block."""
    faults = PlannedFaults()
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started = threading.Event()
    stop: list[Callable[[], None]] = []
    failures: list[Exception] = []

    async def run() -> None:
        stopping = trio.Event()
        token = trio.lowlevel.current_trio_token()
        stop.append(lambda: token.run_sync_soon(stopping.set))
        async with open_service(store, options=options(middleware=(faults.middleware(),))) as service:
            started.set()
            await serve_app(guarded(service.app, AllowedHosts.of(())), listener, stopping=stopping, grace=0.5)

    def work() -> None:
        try:
            trio.run(run)
        except Exception as error:
            failures.append(error)
            started.set()

    thread = threading.Thread(target=work, name="gemini twin", daemon=True)
    thread.start()
    try:
        if not started.wait(_START_SECONDS):
            raise RuntimeError("the twin did not start")
        if not failures:
            yield Twin(address, faults)
    finally:
        for end in stop:
            end()
        thread.join(_START_SECONDS)
        listener.close()
    if failures:
        raise failures[0]


@pytest.fixture
def gemini_twin(tmp_path: Path) -> Iterator[Twin]:
    """An empty File Search service on 127.0.0.1, with a plan of faults."""
    with serve_twin(tmp_path / "twin.db", partial(Options)) as twin:
        yield twin
