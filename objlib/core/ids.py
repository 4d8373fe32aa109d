"""Identities: ids that sort by time, and the tags by which a document in the store is known as ours."""

import os
import time
from hashlib import sha256
from typing import Final, NewType

FileId = NewType("FileId", str)
AttemptId = NewType("AttemptId", str)
RunId = NewType("RunId", str)

KEY_FILE: Final = "objlib_id"
"""Metadata key of our file id. A document without it is not ours and is never touched."""
KEY_ATTEMPT: Final = "objlib_attempt"
"""Metadata key of the attempt that made the document: recovery finds it by this after an unknown outcome."""
KEY_HASH: Final = "objlib_sha256"
"""Metadata key of the SHA-256 (hex) of the bytes."""
KEY_LEDGER: Final = "objlib_ledger"
"""Metadata key of the ledger's own id: several ledgers may share a store, and none touches another's."""
RESERVED_KEYS: Final = frozenset({KEY_FILE, KEY_ATTEMPT, KEY_HASH, KEY_LEDGER})
"""Keys of our tags, which no metadata of the user may have."""


def new_id(now: float | None = None) -> str:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    millis = int((time.time() if now is None else now) * 1000) & (2**48 - 1)
    rest = int.from_bytes(os.urandom(10), "big")
    value = (millis << 80) | (0x7 << 76) | ((rest >> 68 & 0xFFF) << 64) | (0b10 << 62) | (rest & (2**62 - 1))
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_file_id(now: float | None = None) -> FileId:
    """A fresh id for a file seen for the first time."""
    return FileId(new_id(now))


def new_attempt_id(now: float | None = None) -> AttemptId:
    """A fresh id for one try at getting one version of a file into the store."""
    return AttemptId(new_id(now))


def new_run_id(now: float | None = None) -> RunId:
    """A fresh id for one run of a command that may change the store."""
    return RunId(new_id(now))


def temporary_file(attempt_id: AttemptId) -> str:
    """Resource name of the temporary file by which an attempt takes the two-step path.

    The caller of the Files API may choose it (``files/<id>``, at most 40 of lower-case letters, digits and inner
    hyphens), so that recovery can compute it from the attempt alone.
    """
    return f"files/{attempt_id}"


def content_hash(data: bytes) -> str:
    """SHA-256 of ``data`` in hex. Two versions of a file are the same if they have the same."""
    return sha256(data).hexdigest()
