"""PostgreSQL's errors by what they mean for a transaction, and as one line for the user.

The codes are those of https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from enum import Enum, auto
from typing import Final

import psycopg

_AGAIN: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the server undid the transaction, and asks for it once more."""
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "53300"})
"""The server shuts down, starts, has no room for a connection, or ended a session that was silent for too long."""


_STARTING: Final = (
    "Connection refused", "No such file or directory", "starting up", "shutting down", "in recovery mode",
    "closed the connection", "reset by peer",
)  # fmt: skip
"""How libpq and the server say that there is none yet, or no more; an error of a connection that was never made has no
code. A server that says it in another language is not waited for."""


class Fate(Enum):
    """The rest of a transaction after an error."""

    AGAIN = auto()
    """It is undone, and may be done again at once."""
    LOST = auto()
    """The connection is gone, and with it whatever was not committed."""
    STATEMENT = auto()
    """One statement was refused for its values or its text; what came before it stands behind a savepoint."""
    FATAL = auto()
    """It is undone, and would fail again."""


class UnreachableError(psycopg.OperationalError):
    """The server could not be reached in the time there is; its cause says why."""


def fate(error: psycopg.Error, *, broken: bool) -> Fate:
    """The fate of the transaction that met ``error``, on a connection that is now ``broken`` or not."""
    if isinstance(error, UnreachableError):
        return Fate.FATAL
    state = error.sqlstate or ""
    if broken or state in _LOST or state.startswith("08"):
        return Fate.LOST
    if state in _AGAIN:
        return Fate.AGAIN
    if is_about_values(error) or (state.startswith("42") and state != "42501"):
        return Fate.STATEMENT
    return Fate.FATAL


def is_starting(error: psycopg.Error) -> bool:
    """Whether the server may be there in a moment, as far as one knows that has never reached it."""
    return fate(error, broken=False) is Fate.LOST or any(part in str(error) for part in _STARTING)


def is_about_values(error: Exception) -> bool:
    """Whether the values of a statement were refused: a broken constraint, or a type that the driver does not know."""
    return isinstance(error, psycopg.DataError | psycopg.IntegrityError) or (
        isinstance(error, psycopg.ProgrammingError) and not error.sqlstate
    )


def is_about_notes(error: psycopg.Error) -> bool:
    """Whether a temporary table of a scan is not there, or all of them: they went with the session that had them."""
    return error.sqlstate in {"42P01", "3F000"} and "pg_temp" in str(error)


def problem(error: psycopg.Error, busy_timeout: float) -> str:
    """An error as a part of a sentence: "the ledger URL ..."; it holds no password, since libpq prints none."""
    unreached = isinstance(error, UnreachableError)
    if unreached and isinstance(error.__cause__, psycopg.Error):
        error = error.__cause__
    if not unreached and is_about_values(error):
        return f"refused a value ({_line(error)}); this is a mistake in the program, please report it"
    match error.sqlstate or "":
        case "53100":
            return (
                "cannot grow: the disk of the database server is full; free some space and try again "
                "(what was recorded is safe)"
            )
        case "25006":
            return (
                "is read-only: the server is a standby, or was made read-only; name the primary, or several hosts "
                "with ?target_session_attrs=read-write"
            )
        case "55P03":
            return (
                f"has been locked by another session for more than {busy_timeout:g} s; "
                "wait until that is done, or end it, and try again"
            )
        case "57014":
            return "had a statement cancelled by its administrator; nothing of it was recorded; run it again"
        case "42501":
            return f"may not be used so by this role ({_line(error)}); see the roles in docs/fleet.md"
        case "40001" | "40P01":
            return "could not be written, since others changed the same rows again and again; run it again"
        case "42P01" | "3F000" if is_about_notes(error):
            return "lost its notes of a scan when the connection broke, again and again; run the same command again"
        case "":
            return f"cannot be reached: {_line(error)}"
        case state if state.startswith(("28", "3D", "3F", "08", "57", "53", "25P")):
            return f"cannot be used: {_line(error)}"
        case _:
            return f"refused a statement ({_line(error)}); this is a mistake in the program, please report it"


def _line(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
