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
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def take_over(db: sqlite3.Connection, claim: str, now: float) -> int:
    """Claim every PENDING document whose owner is dead or late.

    Returns:
        How many there were.
    """
    owners = db.execute(
        "SELECT DISTINCT claim FROM documents WHERE state = 'PENDING' AND claim IS NOT ?", (claim,)
    )
    dead = [owner for (owner,) in owners if owner is None or not _alive(owner)]
    taken = 0
    for owner in dead:
        taken += db.execute(
            "UPDATE documents SET claim = ?, claim_until = ? WHERE state = 'PENDING' AND claim IS ?",
            (claim, now + LEASE, owner),
        ).rowcount
    taken += db.execute(
        "UPDATE documents SET claim = ?, claim_until = ?"
        " WHERE state = 'PENDING' AND claim IS NOT ? AND claim_until < ?",
        (claim, now + LEASE, claim, now),
    ).rowcount
    return taken


def foreign(db: sqlite3.Connection, claim: str) -> bool:
    """Whether someone else claims a PENDING document."""
    row = db.execute(
        "SELECT 1 FROM documents WHERE state = 'PENDING' AND claim IS NOT ? LIMIT 1", (claim,)
    ).fetchone()
    return row is not None
