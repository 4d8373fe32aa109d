"""Copying a ledger from one database into another."""

from contextlib import closing

from objlib.ledger.copying import TABLES, copy_rows
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.schema import SCHEMA
from objlib.sqlite.private_copy import make_privately


def fresh() -> SQLiteConnection:
    return make_privately(SCHEMA, SQLiteConnection, busy_timeout=1, now=0)


def test_every_table_is_copied_but_the_record_of_migrations() -> None:
    with closing(fresh()) as conn:
        tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert tables - {"migrations"} == TABLES.keys()
        for table, key in TABLES.items():
            columns = conn.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,))
            assert ", ".join(name for (name,) in columns) == key


def test_rows_of_a_table_with_a_key_of_two_columns_arrive_over_pages() -> None:
    rows = [("r", float(at), "{}") for at in range(4500)]
    with closing(fresh()) as source, closing(fresh()) as target:
        columns = [name for (name,) in source.execute("SELECT name FROM pragma_table_info('runs')")]
        values = {"run_id": "r", "command": "upload"}
        source.execute(
            f"INSERT INTO runs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            [values.get(name, 1) for name in columns],
        )
        source.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)
        copy_rows(source, target)
        assert target.execute("SELECT * FROM samples ORDER BY at").fetchall() == rows
