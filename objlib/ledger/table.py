"""The door to the ledger: tables whose methods are SQL functions.

``Files.claimable(conn, ...)`` is the plain function, for SQL of other tables inside one transaction.
``await ledger.files.claimable(...)`` runs it in a transaction of its own, with the same arguments but for the
connection. So the SQL stands once, its types are checked, and callers outside this package see no SQLite.

Their docstrings leave out ``conn``, the ledger's connection inside a transaction, and ``now``, Unix time.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from operator import attrgetter
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from objlib.commit_queue import CommitQueue
from objlib.ledger.database import LedgerConnection

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
T = TypeVar("T")


class Table:
    """One topic of an open ledger. Each call is one transaction, durable when it returns."""

    def __init__(self, database: CommitQueue[LedgerConnection], now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def _read(
        self, function: Callable[Concatenate[LedgerConnection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.read(lambda conn: function(conn, *args, **kwargs))

    async def _write(
        self, function: Callable[Concatenate[LedgerConnection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.write(lambda conn: function(conn, *args, **kwargs))

    async def _record(
        self,
        function: Callable[Concatenate[LedgerConnection, float, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await self._write(function, self._now(), *args, **kwargs)

    async def _record_beside(
        self,
        function: Callable[Concatenate[LedgerConnection, float, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        now = self._now()
        return await self._database.submit(
            lambda conn: function(conn, now, *args, **kwargs), writes=True, alone=False
        )


class _Method(Generic[F, P, T]):
    """A function of the connection that is a method of an open table as well, which runs it by its ``door``."""

    door: Callable[[Table], Callable[..., Awaitable[Any]]]

    def __init__(self, function: F) -> None:
        self.function = function

    @overload
    def __get__(self, table: None, owner: type) -> F: ...
    @overload
    def __get__(self, table: Table, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, table: Table | None, owner: type) -> Callable[..., Any]:
        return self.function if table is None else partial(self.door(table), self.function)


class query(_Method[Callable[Concatenate[LedgerConnection, P], T], P, T]):  # a decorator
    """A function of the connection that reads: all of it sees one moment, and only what is committed.

    It may fill temporary tables, but must not change the ledger.
    """

    door = attrgetter("_read")


class command(_Method[Callable[Concatenate[LedgerConnection, P], T], P, T]):  # a decorator
    """A function of the connection that writes: if it raises, what it wrote is undone.

    It may share its transaction with others, so it must neither commit nor roll back (``with conn`` and
    ``executescript`` do).
    """

    door = attrgetter("_write")


class stamped(_Method[Callable[Concatenate[LedgerConnection, float, P], T], P, T]):  # a decorator
    """A command whose second argument is the time of the record (Unix seconds), by the ledger's clock."""

    door = attrgetter("_record")


class compare_and_set(_Method[Callable[Concatenate[LedgerConnection, float, P], T], P, T]):  # a decorator
    """A stamped command that other writes may run beside: one statement that finds its row by what it has to be.

    It may be run again when another operation of its transaction failed.
    """

    door = attrgetter("_record_beside")
