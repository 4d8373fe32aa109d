"""The words of SQLite."""

import sqlite3
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from objlib.ledger.database import LedgerConnection


class SQLiteDialect:
    """SQLite from 3.37."""

    facets: Final = """
        SELECT key, json_quote(value), number FROM (
            SELECT key, value, number,
                row_number() OVER (PARTITION BY key ORDER BY number DESC, value) AS place
            FROM (
                SELECT entry.key, coalesce(item.value, entry.value) AS value, count(*) AS number
                FROM files, json_each(metadata_json) AS entry
                LEFT JOIN json_each(CASE entry.type WHEN 'array' THEN entry.value END) AS item
                WHERE gemini_document IS NOT NULL AND missing_since IS NULL
                GROUP BY 1, 2 HAVING number > 1
            )
        ) WHERE place <= ? ORDER BY key, place
        """
    metadata_keys: Final = (
        "SELECT key, min(type IN ('integer', 'real')) FROM files, json_each(metadata_json)"
        " WHERE gemini_document IS NOT NULL GROUP BY key ORDER BY key"
    )

    size: Final = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    temporary: Final = "temp"
    skip_locked: Final = ""

    def same(self, one: str, other: str) -> str:
        """``IS``, for which SQLite uses an index as for ``=``."""
        return f"{one} IS {other}"

    def position(self, text: str, part: str) -> str:
        """``instr``."""
        return f"instr({text}, {part})"

    def field(self, column: str, key: str) -> str:
        """``json_extract``; the ``->>`` of newer versions is not there in 3.37."""
        return f"json_extract({column}, '$.{key}')"

    def texts(self, parameter: str) -> str:
        """``json_each``."""
        return f"(SELECT value FROM json_each({parameter}))"

    def by_index(self, name: str) -> str:
        """``INDEXED BY``: SQLite prefers an equality on the state to any range of times."""
        return f"INDEXED BY {name}"

    def ddl(self, statement: str) -> str:
        """The same: the types of our statements are SQLite's."""
        return statement

    def index_on(self, table: str, name: str) -> str:
        """The index has the schema, and its table none."""
        return f"CREATE INDEX {table}_{name} ON {table.partition('.')[2]}"

    def damage(self, conn: "LedgerConnection", limit: int) -> list[str]:
        """``integrity_check``, and rows that refer to nothing."""
        lines = [line for (line,) in conn.execute(f"PRAGMA integrity_check({limit})") if line != "ok"]
        broken = list(islice(conn.execute("PRAGMA foreign_key_check"), limit))
        return lines + [
            f"row {row} of {table} refers to nothing in {parent}" for table, row, parent, _ in broken
        ]

    def tell(self, conn: object, channel: str) -> None:
        """Nothing: the others look with each heartbeat."""

    def measure(self, conn: object, table: str) -> None:
        """Nothing: the queries are planned by the indices alone."""

    def count_on(self, conn: object, table: str, key: str) -> None:
        """Nothing: SQLite numbers a new row behind the last one."""

    def update_of_file(self, update: str, where: str, path: str) -> str:
        """``OR IGNORE``, of a row that breaks a constraint."""
        return f"UPDATE OR IGNORE files SET {update} WHERE {where}"


class SQLiteConnection(sqlite3.Connection):
    """A connection to a ledger that is a file."""

    dialect: ClassVar = SQLiteDialect()
