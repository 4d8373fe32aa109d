"""The invariants of every database after every check, read through a separate connection."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from spike.phase9_spike.states import LEGAL, STATES


def check_db_invariants(db_path: Path) -> list[str]:
    """List the defects of the files and the event log of a database; none, if they are sound.

    Valid states, versions of at least 0, and for each file a chain of legal edges in the event log that begins at
    untracked, is as long as the version says, and ends where the row stands.
    """
    with closing(sqlite3.connect(f"{db_path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        files = conn.execute("SELECT file_id, gemini_state, version FROM files ORDER BY file_id").fetchall()
        events = conn.execute(
            "SELECT file_id, event, from_state, to_state FROM events WHERE outcome = 'success' ORDER BY event_id"
        ).fetchall()
        (damage,) = conn.execute("PRAGMA integrity_check").fetchone()
    problems = [] if damage in {"ok", None} else [f"SQLite says: {damage}"]
    chains: dict[str, list[tuple[str, str, str]]] = {file_id: [] for file_id, _, _ in files}
    for file_id, event, source, goal in events:
        if file_id not in chains:
            problems.append(f"an event of {file_id}, which is no file")
            continue
        chains[file_id].append((event, source, goal))
    for file_id, state, version in files:
        problems += [f"{file_id}: {problem}" for problem in _of_row(state, version, chains[file_id])]
    return problems


def _of_row(state: str, version: int, chain: list[tuple[str, str, str]]) -> list[str]:
    problems = []
    if state not in STATES:
        problems.append(f"there is no state {state!r}")
    if version < 0:
        problems.append(f"version {version}")
    if version != len(chain):
        problems.append(f"version {version}, but {len(chain)} transitions in the log")
    stood = "untracked"
    for event, source, goal in chain:
        if (event, source, goal) not in LEGAL:
            problems.append(f"no such edge: {event} from {source} to {goal}")
        if source != stood:
            problems.append(f"{event} left {source}, but the file stood at {stood}")
        stood = goal
    if state != stood:
        problems.append(f"it is {state}, but its log ends at {stood}")
    return problems


SPOILED: Final = {
    "an unknown state": "UPDATE files SET gemini_state = 'lost'",
    "a version below 0": "UPDATE files SET version = -1",
    "a version that was not moved": "UPDATE files SET version = version + 1",
    "a state without an event": "UPDATE files SET gemini_state = 'processing'",
    "an edge that does not exist": "UPDATE events SET to_state = 'processing' WHERE outcome = 'success'",
    "an event that was lost": "DELETE FROM events",
}
"""Ways to spoil a database in which one file was moved to uploading: each has to be found."""


def spoil(db_path: Path, how: str) -> None:
    """Spoil a database behind the ledger's back; its own CHECKs would refuse most of this."""
    with closing(sqlite3.connect(db_path, isolation_level=None)) as conn:
        conn.execute("PRAGMA ignore_check_constraints = ON")
        conn.execute(SPOILED[how])
