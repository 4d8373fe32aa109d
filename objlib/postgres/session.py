"""One session with a PostgreSQL server, opened again when it breaks.

Everything here blocks and runs through a Runner, which runs one function at a time.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg import pq
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from objlib.postgres.errors import UnreachableError, is_starting
from objlib.postgres.statements import in_order, translate

C_co = TypeVar("C_co", bound="SessionConnection", covariant=True)

CONNECT_SECONDS: Final = 10
"""Seconds for one try to connect."""
RECONNECT_SECONDS: Final = 60.0
"""Seconds for which a session that broke is opened again: a failover or a restart takes less."""
FIRST_CONNECT_SECONDS: Final = 15.0
"""Seconds for which a process waits for a server that it has never reached, where its address does not say it by
``connect_timeout``: a restart is over by then, and a wrong address is noticed."""
SILENT_SECONDS: Final = 15.0
"""Seconds after which the server ends a transaction whose program says nothing: a frozen one blocks no others."""
_PAUSE: Final = 0.25
"""Seconds between two tries to connect."""

_first_tries: dict[str, float] = {}
"""When this process first tried, in vain so far, to reach an address: a command asks several times, and waits once."""

_log = logging.getLogger(__name__)


class _Text(StrDumperUnknown):
    """Text without NUL, which PostgreSQL cannot hold; an error message of a service may have one."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in obj else obj)


class _Number(Loader):
    """A sum of integers, which the server makes a ``numeric``."""

    format = pq.Format.TEXT

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class Native(psycopg.Connection[Any]):
    """The driver's connection, with the pipeline in which it sends statements ahead."""

    pipe: psycopg.Pipeline | None = None


class _Cursor(psycopg.RawCursor[Any]):
    """A cursor whose count and columns are waited for where statements are sent ahead, as the driver does for rows."""

    @property
    def rowcount(self) -> int:
        self._wait()
        return super().rowcount

    @property
    def description(self) -> Any:
        self._wait()
        return super().description

    def _wait(self) -> None:
        pipe = self.connection.pipe if isinstance(self.connection, Native) else None
        if pipe is not None and self.pgresult is None:
            pipe.sync()


class SessionConnection:
    """A connection that takes the placeholders of this repository; its heirs add a dialect."""

    def __init__(self, native: Native) -> None:
        self.native = native

    def execute(self, sql: str, parameters: Any = (), /) -> "psycopg.Cursor[Any]":
        """Run a statement."""
        text, names = translate(sql)
        return self.native.execute(text, in_order(names, parameters))

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Send statements without a wait for those before them; only what is read of an answer is waited for.

        The error of a statement may be raised by a later one, or by the end of the block; then none of the rest ran.
        """
        with ExitStack() as pipeline:
            self.native.pipe = pipeline.enter_context(self.native.pipeline())
            try:
                yield
            except BaseException:
                # Its end would raise the same error again, and the driver would write a warning of it.
                with suppress(psycopg.Error):
                    pipeline.close()
                raise
            finally:
                self.native.pipe = None

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> None:
        """Run a statement for each of these parameters, in one round trip."""
        text, names = translate(sql)
        with self.native.cursor() as cursor:
            cursor.executemany(text, [in_order(names, each) for each in parameters])

    def script(self, sql: str) -> "psycopg.Cursor[Any]":
        """Run statements without parameters in one round trip; the first that fails is the last."""
        return self.native.execute(sql.encode(), prepare=False)


class Session(Generic[C_co]):
    """The session of one ledger.

    Attributes:
        key: the number of the ledger's advisory locks.
        opened: how often it was opened; temporary tables are those of one time.
        on_news: called, in whichever thread is at work, when another session sends a notice on the channel.
    """

    def __init__(
        self,
        conninfo: str,
        schema: str,
        factory: Callable[[Native], C_co],
        *,
        busy_timeout: float,
        reconnect: float = RECONNECT_SECONDS,
        channel: str = "",
    ) -> None:
        self._conninfo = conninfo
        self.schema = schema
        self._factory = factory
        self.busy_timeout = busy_timeout
        self._reconnect = reconnect
        self._channel = channel
        self.on_news: Callable[[], None] = lambda: None
        self._conn: C_co | None = None
        self.opened = 0
        self._ahead = 0.0
        self.key = 0

    def clock(self) -> float:
        """Unix seconds by the server's clock, as the last transaction read it."""
        return time.monotonic() + self._ahead

    def set_clock(self, server: float) -> None:
        """Take the server's time as of now."""
        self._ahead = server - time.monotonic()

    @property
    def broken(self) -> bool:
        """Whether there is no connection that can be used."""
        return self._conn is None or self._conn.native.closed

    def connect(self) -> C_co:
        """The connection, opened if there is none; with patience where the server may only be away for a while.

        Raises:
            UnreachableError: the server cannot be reached, or refuses.
        """
        if self._conn is not None and not self._conn.native.closed:
            return self._conn
        began, said = time.monotonic(), False
        if not self.opened:
            began = _first_tries.setdefault(self._conninfo, began)
        while True:
            try:
                self._conn = self._open()
            except psycopg.Error as error:
                # After the first time the address is right.
                passing = is_starting(error) or (self.opened > 0 and not error.sqlstate)
                if not passing or time.monotonic() >= began + self._patience():
                    raise UnreachableError(str(error)) from error
                if not said:
                    _log.warning("waiting for the database: %s", str(error).strip().splitlines()[0])
                    said = True
                time.sleep(_PAUSE)
            else:
                _first_tries.pop(self._conninfo, None)
                self.opened += 1
                return self._conn

    def _patience(self) -> float:
        """Seconds for which a server that may come back is waited for; its address can be parsed, as it was tried."""
        named = conninfo_to_dict(self._conninfo).get("connect_timeout")
        return self._reconnect if self.opened else FIRST_CONNECT_SECONDS if named is None else float(named)

    def _open(self) -> C_co:
        native = Native.connect(
            self._conninfo,
            autocommit=True,
            cursor_factory=_Cursor,
            fallback_application_name="objlib",
            tcp_user_timeout=int(SILENT_SECONDS * 1000),
            connect_timeout=None if "connect_timeout" in self._conninfo else CONNECT_SECONDS,
        )
        try:
            native.adapters.register_dumper(int, Int8Dumper)
            native.adapters.register_dumper(str, _Text)
            native.adapters.register_loader("numeric", _Number)
            native.execute(
                SQL(
                    "SET search_path TO {schema}; SET lock_timeout = {lock};"
                    " SET work_mem = '64MB'; SET idle_in_transaction_session_timeout = {silent};"
                    " SELECT set_config('synchronous_commit', 'on', false)"
                    " WHERE current_setting('synchronous_commit') = 'off'"
                )
                .format(
                    schema=Identifier(self.schema),
                    lock=max(1, int(self.busy_timeout * 1000)),
                    silent=int(SILENT_SECONDS * 1000),
                )
                .as_bytes()
            )
            self.key, now = native.execute(
                b"SELECT hashtextextended('objlib ' || current_setting('search_path'), 0),"
                b" extract(epoch FROM clock_timestamp())::float8"
            ).fetchone() or (0, 0.0)
            self.set_clock(now)
            if self._channel:
                native.add_notify_handler(lambda _: self.on_news())
                native.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
        except BaseException:
            native.close()
            raise
        return self._factory(native)

    def drop(self) -> None:
        """Close the connection, which the server may not have noticed to be gone."""
        if self._conn is not None:
            self._conn.native.close()
            self._conn = None
