"""Opening a ledger in a PostgreSQL database, and what goes wrong with it as one line for the user.

Everything here blocks and runs through a Runner. It is imported only where such a ledger is opened.
"""

from typing import Final

import psycopg

from objlib.core.advice import advise
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError
from objlib.ledger.dialects.postgres import PostgresConnection, translate_ddl
from objlib.ledger.schema import MIGRATIONS
from objlib.postgres.errors import problem
from objlib.postgres.migrations import OLDEST_SERVER, Refused, RefusedSchemaError, Step, migrate
from objlib.postgres.session import Session

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
    session = Session(url.conninfo, url.schema, PostgresConnection, busy_timeout=busy_timeout)
    try:
        session.connect()
        migrate(session, STEPS, create=create, now=session.clock() if now is None else now)  # type: ignore[arg-type]  # invariant, and only read
    except RefusedSchemaError as error:
        session.drop()
        raise LedgerError(_refusal(error, url)) from None
    except psycopg.Error as error:
        session.drop()
        raise server_error(error, url, busy_timeout) from error
    except BaseException:
        session.drop()
        raise
    return session


def server_error(error: psycopg.Error, url: LedgerUrl, busy_timeout: float) -> LedgerError:
    """``error`` as the ledger's own error, with its cause attached; ``busy_timeout`` is in seconds."""
    translated = LedgerError(f"the ledger {url} {problem(error, busy_timeout)}")
    translated.__cause__ = error
    return translated


def closed_error(url: LedgerUrl) -> LedgerError:
    """The error of a caller that comes after the ledger's block."""
    return LedgerError(f"the ledger {url} is closed already; this is a mistake in the program")


def _refusal(error: RefusedSchemaError, url: LedgerUrl) -> str:
    match error.refused:
        case Refused.ABSENT:
            return (
                f"there is no ledger {url} yet: `{advise('upload')}` makes it; if it was lost, "
                f"`{advise('rebuild')}` makes it again from the store"
            )
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
