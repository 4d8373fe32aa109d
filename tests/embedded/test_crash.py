"""A file of a process killed at any instant opens again with everything that was answered."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from objlib.embedded import Options, database
from objlib.testing import wall_clock
from objlib.testing.databases import read_database
from tests.embedded import child
from tests.support.embedded import Box, ok, open_box
from tests.support.fuzz import index_kill

ROOT = Path(__file__).parents[2]


NONE_OF = (
    # blobs with missing parts
    "SELECT 1 FROM blobs b WHERE size <>"
    " (SELECT coalesce(sum(length(data)), 0) FROM blob_parts p WHERE p.blob_id = b.blob_id)",
    # blobs without references
    "SELECT 1 FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.blob_id = b.blob_id)"
    " AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.blob_id = b.blob_id)"
    " AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob_id = b.blob_id)",
    # documents that are ACTIVE without their passages, or have passages without being ACTIVE
    "SELECT 1 FROM documents d WHERE (state = 'ACTIVE')"
    " <> EXISTS (SELECT 1 FROM texts t WHERE t.doc_id = d.doc_id)",
    # operations that ended otherwise than their document
    "SELECT 1 FROM operations o JOIN documents d ON d.name = o.document WHERE o.done <> (d.state <> 'PENDING')",
)


def check_file(path: Path) -> None:
    """Check that SQLite finds no fault, and that related rows are complete."""
    with read_database(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for wrong in NONE_OF:
            assert db.execute(wrong).fetchall() == [], wrong


@dataclass
class Answered:
    """The answers that the client had before the crash."""

    store: str = ""
    sessions: dict[str, str] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    finals: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def copy(self) -> "Answered":
        received = defaultdict(int, self.received)
        return Answered(self.store, dict(self.sessions), received, dict(self.finals), list(self.deleted))


async def check_promises(path: Path, answered: Answered, now: Callable[[], float] = wall_clock) -> None:
    """Reopen and check: each answer holds, every upload can be finished, and each name has one document."""
    check_file(path)
    options = Options(granularity=child.GRANULARITY)
    async with open_box(path, options=options, now=now, store=False) as box:
        box.store = answered.store
        for name, url in answered.sessions.items():
            query = await box.command(url, "query")
            received = int(query.headers["x-goog-upload-size-received"])
            assert received >= answered.received[name]
            data = child.content(name)
            if query.headers["x-goog-upload-status"] == "final":
                document = ok(query)["response"]["documentName"]
                assert answered.finals.get(name, document) == document
            else:
                assert name not in answered.finals
                document = ok(await box.command(url, "upload, finalize", data[received:], received))[
                    "response"
                ]["documentName"]
            if document not in answered.deleted:
                answered.finals[name] = document
        for document in answered.finals.values():
            if (await box.client.get(f"/v1/{document}")).status_code == 404:
                continue  # a delete was under way
            assert "error" not in await box.settled(document)
        listed = await box.all_pages(f"{box.store}/documents", "documents")
        assert {document["state"] for document in listed} <= {"STATE_ACTIVE"}
        names = [document["displayName"] for document in listed]
        assert len(names) == len(set(names))
        assert not {document["name"] for document in listed} & set(answered.deleted)
    check_file(path)


async def work(box: Box, answered: Answered) -> None:
    """Three uploads and a delete, noting each answer."""
    answered.store = box.store
    for name in ("0-0.txt", "0-1.txt", "0-2.txt"):
        data = child.content(name)
        url = answered.sessions[name] = await box.start(len(data), {"displayName": name})
        step = child.GRANULARITY
        for offset in range(0, 2 * step, step):
            ok(await box.command(url, "upload", data[offset : offset + step], offset))
            answered.received[name] = offset + step
        final = ok(await box.command(url, "upload, finalize", data[2 * step :], 2 * step))
        answered.finals[name] = final["response"]["documentName"]
        await trio.testing.wait_all_tasks_blocked()
    first = answered.finals["0-0.txt"]
    await box.delete(first, force="true")
    answered.deleted.append(first)


async def test_a_crash_before_any_statement_loses_no_answered_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SIGKILL leaves the files as they are on disk: they are copied before every statement of the work."""
    path = tmp_path / "s.db"
    answered = Answered()
    crashes: list[tuple[Path, Answered]] = []
    seen: set[tuple[object, ...]] = set()

    def copy(_statement: str) -> None:
        files = [Path(f"{path}{suffix}") for suffix in ("", "-wal")]
        answers = (len(answered.finals), len(answered.deleted), sum(answered.received.values()))
        state = (answers, *((file.stat().st_size, file.stat().st_mtime_ns) for file in files))
        if answered.store and state not in seen:  # most statements write nothing
            seen.add(state)
            folder = tmp_path / f"crash{len(seen)}"
            folder.mkdir()
            for file in files:
                shutil.copy(file, folder / file.name)
            crashes.append((folder / path.name, answered.copy()))

    connect = database.connect

    def traced(where: Path) -> sqlite3.Connection:
        db = connect(where)
        db.set_trace_callback(copy)
        return db

    monkeypatch.setattr(database, "connect", traced)
    async with open_box(path, options=Options(granularity=child.GRANULARITY)) as box:
        await work(box, answered)
    monkeypatch.setattr(database, "connect", connect)
    assert len(crashes) >= 16  # each request that writes, and each batch that is indexed
    for crashed, answers in crashes:
        await check_promises(crashed, answers)


async def run_child(path: Path, number: int, lines: int) -> list[str]:
    """Let a child work until it has printed ``lines`` lines, kill it, and return its output."""
    command = [sys.executable, "-m", "tests.embedded.child", str(path), str(number)]
    child = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert child.stdout is not None
        output = b""
        while output.count(b"\n") < lines:
            more = await child.stdout.receive_some()
            assert more, "the child ended by itself"
            output += more
        child.kill()
        async for more in child.stdout:
            output += more
    finally:
        child.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(10):
            await child.wait()
    return output.decode().splitlines()


@pytest.mark.real_time
async def test_two_killed_processes_lose_no_answered_request(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    answered = Answered()
    output: list[str] = []
    async with open_box(path, now=time.time, runner=None) as box:
        answered.store = box.store

    async def child(number: int, lines: int) -> None:
        output.extend(await run_child(path, number, lines))

    for number, lines in enumerate((2, 23)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, 2 * number, lines)
            nursery.start_soon(child, 2 * number + 1, 2 * lines)
        check_file(path)
    for line in output:
        kind, name, value = line.split()
        if kind == "session":
            answered.sessions[name] = value
        elif kind == "received":
            answered.received[name] = int(value)
        else:
            answered.finals[name] = value
    assert len(answered.sessions) >= 8
    await check_promises(path, answered, time.time)


def test_a_store_answers_like_a_fresh_one_after_a_kill(tmp_path: Path) -> None:
    """A sample of `just fuzz index_kill`."""
    assert index_kill.differences(tmp_path, index_kill.make_models(tmp_path), 13, pause=0) == {}
    assert index_kill.answers(tmp_path / "store.db")["gold"], "something was there to be found"
