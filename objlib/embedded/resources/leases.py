"""Leases on documents: which open service indexes which document.

The service that received a document's last byte leases it, so that two processes on one file do not both read
and split the same bytes. A lease saves work and is never the safeguard: indexing checks in its transaction
that the document is still PENDING. So a lease may be taken over once its owner is dead or it has expired.
"""

import itertools
import os
import sqlite3
from typing import Final

from objlib.liveness import process_is_alive

LEASE_SECONDS: Final = 60.0
"""Seconds after which a document that a living process has not indexed may be taken over."""
_open_here: set[str] = set()
_numbers = itertools.count(1)


def new_claim() -> str:
    """A mark for a service opened in this process: the pid, and a number that is not used again."""
    claim = f"{os.getpid()}:{next(_numbers)}:{os.urandom(4).hex()}"
    _open_here.add(claim)
    return claim


def end_claim(claim: str) -> None:
    """Close the service with this mark: its leases end."""
    _open_here.discard(claim)


def _is_alive(claim: str) -> bool:
    pid = int(claim.partition(":")[0])
    return claim in _open_here if pid == os.getpid() else process_is_alive(pid)


def abandoned_owners(db: sqlite3.Connection, claim: str, now: float) -> list[str | None]:
    """Other owners whose PENDING documents may be taken over: dead ones, and those with an expired lease."""
    rows = db.execute(
        "SELECT claim, min(claim_until) FROM documents WHERE state = 'PENDING' AND claim IS NOT ? GROUP BY claim",
        (claim,),
    )
    return [owner for owner, until in rows if owner is None or until < now or not _is_alive(owner)]


def take_over(db: sqlite3.Connection, claim: str, now: float) -> int:
    """Lease every PENDING document of a dead owner or with an expired lease; returns their number."""
    count = 0
    for owner in abandoned_owners(db, claim, now):
        expired_only = owner is not None and _is_alive(owner)
        count += db.execute(
            "UPDATE documents SET claim = ?, claim_until = ?"
            " WHERE state = 'PENDING' AND claim IS ? AND (NOT ? OR claim_until < ?)",
            (claim, now + LEASE_SECONDS, owner, expired_only, now),
        ).rowcount
    return count
