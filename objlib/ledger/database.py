"""The tables' view of a database: a connection inside a transaction, and the words in which databases differ.

SQL that all databases understand stands in the tables, once. What they say in different words is an attribute or a
method of the :class:`Dialect` of the connection. There is one module for each database, side by side in
``objlib/ledger/dialects``.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Final, Protocol

CHANNEL: Final = "objlib_closing"
"""Name under which sessions tell one another that requests have to stop, where the database has such a thing."""


class Dialect(Hashable, Protocol):
    """The SQL in which one database differs from another. Every text is a fragment of a statement."""

    @property
    def facets(self) -> str:
        """A query of (key, value as JSON, number of files), for at most ``?`` values of each key; see ``FileTable``."""
        ...

    @property
    def metadata_keys(self) -> str:
        """A query of the metadata keys of files with a document, in order, and whether each has numbers alone."""
        ...

    @property
    def size(self) -> str:
        """A query of the bytes that the ledger takes."""
        ...

    @property
    def temporary(self) -> str:
        """The schema of temporary tables, which go with their connection."""
        ...

    @property
    def skip_locked(self) -> str:
        """The end of a query that locks its rows, and skips those that another session has locked."""
        ...

    def same(self, one: str, other: str) -> str:
        """Whether two values are equal, or both are NULL."""
        ...

    def position(self, text: str, part: str) -> str:
        """Where ``part`` begins in ``text``, from 1; 0 where it is not in it."""
        ...

    def field(self, column: str, key: str) -> str:
        """The text under ``key`` in a column of JSON; NULL where there is none."""
        ...

    def texts(self, parameter: str) -> str:
        """A subquery of the texts in a JSON list that is given as a parameter."""
        ...

    def by_index(self, name: str) -> str:
        """The hint behind a table's name that its rows are to be found by this index, where the planner takes hints."""
        ...

    def ddl(self, statement: str) -> str:
        """A statement that makes a table, in the types of this database."""
        ...

    def index_on(self, table: str, name: str) -> str:
        """The head of a statement that makes an index of a temporary table, up to its columns."""
        ...

    def damage(self, conn: "LedgerConnection", limit: int) -> list[str]:
        """Damage of the database itself, where it can tell: at most ``limit`` lines."""
        ...

    def tell(self, conn: "LedgerConnection", channel: str) -> None:
        """Let all sessions know that there is news, once this transaction is committed, where the database can."""
        ...

    def measure(self, conn: "LedgerConnection", table: str) -> None:
        """Let the planner know how full a temporary table is, where it does not see for itself."""
        ...

    def count_on(self, conn: "LedgerConnection", table: str, key: str) -> None:
        """Let new rows of a table be numbered behind those that were copied into it."""
        ...

    def update_of_file(self, update: str, where: str, path: str) -> str:
        """An update of a row of ``files`` that leaves it alone where another live row has its ``path``."""
        ...


class Cursor(Protocol):
    """The rows of a statement."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        ...

    @property
    def description(self) -> Any:
        """A sequence for each column, with its name first."""
        ...

    def fetchone(self) -> Any:
        """The next row, None at the end."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left."""
        ...


class LedgerConnection(Protocol):
    """A connection inside a transaction that is not its user's."""

    @property
    def dialect(self) -> Dialect:
        """The words of its database."""
        ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor:
        """Run a statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> object:
        """Run a statement once for each of these parameters; none of its rows are kept."""
        ...
