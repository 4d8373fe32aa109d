"""Several services on one file share work, do it once, and take over that of dead ones."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from objlib.embedded import Options, index, worker
from objlib.embedded.database import open_database
from objlib.embedded.resources import blobs, leases, schema
from objlib.testing import EPOCH
from objlib.testing.databases import damage_database, read_database
from objlib.threads import inline_runner
from tests.support.clock import Clock
from tests.support.embedded import V, open_box, refused

T = TypeVar("T")

SLOW = Options(settle_seconds=5)


def claim_all(path: Path, owner: str | None, until: float) -> None:
    with damage_database(path) as db:
        db.execute("UPDATE documents SET claim = ?, claim_until = ? WHERE state = 'PENDING'", (owner, until))


async def test_two_services_see_each_others_changes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_box(path) as one, open_box(path, store=False) as two:
        two.store = one.store
        document = await one.active(b"a lighthouse", "one.txt")
        assert (await two.get(document))["state"] == "STATE_ACTIVE"
        assert await two.titles("lighthouse") == ["one.txt"]
        await two.delete(document, force="true")
        assert await one.titles("lighthouse") == []


async def test_a_document_read_by_two_services_is_indexed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another service takes over between reading and indexing: the slower one finds the work done."""
    path = tmp_path / "s.db"
    indexed: list[int] = []
    real = index.begin_document

    def counted(db: sqlite3.Connection, **rest: Any) -> index.IndexedText:
        indexed.append(rest["doc_id"])
        return real(db, **rest)

    monkeypatch.setattr(index, "begin_document", counted)
    hold = trio.Event()
    held = trio.Event()

    async def slow(fn: Callable[[], T], /) -> T:
        """Stops the first service right after it has read the document."""
        await trio.lowlevel.checkpoint()
        result = fn()
        if getattr(result, "batch", None):
            held.set()
            await hold.wait()
        return result

    async with open_box(path, runner=slow) as one:
        document = await one.upload(b"a lighthouse")
        await held.wait()
        claim_all(path, "1:0:dead", 0)
        async with open_box(path, runner=inline_runner, store=False) as two:
            await two.settled(document)
        hold.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(indexed) == 1
        assert (await one.get(document))["state"] == "STATE_ACTIVE"
    with read_database(path) as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (1,)


async def test_the_next_open_finishes_the_work_of_a_closed_service(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=SLOW) as box:
        document, store = await box.upload(b"text"), box.store
    await trio.sleep(5)
    async with open_box(path, store=False) as box:
        await trio.testing.wait_all_tasks_blocked()
        assert (await box.get(document))["state"] == "STATE_ACTIVE"
        assert (await box.get(store))["activeDocumentsCount"] == "1"


@pytest.mark.parametrize(
    ("owner", "late", "taken_over"),
    [
        ("999999999:1:aa", 0, True),  # no such process
        (None, 0, True),
        (f"{os.getpid()}:0:aa", 0, True),  # this process, but a service that is closed
        ("1:1:aa", 0, False),  # lives
        ("1:1:aa", 61, True),  # lives, but is late
    ],
    ids=["no such process", "no owner", "closed service", "alive", "alive but late"],
)
async def test_a_service_takes_over_dead_owners_and_expired_leases(
    tmp_path: Path, owner: str | None, late: float, taken_over: bool
) -> None:
    path = tmp_path / "s.db"
    clock = Clock(EPOCH)
    async with open_box(path, options=SLOW, now=clock) as box:
        document = await box.upload(b"text")
        claim_all(path, owner, clock.time + leases.LEASE_SECONDS)
        clock.time += 5 + late
        await box.get(document)  # polling a document wakes the worker
        await trio.testing.wait_all_tasks_blocked()
        assert ((await box.get(document))["state"] == "STATE_ACTIVE") == taken_over


