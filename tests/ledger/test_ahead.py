"""Statements that are sent ahead of their answers to a PostgreSQL server: fewer round trips, and the same errors."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError
from objlib.ledger import open_ledger
from objlib.testing.databases import raw
from objlib.testing.postgres import ThrowAwayServer
from tests.support.ledger import gather
from tests.support.postgres import empty_schema

PUT = "INSERT INTO settings (key, value) VALUES (?, ?)"


@pytest.fixture
def url(server: ThrowAwayServer) -> Iterator[LedgerUrl]:
    """A schema that holds nothing yet."""
    with empty_schema(server) as made:
        yield made


def put(conn: Any, *pairs: tuple[str, str | None]) -> None:
    """Insert settings, and read no answer."""
    for pair in pairs:
        conn.execute(PUT, pair)


async def kept(url: LedgerUrl) -> list[str]:
    """The keys of all settings."""
    async with open_ledger(url) as ledger:
        return await raw(ledger).read(
            lambda conn: [key for (key,) in conn.execute("SELECT key FROM settings ORDER BY key")]
        )


async def test_answers_that_nothing_reads_are_not_waited_for(url: LedgerUrl, tmp_path: Path) -> None:
    """As libpq writes down what it sends: a wait for an answer begins with one of three messages."""
    path = tmp_path / "trace"

    def work(conn: Any) -> None:
        with path.open("w") as trace:
            conn.native.pgconn.trace(trace.fileno())
            put(conn, *((str(number), "x") for number in range(20)))
            conn.native.pgconn.untrace()

    async with open_ledger(url) as ledger:
        await raw(ledger).write(work)
    sent = [line.split("\t")[3] for line in path.read_text("utf-8").splitlines() if "\tF\t" in line]
    assert sent.count("Execute") == 20
    assert not {"Sync", "Flush", "Query"} & set(sent)
    assert len(await kept(url)) == 20


async def test_what_an_operation_reads_of_an_answer_is_that_answer(url: LedgerUrl) -> None:
    tries: list[int] = []

    def work(conn: Any) -> tuple[int, int, list[str], Any]:
        tries.append(1)
        put(conn, ("a", "1"), ("b", "2"))
        conn.executemany(PUT, [("c", "3"), ("d", "4")])
        changed = conn.execute("UPDATE settings SET value = 'x' WHERE key > ?", ("a",)).rowcount
        none = conn.execute("DELETE FROM settings WHERE key = 'z'").rowcount
        names = [column[0] for column in conn.execute("SELECT key, value FROM settings").description or ()]
        return changed, none, names, conn.execute("SELECT count(*) FROM settings").fetchone()

    async with open_ledger(url) as ledger:
        assert await raw(ledger).write(work) == (3, 0, ["key", "value"], (4,))
    assert len(tries) == 1


async def test_an_error_that_comes_late_is_that_of_its_own_operation(url: LedgerUrl) -> None:
    """The statement that is refused is not the one whose answer is read, and belongs to another operation."""
    async with open_ledger(url) as ledger:
        results = await gather(
            partial(raw(ledger).write, lambda conn: put(conn, ("a", "1"))),
            partial(raw(ledger).write, lambda conn: put(conn, ("b", "1"), ("c", None), ("d", "1"))),
            partial(raw(ledger).write, lambda conn: conn.execute("SELECT count(*) FROM settings").fetchone()),
            partial(raw(ledger).write, lambda conn: put(conn, ("e", "1"))),
        )
    assert [type(result) for result in results] == [type(None), LedgerError, tuple, type(None)]
    assert "refused a value" in str(results[1])
    assert await kept(url) == ["a", "e"]


async def test_the_error_of_the_last_statement_of_a_batch_is_noticed(url: LedgerUrl) -> None:
    async with open_ledger(url) as ledger:
        with pytest.raises(LedgerError, match="refused a value"):
            await raw(ledger).write(lambda conn: put(conn, ("a", "1"), ("b", None)))
    assert await kept(url) == []


async def test_an_error_of_the_work_itself_undoes_what_was_sent_ahead(url: LedgerUrl) -> None:
    def work(conn: Any) -> None:
        put(conn, ("a", "1"))
        raise ValueError("no")

    async with open_ledger(url) as ledger:
        results = await gather(
            partial(raw(ledger).write, work),
            partial(raw(ledger).write, lambda conn: put(conn, ("b", "1"))),
        )
    assert [type(result) for result in results] == [ValueError, type(None)]
    assert await kept(url) == ["b"]


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_transaction_that_others_undid_is_done_again(url: LedgerUrl, code: str) -> None:
    async with open_ledger(url):
        pass
    with psycopg.connect(url.conninfo, autocommit=True) as conn:
        conn.execute(
            f"CREATE SEQUENCE {url.schema}.tries;"
            f"CREATE FUNCTION {url.schema}.twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF nextval('{url.schema}.tries') < 4 THEN RAISE EXCEPTION 'again' USING ERRCODE = '{code}'; END IF;"
            f" RETURN NEW; END $$;"
            f"CREATE TRIGGER twice BEFORE INSERT ON {url.schema}.settings"
            f" FOR EACH ROW EXECUTE FUNCTION {url.schema}.twice()".encode()
        )
    async with open_ledger(url) as ledger:
        await raw(ledger).write(lambda conn: put(conn, ("a", "1"), ("b", "1")))
    assert await kept(url) == ["a", "b"]


async def test_a_connection_that_breaks_amid_what_was_sent_ahead_loses_and_repeats_nothing(
    url: LedgerUrl, capfd: pytest.CaptureFixture[str]
) -> None:
    tries: list[int] = []

    def work(conn: Any) -> None:
        put(conn, ("a", "1"))
        if not tries:
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        tries.append(1)
        put(conn, ("b", "1"))

    async with open_ledger(url) as ledger:
        await raw(ledger).write(work)
    assert await kept(url) == ["a", "b"]
    assert len(tries) == 2
    assert (
        "terminating" not in capfd.readouterr().err
    )  # the driver's own warning, which says it a second time
