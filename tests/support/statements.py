"""The statements of a ledger as they are sent, and the tables and indices that its database reads from end to end."""

import ast
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from objlib.ledger.dialects.postgres import PostgresConnection
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.postgres.session import SessionConnection

ROOM: Final = "/objlib/ledger/"
PLANNED: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
OPTIONS: Final = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""The planner takes an index wherever one helps, as it does by itself for large tables."""
LARGE: Final = "files_live_path"
"""The index of a part of a table that is nearly all of it; the others are of a few rows."""
_NODE: Final = re.compile(r"(Seq|Index|Index Only|Bitmap Index) Scan (?:using|on) (\w+)")


class Statements:
    """The statements that were sent, by the function that sent each.

    Attributes:
        functions: those that sent a statement, as ``files.py FileTable.page``.
        whole: (function, what it reads from end to end).
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.whole: set[tuple[str, str]] = set()
        self._seen: set[tuple[str, str]] = set()

    def is_new(self, function: str, sql: str) -> bool:
        """Whether the plan of this statement is still to be looked at."""
        key = (function, re.sub(r"\d+", "0", sql))
        self.functions.add(function)
        if key in self._seen or not sql.strip().startswith(PLANNED):
            return False
        self._seen.add(key)
        return True

    def look_into_sqlite(self, conn: SQLiteConnection, function: str, sql: str, parameters: Any) -> None:
        """Note what SQLite would walk from end to end: a table, or all of an index that covers the statement."""
        for *_, step in sqlite3.Connection.execute(conn, f"EXPLAIN QUERY PLAN {sql}", parameters):
            if not step.startswith("SCAN ") or re.search(r"CONSTANT ROW|json_each|VIRTUAL|\(subquery", step):
                continue
            index = re.search(r"USING (?:COVERING )?INDEX (\w+)", step)
            if index is None or not _is_partial_in_sqlite(conn, index[1]):
                self.whole.add((function, step.split()[1]))

    def look_into_postgres(self, conn: SessionConnection, function: str, sql: str, parameters: Any) -> None:
        """Note what PostgreSQL would read from end to end where it must not, if any index can help."""
        if conn.native.pipe is not None:
            conn.native.pipe.sync()  # so that an error is that of an earlier statement
        plan = [line for (line,) in SessionConnection.execute(conn, f"EXPLAIN {sql}", parameters)]
        for place, line in enumerate(plan):
            if (node := _NODE.search(line)) is None:
                continue
            depth = len(line) - len(line.lstrip(" ->"))
            below = [each for each in plan[place + 1 : place + 4] if len(each) - len(each.lstrip()) >= depth]
            if node[1] == "Seq" or not (
                any("Index Cond" in each for each in below) or _is_partial_in_postgres(conn, node[2])
            ):
                self.whole.add((function, node[2]))


def _is_partial_in_sqlite(conn: SQLiteConnection, name: str) -> bool:
    row = sqlite3.Connection.execute(
        conn, "SELECT sql LIKE '%WHERE%' FROM sqlite_master WHERE name = ?", (name,)
    ).fetchone()
    return row is not None and bool(row[0]) and name != LARGE


def _is_partial_in_postgres(conn: SessionConnection, name: str) -> bool:
    row = SessionConnection.execute(
        conn, "SELECT indpred IS NOT NULL FROM pg_index WHERE indexrelid = to_regclass(?)", (name,)
    ).fetchone()
    return row is not None and bool(row[0]) and name != LARGE


def _sender() -> str:
    """The function of the ledger that sends a statement; its rows and dialects only help it."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        _, room, module = frame.f_code.co_filename.partition(ROOM)
        if room and module != "rows.py" and not module.startswith("dialects/"):
            return f"{module} {frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Statements]:
    """Record all statements of the block, in either database."""
    statements = Statements()

    def execute(conn: SQLiteConnection, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if (function := _sender()) and statements.is_new(function, sql):
            statements.look_into_sqlite(conn, function, sql, parameters)
        return sqlite3.Connection.execute(conn, sql, parameters)

    def executemany(conn: SQLiteConnection, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(parameters)
        if (function := _sender()) and rows and statements.is_new(function, sql):
            statements.look_into_sqlite(conn, function, sql, rows[0])
        return sqlite3.Connection.executemany(conn, sql, rows)

    def execute_there(conn: PostgresConnection, sql: str, parameters: Any = (), /) -> Any:
        if (function := _sender()) and statements.is_new(function, sql):
            statements.look_into_postgres(conn, function, sql, parameters)
        return SessionConnection.execute(conn, sql, parameters)

    def executemany_there(conn: PostgresConnection, sql: str, parameters: Iterable[Any], /) -> None:
        rows = list(parameters)
        if (function := _sender()) and rows and statements.is_new(function, sql):
            statements.look_into_postgres(conn, function, sql, rows[0])
        SessionConnection.executemany(conn, sql, rows)

    with monkeypatch.context() as patch:
        patch.setattr(SQLiteConnection, "execute", execute)
        patch.setattr(SQLiteConnection, "executemany", executemany)
        patch.setattr(PostgresConnection, "execute", execute_there, raising=False)
        patch.setattr(PostgresConnection, "executemany", executemany_there, raising=False)
        patch.setenv("PGOPTIONS", OPTIONS)
        yield statements


def senders(package: Path) -> set[str]:
    """The functions of the ledger that send statements, by their source."""
    found: set[str] = set()
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).as_posix()
        if module == "rows.py" or module.startswith("dialects/"):
            continue
        found |= {f"{module} {name}" for name in _senders_in(ast.parse(path.read_text("utf-8")).body, "")}
    return found


def _senders_in(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _senders_in(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and any(map(_sends, ast.walk(node))):
            yield prefix + node.name


def _sends(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    return node.func.attr in {"execute", "executemany"} or (
        node.func.attr in {"all", "first"} and isinstance(owner, ast.Name) and owner.id.endswith("Row")
    )
