"""Cost of an upload into the embedded store as the library grows, and the room that it takes on disk.

Each size is a library of its own: the whole command is measured, with scan, ledger and index, so that both sides of the
service run in one process. Vectors are left to ``objlib index``, since they are the model's time. Then the files of
ledger and store are weighed by table (SQLite's ``dbstat``), and the ledger once more after ``objlib ledger compact``.
``--before FOLDER`` adds another checkout of objlib. Run it with ``just bench pipeline [--files 1000 10000]``.
"""

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.lab.measure import Row, finish, interleave, objlib, parser, report, run_once
from benchmarks.scan import fill

LARGEST = 6
"""Tables and indices of each database that are listed."""


def places(home: Path) -> list[str]:
    """The options that name the library in ``home`` and its ledger."""
    return [
        *("--library", str(home / "library"), "--ledger", str(home / "state" / "ledger.db")),
        *("--quiet", "--backend", "embedded"),
    ]


def row_of(home: Path, name: str, program: str) -> Row:
    """An upload of the library in ``home`` into a new ledger and a new store."""
    state = home / "state"

    def fresh() -> None:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()

    command = objlib("upload", *places(home))
    settings = {"OBJLIB_EMBEDDED_STORE": str(state / "store.db"), "OBJLIB_EMBED_SECONDS": "0"}
    environ = settings | ({"PYTHONPATH": program} if program else {})
    return Row(name, command, fresh, environ=environ)


def room(path: Path, files: int) -> dict[str, float]:
    """Bytes a file, by table or index, of the database at ``path``; the log that goes with it is emptied first."""
    conn = sqlite3.connect(path)
    try:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        weights = conn.execute(
            "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
        ).fetchall()
    finally:
        conn.close()
    return {"all": path.stat().st_size / files} | {name: size / files for name, size in weights}


def main() -> int:
    """Measure."""
    options = parser(__doc__, rounds=1)
    options.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000])
    options.add_argument("--size", type=int, default=2_000, help="bytes of each file")
    options.add_argument("--before", default="", help="another checkout of objlib, to compare with")
    args = options.parse_args()
    tables: list[dict[str, Any]] = []
    for files in args.files:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            fill(home / "library", files, args.size)
            # What was before is measured first in each round: the state of the last row is weighed.
            rows = [row_of(home, "objlib upload, before", args.before)] if args.before else []
            rows.append(row_of(home, "objlib upload", ""))
            samples = interleave(rows, args.rounds, home)
            title = f"upload of {files:,} files of {args.size:,} bytes into the embedded store"
            table = report(title, rows, samples, units=files, unit="file")
            for name in ("ledger", "store"):
                weights = table[f"{name} bytes"] = room(home / "state" / f"{name}.db", files)
                listed = ", ".join(f"{part} {size:,.0f}" for part, size in [*weights.items()][: LARGEST + 1])
                print(f"  {name}, bytes a file: {listed}")
            compact = Row("compact", objlib("ledger", "compact", "--keep", "0", *places(home)))
            run_once(compact, home)
            thinned = table["ledger bytes, compacted"] = room(home / "state" / "ledger.db", files)
            print(f"  ledger, compacted: {thinned['all']:,.0f} bytes a file")
            tables.append(table)
    return finish(tables, args)


if __name__ == "__main__":
    sys.exit(main())
