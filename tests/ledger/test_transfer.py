"""Copying a whole ledger, in every direction, and checking one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, NoLedgerError, RefusedError
from objlib.core.ids import RunId
from objlib.core.lifecycle.table import State
from objlib.core.reports.runs import RunProgress
from objlib.ledger import EMBEDDED_KEY, copy_ledger, library_key, open_ledger
from objlib.ledger.copying import copy_rows
from objlib.ledger.database import LedgerConnection
from objlib.testing.databases import damage_database, raw
from objlib.testing.postgres import ThrowAwayServer
from tests.support.ledger import add, bring, fresh
from tests.support.postgres import empty_schema

RUN = RunId("r")


@contextmanager
def place_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Path | LedgerUrl]:
    """A place without a ledger."""
    if kind == "sqlite":
        yield folder / "ledger.db"
    else:
        server: ThrowAwayServer = request.getfixturevalue("server")
        with empty_schema(server) as url:
            yield url


async def fill(place: Path | LedgerUrl) -> None:
    """A ledger with a file in each state, a name that is no Unicode, and a text with NUL."""
    async with open_ledger(place) as ledger:
        for state in State:
            await bring(ledger, await add(ledger, f"{state}.txt"), state)
        await ledger.settings.set("note", "a\0b")
        await ledger.settings.set(library_key(place), "/mnt/library")
        await ledger.settings.set(EMBEDDED_KEY, "store.db" if isinstance(place, Path) else "/mnt/store.db")
        await ledger.runs.start(RUN, 7, "here", "upload")
        await ledger.runs.heartbeat(RUN, RunProgress(requests=3))
        await ledger.runs.ask_to_stop(RUN)
        await raw(ledger).write(
            lambda conn: (
                conn.execute(
                    "UPDATE files SET path_bytes = ?, size = 9007199254740993 WHERE file_path = 'failed.txt'",
                    (b"\xff\x00",),
                ).rowcount
            )
        )


@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite"), ("postgres", "postgres")],
)
async def test_a_copy_has_every_row_and_goes_on(
    tmp_path: Path, request: pytest.FixtureRequest, source: str, target: str
) -> None:
    (tmp_path / "new").mkdir()
    with place_of(source, tmp_path, request) as old, place_of(target, tmp_path / "new", request) as new:
        await fill(old)
        copied = copy_ledger(old, new, dead={RUN}, now=1.0)
        async with open_ledger(old, create=False) as one, open_ledger(new, create=False) as other:
            digests = [await ledger.checks.digest() for ledger in (one, other)]
            assert digests[0] == copied
            assert copied.rows["files"] == len(State)
            rows = await one.files.page()
            assert await other.files.page() == rows
            assert await other.files.history(rows[0].file_id) == await one.files.history(rows[0].file_id)
            assert await other.settings.get(library_key(new)) == "/mnt/library"
            embedded = await other.settings.get(EMBEDDED_KEY)
            assert embedded == str((tmp_path if isinstance(old, Path) else Path("/mnt")) / "store.db")
            assert await other.checks.findings() == []
            # The next row is numbered behind those that were copied.
            later, _ = await bring(other, await add(other, "later.txt"), State.INDEXED)
            assert (await fresh(other, later.file_id)).state is State.INDEXED
        with pytest.raises(RefusedError, match="there is a ledger at"):
            copy_ledger(old, new, dead={RUN}, now=1.0)
        with pytest.raises(RefusedError, match="onto itself"):
            copy_ledger(old, old, dead={RUN}, now=1.0)


async def test_a_copy_while_a_run_is_at_work_is_refused(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    await fill(old)
    with pytest.raises(RefusedError, match=r"a run \(.* is at work on .*objlib runs stop r --ledger "):
        copy_ledger(old, new, dead=set(), now=1.0)
    assert not new.exists()
    with pytest.raises(NoLedgerError):
        copy_ledger(tmp_path / "none.db", new, dead=set(), now=1.0)


async def test_a_row_that_arrives_changed_undoes_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    await fill(old)

    def lossy(source: LedgerConnection, target: LedgerConnection) -> None:
        copy_rows(source, target)
        target.execute("UPDATE files SET mtime_ns = mtime_ns + 1 WHERE file_path = 'failed.txt'")

    monkeypatch.setattr("objlib.ledger.transfer.copy_rows", lossy)
    with pytest.raises(LedgerError, match=r"the column mtime_ns of row . of a page of files did not arrive"):
        copy_ledger(old, new, dead={RUN}, now=1.0)
    async with open_ledger(new, create=False) as ledger:
        assert await ledger.files.page() == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("UPDATE files SET gemini_state = 'processing' WHERE gemini_state = 'uploading'", "the log says uploading"),
        ("UPDATE attempts SET outcome = 'failed', session_url = NULL WHERE outcome IS NULL", "without an attempt"),
        ("UPDATE attempts SET outcome = NULL WHERE outcome = 'indexed'", "an attempt that never ended"),
        ("UPDATE files SET gemini_document = 'same' WHERE gemini_state IN ('indexed', 'failed')", "several files"),
    ],
    ids=["log", "no-attempt", "open-attempt", "shared-document"],
)  # fmt: skip
async def test_a_check_says_what_the_tables_do_not_keep(tmp_path: Path, damage: str, finding: str) -> None:
    place = tmp_path / "ledger.db"
    await fill(place)
    with damage_database(place) as db:
        assert db.execute(damage).rowcount
    async with open_ledger(place, create=False) as ledger:
        findings = await ledger.checks.findings()
        assert any(finding in f"{subject}: {problem}" for subject, problem in findings), findings


async def test_a_check_finds_a_row_that_refers_to_nothing(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    await fill(place)
    with damage_database(place) as db:
        db.execute("DELETE FROM files WHERE gemini_state = 'indexed'")
    async with open_ledger(place, create=False) as ledger:
        findings = await ledger.checks.findings()
        assert any(problem.endswith("refers to nothing in files") for _, problem in findings), findings
