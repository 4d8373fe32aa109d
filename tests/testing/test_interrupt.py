"""Ctrl-C with five uploads in flight, in real processes: what is under way is finished, and then it is over."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from objlib.testing import Library

ROOT = Path(__file__).parents[2]
FLIGHT = 5


class Served:
    """The service in a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = ["-m", "objlib.testing.served", str(folder / "store.db"), str(folder / "ledger.db")]
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._line()

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self._line()

    def state(self) -> Any:
        return json.loads(self.ask("state"))

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    service = Served(tmp_path)
    yield service
    assert service.process.stdin is not None
    assert service.process.stdout is not None
    service.process.stdin.close()
    service.process.wait(30)
    service.process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process there")
def test_what_is_in_flight_is_finished_and_nothing_is_sent_after(served: Served, tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    for number in range(30):
        library.edit("new", number)
    assert served.ask("slow 2.5") == "ok"
    words = ["--library", library.root, "--ledger", tmp_path / "ledger.db", "--base-url", served.url]
    run = subprocess.Popen(
        [sys.executable, "-m", "objlib", "upload", "--quiet", "--max-uploads", str(FLIGHT), *map(str, words)],
        cwd=ROOT,
    )
    while served.state()["sending"] < 4:  # the governor begins with four tokens
        assert run.poll() is None
        time.sleep(0.01)  # real time
    run.send_signal(signal.SIGINT)
    signalled = time.monotonic()
    while run.poll() is None:
        time.sleep(0.002)  # real time
    state, took = served.state(), time.monotonic() - signalled
    assert run.returncode == 130
    assert state["in_flight"] == 0
    sys.stdout.write(f"signal to exit {took:.3f} s, of which {state['idle']:.3f} s after the last answer\n")
    # Under 100 ms on a quiet machine; the bound here only has to tell it from a timeout.
    assert state["idle"] < 2
    requests = state["requests"]
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        states = dict(db.execute("SELECT gemini_state, count(*) FROM files GROUP BY 1").fetchall())
    assert states.keys() == {"indexed", "untracked"}
    assert 4 <= states["indexed"] <= FLIGHT + 1
    time.sleep(0.3)  # real time
    assert served.state()["requests"] == requests
