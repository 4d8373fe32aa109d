"""The watch with the system's own watcher and signals, in real time; events end every wait."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.core.config.settings import Backend, Settings
from objlib.core.events import EventKind
from objlib.testing import RecordingObserver
from objlib.watch.changes import concerns
from objlib.watch.loop import Timing
from objlib.watch.serve import serve_watch

QUICK = Timing(settle=0.05, longest_settle=1.0)


class Heard(RecordingObserver):
    """Lets a test wait for files that were indexed."""

    def __init__(self) -> None:
        super().__init__()
        self.indexed: set[str] = set()
        self._more = trio.Event()

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """A file was indexed."""
        if kind is EventKind.INDEXED:
            self.indexed.add(fields["path"])
            self._more.set()
            self._more = trio.Event()

    async def until(self, *paths: str) -> None:
        """Wait until these files were indexed."""
        with trio.fail_after(60):
            while not self.indexed >= set(paths):
                await self._more.wait()


def settings_of(folder: Path) -> Settings:
    (folder / "library").mkdir()
    (folder / "library/a.md").write_text("a", encoding="utf-8")
    return Settings(
        library=folder / "library",
        ledger=folder / "library/ledger.db",  # inside, so that its own writes are changes of the folder
        embedded=folder / "store.db",
        store="tests",
        backend=Backend.EMBEDDED,
        embed_seconds=0.0,
    )


async def test_a_change_is_sent_and_a_signal_ends_it(tmp_path: Path) -> None:
    settings, heard = settings_of(tmp_path), Heard()
    loads: list[Settings] = []

    def load() -> Settings:
        loads.append(settings)
        return settings

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve_watch, load, prune=True, observer=heard, timing=QUICK))
        await heard.until("a.md")
        (settings.library / "b.md").write_text("b", encoding="utf-8")
        await heard.until("b.md")
        if hasattr(signal, "SIGHUP"):
            os.kill(os.getpid(), signal.SIGHUP)
            (settings.library / "c.md").write_text("c", encoding="utf-8")
            await heard.until("c.md")
            assert len(loads) == 2
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skipif(
    not hasattr(__import__("socket"), "AF_UNIX"), reason="the supervisor's socket is a Unix one"
)
async def test_the_supervisor_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, heard = settings_of(tmp_path), Heard()
    channel = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM)
    await channel.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve_watch, lambda: settings, prune=False, observer=heard, timing=QUICK))
        assert await channel.recv(100) == b"READY=1"
        await heard.until("a.md")
        os.kill(os.getpid(), signal.SIGTERM)
        assert await channel.recv(100) == b"STOPPING=1"
    channel.close()


def test_what_no_run_takes_in_starts_none(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    root = settings.library
    (root / ".objlibignore").write_text("*.tmp\n", encoding="utf-8")
    (root / "x.tmp").write_text("x", encoding="utf-8")
    (root / ".git").mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        (root / name).write_bytes(b"")
    for name in ("x.tmp", ".git/index", "ledger.db", "ledger.db-wal"):
        assert not concerns(settings, [str(root / name)]), name
    for name in ("a.md", "gone.md", ".objlibignore", "new folder"):
        assert concerns(settings, [str(root / "x.tmp"), str(root / name)]), name
