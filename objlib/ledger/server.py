"""Opening a ledger in a PostgreSQL database, and what goes wrong with it as one line for the user.

Everything here blocks and runs through a Runner. It is imported only where such a ledger is opened.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, TypeVar

import psycopg

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, LostNotesError, NoLedgerError
from objlib.ledger.connection import no_ledger
from objlib.ledger.copying import copy_rows
from objlib.ledger.database import CHANNEL
from objlib.ledger.dialects.postgres import PostgresConnection, translate_ddl
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.schema import MIGRATIONS, SCHEMA
from objlib.postgres.errors import is_about_notes, problem
from objlib.postgres.migrations import (
    OLDEST_SERVER,
    Refused,
    RefusedSchemaError,
    Step,
    migrate,
    read_version,
)
from objlib.postgres.session import Session
from objlib.sqlite.private_copy import make_privately

T = TypeVar("T")

LOOK_SECONDS: Final = 2.0
"""Seconds to wait for a lock where a ledger is only looked into."""
STEPS: Final = tuple(
    Step(each.version, each.name, tuple(map(translate_ddl, each.statements))) for each in MIGRATIONS
)
"""The migrations of the ledger, in PostgreSQL's types."""


def open_session(
    url: LedgerUrl, *, create: bool, busy_timeout: float, now: float | None
) -> Session[PostgresConnection]:
    """Open the ledger at ``url``, made or migrated to the newest version where need be.

    Args:
        url: the database and the schema.
        create: whether the schema may be made.
        busy_timeout: seconds to wait for another session's lock.
        now: Unix time for the record of a migration; None for the server's.

    Raises:
        LedgerError: it cannot be used; the message says why and what to do.
    """
    session = Session(
        url.conninfo, url.schema, PostgresConnection, busy_timeout=busy_timeout, channel=CHANNEL
    )
    try:
        session.connect()
        migrate(session, STEPS, create=create, now=session.clock() if now is None else now)
    except RefusedSchemaError as error:
        session.drop()
        raise _refused(error, url) from None
    except psycopg.Error as error:
        session.drop()
        raise server_error(error, url, busy_timeout) from error
    except BaseException:
        session.drop()
        raise
    return session


def server_error(error: psycopg.Error, url: LedgerUrl, busy_timeout: float) -> LedgerError:
    """``error`` as the ledger's own error, with its cause attached; ``busy_timeout`` is in seconds."""
    kind = LostNotesError if is_about_notes(error) else LedgerError
    translated = kind(f"the ledger {url} {problem(error, busy_timeout)}")
    translated.__cause__ = error
    return translated


def closed_error(url: LedgerUrl) -> LedgerError:
    """The error of a caller that comes after the ledger's block."""
    return LedgerError(f"the ledger {url} is closed already; this is a mistake in the program")


def _refused(error: RefusedSchemaError, url: LedgerUrl) -> LedgerError:
    kind = NoLedgerError if error.refused is Refused.ABSENT else LedgerError
    return kind(_refusal(error, url))


def _refusal(error: RefusedSchemaError, url: LedgerUrl) -> str:
    match error.refused:
        case Refused.ABSENT:
            return no_ledger(url)
        case Refused.FOREIGN:
            return (
                f"the schema {url.schema} of {url} holds tables of another program; "
                "name another one with ?schema=NAME"
            )
        case Refused.NEWER:
            return (
                f"the ledger {url} is of version {error.version}, made by a newer objlib than this one, "
                f"which knows {MIGRATIONS[-1].version}; upgrade objlib, or choose another with --ledger"
            )
        case Refused.OLD_SERVER:
            return (
                f"the server of the ledger {url} is PostgreSQL {error.version}, "
                f"and the ledger takes {OLDEST_SERVER // 10000} or newer"
            )


def read_settings(url: LedgerUrl) -> dict[str, str] | None:
    """The settings of a ledger, read without opening it; None where there is none that can be read now."""
    return look_into_server(
        url, lambda conn: dict(conn.execute("SELECT key, value FROM settings").fetchall())
    )


def look_into_server(url: LedgerUrl, look: Callable[[PostgresConnection], T]) -> T | None:
    """Read something from a ledger without opening it; None where there is none that can be read now."""
    session = Session(url.conninfo, url.schema, PostgresConnection, busy_timeout=LOOK_SECONDS)
    try:
        conn = session.connect()
        return look(conn) if read_version(conn, url.schema, MIGRATIONS[-1].version) else None
    except (psycopg.Error, RefusedSchemaError):
        return None
    finally:
        session.drop()


def copy_privately(
    url: LedgerUrl, *, create: bool, busy_timeout: float, now: float | None
) -> tuple[SQLiteConnection, Callable[[], float]]:
    """Copy the ledger at ``url`` into a private one that goes with its connection; also the server's clock.

    Raises:
        LedgerError: it cannot be read; or there is none, and none may be made.
    """
    session = Session(url.conninfo, url.schema, PostgresConnection, busy_timeout=busy_timeout)
    with ExitStack() as undo:
        undo.callback(session.drop)
        conn = make_privately(SCHEMA, SQLiteConnection, busy_timeout=busy_timeout, now=now or 0.0)
        spoiled = undo.enter_context(ExitStack())
        spoiled.callback(conn.close)
        try:
            source = session.connect()
            if read_version(source, url.schema, MIGRATIONS[-1].version, create=create):
                source.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                conn.execute("BEGIN")
                copy_rows(source, conn)
                conn.execute("COMMIT")
        except RefusedSchemaError as error:
            raise _refused(error, url) from None
        except psycopg.Error as error:
            raise server_error(error, url, busy_timeout) from error
        spoiled.pop_all()
    return conn, session.clock
