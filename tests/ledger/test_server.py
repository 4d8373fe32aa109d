"""A ledger in a PostgreSQL database: what is different from a file."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from urllib.parse import quote

import psycopg
import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, StaleTransitionError, UsageError
from objlib.core.ids import RunId, new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.core.pacing.closing import Closing
from objlib.ledger import SCAN, FileRow, open_ledger
from objlib.ledger.dialects.postgres import PostgresConnection, translate_ddl
from objlib.ledger.schema import MIGRATIONS
from objlib.postgres.errors import is_starting
from objlib.postgres.session import Session
from objlib.postgres.statements import translate
from objlib.postgres.transactions import was_committed
from objlib.testing.cutting_proxy import Cut, CuttingProxy
from objlib.testing.databases import raw
from objlib.testing.postgres import ThrowAwayServer
from objlib.threads import inline_runner
from tests.support.ledger import add, add_many, bring, fresh, gather, wanted
from tests.support.postgres import empty_schema


@pytest.fixture
def url(server: ThrowAwayServer) -> Iterator[LedgerUrl]:
    """A schema that holds nothing yet."""
    with empty_schema(server) as made:
        yield made


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ? + ?", ("SELECT $1 + $2", ())),
        ("SELECT ?2, ?1, ?2", ("SELECT $2, $1, $2", ())),
        ("SELECT :b, :a, :b", ("SELECT $1, $2, $1", ("b", "a"))),
        ("SELECT '? :a ''? :b' || ?, x::jsonb ->> 'a:b'", ("SELECT '? :a ''? :b' || $1, x::jsonb ->> 'a:b'", ())),
    ],
)  # fmt: skip
def test_placeholders_are_numbered_and_literals_stay(sql: str, expected: object) -> None:
    assert translate(sql) == expected


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:geheim@host:5433/db?schema=notes",
        "postgres://me@host:5433/db?password=geheim&schema=notes",
        "postgresql://me:geheim%40@host:5433/db?sslpassword=geheim&sslmode=verify-full&schema=notes",
    ],
)
def test_the_password_of_an_url_is_in_no_text_of_it(text: str) -> None:
    url = LedgerUrl.parse(text)
    assert "geheim" in url.conninfo
    assert "schema" not in url.conninfo
    assert url.schema == "notes"
    for shown in (str(url), repr(url), f"{url}"):
        assert "geheim" not in shown
        assert "me@host:5433/db" in shown


@pytest.mark.parametrize("schema", ["", "pg_temp", "a b", "a;drop", "Ä", "1a"])
def test_a_schema_that_is_no_plain_name_is_refused(schema: str) -> None:
    with pytest.raises(UsageError, match="plain name") as refusal:
        LedgerUrl.parse(f"postgresql://me:geheim@host/db?schema={quote(schema)}")
    assert "geheim" not in str(refusal.value)


async def refusal(url: LedgerUrl, *, create: bool = True) -> str:
    """The message with which opening a ledger is refused."""
    with pytest.raises(LedgerError) as caught:
        async with open_ledger(url, create=create):
            raise AssertionError("it was opened")
    return str(caught.value)


async def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    line = await refusal(LedgerUrl.parse("postgresql://me:geheim@/db?host=/nowhere&connect_timeout=0"))
    assert "cannot be reached" in line
    assert "geheim" not in line
    assert "\n" not in line


async def test_a_ledger_is_made_only_if_asked_and_found_again(url: LedgerUrl) -> None:
    assert "there is no ledger" in await refusal(url, create=False)
    async with open_ledger(url) as ledger:
        row = await add(ledger)
    async with open_ledger(url, create=False) as ledger:
        assert await fresh(ledger, row.file_id) == row
        records = await raw(ledger).read(
            lambda conn: conn.execute("SELECT version FROM migrations").fetchall()
        )
    assert records == [(step.version,) for step in MIGRATIONS]


async def test_of_many_that_make_one_ledger_all_find_it_whole(url: LedgerUrl) -> None:
    async def opened() -> str:
        async with open_ledger(url) as ledger:
            return await ledger.settings.ledger_id()

    assert len({*await gather(*(opened for _ in range(6)))}) == 1


async def test_a_schema_of_another_program_and_a_newer_ledger_are_left_alone(url: LedgerUrl) -> None:
    with psycopg.connect(url.conninfo, autocommit=True) as conn:
        conn.execute(f"CREATE SCHEMA {url.schema}; CREATE TABLE {url.schema}.files (id INT)".encode())
    assert "another program" in await refusal(url)
    with psycopg.connect(url.conninfo, autocommit=True) as conn:
        conn.execute(f"DROP TABLE {url.schema}.files".encode())
    async with open_ledger(url) as ledger:
        await raw(ledger).write(lambda conn: conn.execute("UPDATE migrations SET version = version + 90"))
    assert "made by a newer objlib" in await refusal(url)


def test_every_migration_is_said_in_types_of_the_server() -> None:
    for step in MIGRATIONS:
        for statement in map(translate_ddl, step.statements):
            for word in ("STRICT", "WITHOUT ROWID", "INTEGER", "REAL", "BLOB", "json_valid"):
                assert word not in statement.split()


async def test_two_machines_share_the_work(url: LedgerUrl) -> None:
    async with open_ledger(url) as one, open_ledger(url) as two:
        rows = await add_many(one, 40)
        results = await gather(
            *(
                partial(ledger.apply, wanted(Event.START_UPLOAD, row, new_attempt_id()))
                for row in rows
                for ledger in (one, two)
            )
        )
        assert Counter(type(result) for result in results) == {FileRow: 40, StaleTransitionError: 40}
        for row in rows:
            assert await fresh(one, row.file_id) == await fresh(two, row.file_id)


async def test_an_operation_that_reads_what_it_writes_is_alone(url: LedgerUrl) -> None:
    """Each of many sessions counts in one setting: no count is lost."""
    async with open_ledger(url) as one, open_ledger(url) as two, open_ledger(url) as three:
        await gather(*(partial(ledger.settings.adopt, f"{ledger.place}-{id(ledger)}-{number}")
                       for number in range(10) for ledger in (one, two, three)))  # fmt: skip
        assert len(await one.settings.adopted()) == 30


@pytest.mark.parametrize("where", [Cut.BEFORE, Cut.DURING, Cut.AFTER], ids=["before", "during", "after"])
async def test_a_commit_whose_answer_is_lost_is_asked_for(
    url: LedgerUrl, server: ThrowAwayServer, where: Cut
) -> None:
    async with open_ledger(url) as ledger:
        rows = await add_many(ledger, 12)
    lots = cycle((Cut.NEVER, where))
    with TemporaryDirectory(prefix="objlib-cut-") as folder:
        with CuttingProxy(server.folder, Path(folder), lambda: next(lots)) as proxy:
            cut = LedgerUrl.parse(
                f"postgresql://objlib@/postgres?host={quote(str(proxy.folder))}&schema={url.schema}"
            )
            async with open_ledger(cut) as ledger:
                for row in rows:
                    attempt = new_attempt_id()
                    moved = await ledger.apply(wanted(Event.START_UPLOAD, row, attempt))
                    assert (moved.state, moved.version) == (State.UPLOADING, 1)
                    events, attempts = await ledger.files.history(row.file_id)
                    assert [event.outcome for event in events] == ["success"]
                    assert [each.attempt_id for each in attempts] == [attempt]
    assert proxy.cuts[where] >= 6


async def test_a_transaction_that_is_asked_for_can_never_commit_afterwards(url: LedgerUrl) -> None:
    async with open_ledger(url):
        pass
    session = Session(url.conninfo, url.schema, PostgresConnection, busy_timeout=5)
    assert not was_committed(session, "abc")
    with pytest.raises(psycopg.errors.UniqueViolation):
        session.connect().script("INSERT INTO operations (operation_id, fenced) VALUES ('abc', FALSE)")
    assert not was_committed(session, "abc")
    session.connect().script("INSERT INTO operations (operation_id, fenced) VALUES ('def', FALSE)")
    assert was_committed(session, "def")
    session.drop()


async def test_a_session_that_the_server_ended_is_opened_again(url: LedgerUrl) -> None:
    async with open_ledger(url) as ledger:
        row = await add(ledger)
        (pid,) = await raw(ledger).read(lambda conn: conn.execute("SELECT pg_backend_pid()").fetchone())
        with psycopg.connect(url.conninfo, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert (await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))).version == 1


async def test_a_server_that_is_started_meanwhile_is_waited_for(
    url: LedgerUrl, server: ThrowAwayServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="objlib-late-")))

        def start(_: float) -> None:
            if not any(folder.iterdir()):
                stack.enter_context(CuttingProxy(server.folder, folder, lambda: Cut.NEVER))

        monkeypatch.setattr(
            "objlib.postgres.session.time", SimpleNamespace(monotonic=time.monotonic, sleep=start)
        )
        late = LedgerUrl.parse(f"postgresql://objlib@/postgres?host={quote(str(folder))}&schema={url.schema}")
        async with open_ledger(late, runner=inline_runner) as ledger:
            assert await ledger.settings.get("a") is None
    (waiting,) = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert "No such file" in waiting or "Connection refused" in waiting


@pytest.mark.parametrize(
    ("message", "waits"),
    [
        ('connection to server at "db", port 5432 failed: Connection refused', True),
        ("FATAL:  the database system is starting up", True),
        ("server closed the connection unexpectedly", True),
        ('FATAL:  password authentication failed for user "me"', False),
        ('FATAL:  database "x" does not exist', False),
        ('could not translate host name "nowhere" to address', False),
    ],
)
def test_only_a_server_that_may_come_is_waited_for_at_first(message: str, waits: bool) -> None:
    assert is_starting(psycopg.OperationalError(message)) == waits


async def test_a_lock_is_waited_for_and_then_reported(url: LedgerUrl) -> None:
    async with open_ledger(url, busy_timeout=0.05) as ledger:
        row = await add(ledger)
        with psycopg.connect(url.conninfo) as other:
            other.execute(f"SELECT * FROM {url.schema}.files FOR UPDATE".encode())
            with pytest.raises(LedgerError, match=r"locked by another session for more than 0.05 s"):
                await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
        assert (await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))).version == 1


async def test_a_standby_is_one_line(url: LedgerUrl) -> None:
    async with open_ledger(url) as ledger:
        row = await add(ledger)
        await raw(ledger).read(lambda conn: conn.execute("SET default_transaction_read_only = on").rowcount)
        with pytest.raises(LedgerError, match="read-only: the server is a standby"):
            await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))


async def test_the_clock_is_that_of_the_server(url: LedgerUrl) -> None:
    async with open_ledger(url) as ledger:
        await ledger.settings.set("a", "b")
        (now,) = await raw(ledger).read(
            lambda conn: conn.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        )
        assert abs(ledger.now() - now) < 60


async def test_a_text_with_nul_is_kept_without_it(url: LedgerUrl) -> None:
    async with open_ledger(url) as ledger:
        await ledger.settings.set("a", "x\0y")
        assert await ledger.settings.get("a") == "x\N{REPLACEMENT CHARACTER}y"


async def test_a_role_that_may_only_read_reads(url: LedgerUrl, server: ThrowAwayServer) -> None:
    async with open_ledger(url) as ledger:
        row = await add(ledger)
    role = f"reader_{url.schema}"
    with psycopg.connect(url.conninfo, autocommit=True) as conn:
        conn.execute(
            f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {url.schema} TO {role};"
            f" GRANT SELECT ON ALL TABLES IN SCHEMA {url.schema} TO {role}".encode()
        )
        try:
            reader = LedgerUrl.parse(
                f"postgresql://{role}@/postgres?host={quote(str(server.folder))}&schema={url.schema}"
            )
            async with open_ledger(reader, create=False) as ledger:
                assert await fresh(ledger, row.file_id) == row
                with pytest.raises(LedgerError, match="may not be used so by this role"):
                    await ledger.settings.set("a", "b")
            async with open_ledger(reader, create=False, private=True) as copy:
                assert await fresh(copy, row.file_id) == row
                await copy.settings.set("a", "b")
        finally:
            conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


async def test_a_role_that_may_only_work_does_all_the_work_and_makes_nothing(
    url: LedgerUrl, server: ThrowAwayServer
) -> None:
    async with open_ledger(url):
        pass
    role, schema = f"worker_{url.schema}", url.schema
    with psycopg.connect(url.conninfo, autocommit=True) as conn:
        conn.execute(
            f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role};"
            f" GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};"
            f" GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}".encode()
        )
        try:
            worker = LedgerUrl.parse(
                f"postgresql://{role}@/postgres?host={quote(str(server.folder))}&schema={schema}"
            )
            async with open_ledger(worker, create=False) as ledger:
                run = RunId("run-1")
                await ledger.runs.start(run, 1, "host", "upload")
                lease = await ledger.leases.take(SCAN, run)
                async with ledger.scans.open(lease) as scan:
                    assert sum((await scan.compare() or {}).values()) == 0
                    assert await scan.apply(run_id=run, page=10) == 0
                await ledger.closings.record(run, Closing(9.0))
                await ledger.rates.exchange(run, rates={"requests": 2.0})
                row, _ = await bring(ledger, await add(ledger), State.INDEXED)
                assert row.state is State.INDEXED
                with pytest.raises(LedgerError, match="may not be used so by this role"):
                    await raw(ledger).write(lambda conn: conn.execute("CREATE TABLE other (a INT)").rowcount)
            with pytest.raises(LedgerError, match="may not be used so by this role"):
                async with open_ledger(LedgerUrl.parse(f"{worker.conninfo}&schema=another_{schema}")):
                    raise AssertionError("it was made")
        finally:
            conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


async def test_a_private_copy_changes_nothing(url: LedgerUrl) -> None:
    async with open_ledger(url, private=True) as copy:
        await add(copy)
    assert "there is no ledger" in await refusal(url, create=False)
    async with open_ledger(url) as ledger:
        row = await add(ledger)
    async with open_ledger(url, private=True) as copy:
        moved = await copy.apply(wanted(Event.START_UPLOAD, await fresh(copy, row.file_id), new_attempt_id()))
        assert moved.version == 1
    async with open_ledger(url) as ledger:
        assert await fresh(ledger, row.file_id) == row