def test_a_living_owner_loses_only_expired_leases(tmp_path: Path) -> None:
    db = sqlite3.connect(":memory:")
    for statement in schema.TABLES:
        db.execute(statement)
    db.execute("INSERT INTO stores VALUES(1, 's', '', '', 0, 0, 0)")
    db.execute("INSERT INTO blobs VALUES(1, 0, NULL)")
    for number, until in ((1, 50.0), (2, 200.0)):
        db.execute(
            "INSERT INTO documents(doc_id, store_id, name, display_name, mime_type, size, state, create_time,"
            " update_time, metadata, blob_id, ready_at, claim, claim_until)"
            " VALUES(?, 1, ?, '', '', 1, 'PENDING', 0, 0, '{}', 1, 0, '1:1:aa', ?)",
            (number, str(number), until),
        )
    assert leases.take_over(db, "me", 100.0) == 1
    assert leases.take_over(db, "me", 100.0) == 0
    rows = db.execute("SELECT claim FROM documents ORDER BY doc_id").fetchall()
    assert rows == [("me",), ("1:1:aa",)]
    db.close()


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_a_process_that_may_not_be_asked_is_taken_to_be_alive(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    pids: list[int] = []

    def kill(pid: int, _signal: int) -> None:
        pids.append(pid)
        raise PermissionError

    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE documents(state, claim, claim_until)")
    db.execute("INSERT INTO documents VALUES('PENDING', '1:1:aa', 10)")
    with monkeypatch.context() as patch:
        patch.setattr("os.kill", kill)
        patch.setattr("os.name", system)
        assert leases.abandoned_owners(db, "me", 5) == []
        assert leases.abandoned_owners(db, "me", 11) == ["1:1:aa"]
    assert bool(pids) == (system == "posix")  # on Windows the signal would be Ctrl-C
    db.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the state of a process in a file")
def test_the_documents_of_a_zombie_are_free_before_its_lease_ends() -> None:
    """In a container the first process may never ask for the exit status of orphans."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE documents(state, claim, claim_until)")
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        owner = f"{child.pid}:1:aa"
        db.execute("INSERT INTO documents VALUES('PENDING', ?, 10)", (owner,))
        assert leases.abandoned_owners(db, "me", 5) == [owner]
    db.close()


async def test_a_full_disk_delays_the_worker_and_polls_report_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = index.begin_document
    failures = 3

    def full(db: sqlite3.Connection, **rest: Any) -> index.IndexedText:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise sqlite3.OperationalError("database or disk is full")
        return real(db, **rest)

    def unreadable(_db: sqlite3.Connection, _blob_id: int) -> bytes:
        monkeypatch.setattr(blobs, "read", read)
        raise sqlite3.OperationalError("disk I/O error")

    read = blobs.read
    monkeypatch.setattr(blobs, "read", unreadable)
    monkeypatch.setattr(index, "begin_document", full)
    async with open_box(tmp_path / "s.db") as box:
        document = await box.upload(b"text")
        operation = document.replace("/documents/", "/upload/operations/")
        messages = []
        while failures >= 0:
            await trio.sleep(1)
            for name in (operation, document):
                answer = await box.client.get(f"{V}/{name}", headers=box.headers)
                messages += [refused(answer, 429, "RESOURCE_EXHAUSTED")["message"]] if answer.is_error else []
        assert "error" not in await box.settled(document)
    assert messages
    assert all("its disk is full; free some space" in message for message in messages)


async def test_a_second_purge_of_a_store_is_harmless(tmp_path: Path) -> None:
    async with open_database(tmp_path / "s.db", inline_runner) as file:
        await file.write(worker.purge)  # the other one was quicker


@pytest.mark.real_time
async def test_a_service_runs_on_its_own_threads_by_default(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", runner=None, now=Clock(EPOCH)) as box:
        documents = []
        async with trio.open_nursery() as nursery:

            async def put(number: int) -> None:
                documents.append(await box.upload(b"bees and honey %d" % number, f"{number}.txt"))

            for number in range(20):
                nursery.start_soon(put, number)
        for document in documents:
            while (await box.get(document))["state"] != "STATE_ACTIVE":
                await trio.testing.wait_all_threads_completed()
        assert len(await box.titles("bees", topK=100)) == 20
