"""Who means to index what.

A document is claimed by the open service that received its last byte, so that two processes on one file do
not both read and split the same bytes. A claim is a courtesy and never the safeguard: indexing checks in its
transaction that the document is still PENDING. So a claim may be taken over freely once its owner is dead or
its time is over.
"""

import itertools
import os
import sqlite3
from typing import Final

from objlib.liveness import process_is_alive

LEASE: Final = 60.0
"""Seconds until others may take over what a living process has not indexed yet."""

_here: set[str] = set()
_numbers = itertools.count(1)


def new_claim() -> str:
    """A mark for a service opened in this process: its pid, and a number that is not used again."""
    claim = f"{os.getpid()}:{next(_numbers)}:{os.urandom(4).hex()}"
    _here.add(claim)
    return claim


def end_claim(claim: str) -> None:
    """The service with this mark is closed: whatever it still claims is free."""
    _here.discard(claim)


def _alive(claim: str) -> bool:
    pid = int(claim.partition(":")[0])
    if pid == os.getpid():
        return claim in _here
    return process_is_alive(pid)


def free(db: sqlite3.Connection, claim: str, now: float) -> list[str | None]:
    """Owners of PENDING documents that may be taken over: they are dead or late.

    Args:
        db: the file.
        claim: the one who asks.
        now: Unix time.
    """
    rows = db.execute(
        "SELECT claim, min(claim_until) FROM documents WHERE state = 'PENDING' AND claim IS NOT ? GROUP BY claim",
        (claim,),
    )
    return [owner for owner, until in rows if owner is None or until < now or not _alive(owner)]


def take_over(db: sqlite3.Connection, claim: str, now: float) -> int:
    """Claim every PENDING document whose owner is dead, and those whose owner is late.

    Returns:
        How many there were.
    """
    taken = 0
    for owner in free(db, claim, now):
        late_only = owner is not None and _alive(owner)
        taken += db.execute(
            "UPDATE documents SET claim = ?, claim_until = ?"
            " WHERE state = 'PENDING' AND claim IS ? AND (NOT ? OR claim_until < ?)",
            (claim, now + LEASE, owner, late_only, now),
        ).rowcount
    return taken
