"""The door to the ledger: tables whose methods are SQL functions.

``Files.claimable(conn, ...)`` is the plain function, for SQL of other tables inside one transaction.
``await ledger.files.claimable(...)`` runs it in a transaction of its own, with the same arguments but for the
connection. So the SQL stands once, its types are checked, and callers outside this package see no SQLite.

Their docstrings leave out ``conn``, the ledger's connection inside a transaction, and ``now``, Unix time.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from objlib.sqlite.group_commit import GroupCommit

P = ParamSpec("P")
T = TypeVar("T")


class Table:
    """One topic of an open ledger. Each call is one transaction, durable when it returns."""

    def __init__(self, database: GroupCommit, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def _read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.read(lambda conn: function(conn, *args, **kwargs))

    async def _write(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.write(lambda conn: function(conn, *args, **kwargs))

    async def _record(
        self,
        function: Callable[Concatenate[sqlite3.Connection, float, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await self._write(function, self._now(), *args, **kwargs)


class query(Generic[P, T]):  # a decorator
    """A function of the connection that reads: all of it sees one moment, and only what is committed.

    It may fill temporary tables, but must not change the ledger.
    """

    def __init__(self, function: Callable[Concatenate[sqlite3.Connection, P], T]) -> None:
        self.function = function

    @overload
    def __get__(self, table: None, owner: type) -> Callable[Concatenate[sqlite3.Connection, P], T]: ...
    @overload
    def __get__(self, table: Table, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, table: Table | None, owner: type) -> Callable[..., Any]:
        return self.function if table is None else partial(table._read, self.function)


class command(Generic[P, T]):  # a decorator
    """A function of the connection that writes: if it raises, what it wrote is undone.

    It may share its transaction with others, so it must neither commit nor roll back (``with conn`` and
    ``executescript`` do).
    """

    def __init__(self, function: Callable[Concatenate[sqlite3.Connection, P], T]) -> None:
        self.function = function

    @overload
    def __get__(self, table: None, owner: type) -> Callable[Concatenate[sqlite3.Connection, P], T]: ...
    @overload
    def __get__(self, table: Table, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, table: Table | None, owner: type) -> Callable[..., Any]:
        return self.function if table is None else partial(table._write, self.function)


class stamped(Generic[P, T]):  # a decorator
    """A command whose second argument is the time of the record (Unix seconds), by the ledger's clock."""

    def __init__(self, function: Callable[Concatenate[sqlite3.Connection, float, P], T]) -> None:
        self.function = function

    @overload
    def __get__(self, table: None, owner: type) -> Callable[Concatenate[sqlite3.Connection, float, P], T]: ...
    @overload
    def __get__(self, table: Table, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, table: Table | None, owner: type) -> Callable[..., Any]:
        return self.function if table is None else partial(table._record, self.function)
