"""Tokens of the files that a plan sends: counted in their own text as far as that is quick, else by their size.

Everything here blocks, and runs in a worker thread.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from objlib.core.costs import tokens_of
from objlib.core.library.decode import UnreadableError
from objlib.core.library.mime import base_type, is_text_type
from objlib.core.library.paths import disk_path
from objlib.embedded import extract
from objlib.engine.scan.read_file import MAX_DOCUMENT, open_regular
from objlib.ledger import FileRow

READ_BUDGET: Final = 128 * 1024 * 1024
"""Bytes that are read to count tokens, some seconds' worth; the rest of a library is taken to be like these."""
SLOW_FACTOR: Final = 16
"""Bytes of the budget for a byte of a format that has to be taken apart, such as PDF."""


def count_tokens(root: Path, rows: Sequence[FileRow]) -> tuple[dict[str, int], int]:
    """Tokens by file id, and how many of all of them were counted in a text.

    A file beyond the budget, or without a text that is read here, has as many for its size as the files of its type
    that were read; where there are none, its bytes count as characters.
    """
    counted, budget = dict[str, int](), READ_BUDGET
    tokens_by_type, bytes_by_type = Counter[str](), Counter[str]()
    for row in rows:
        kind = base_type(row.mime_type)
        budget -= row.size * (1 if is_text_type(kind) else SLOW_FACTOR)
        tokens = _tokens_in_text(root, row) if budget >= 0 else None
        if tokens is not None:
            counted[row.file_id] = tokens
            tokens_by_type[kind] += tokens
            bytes_by_type[kind] += row.size
    read = sum(counted.values())
    for row in rows:
        if row.file_id not in counted:
            kind = base_type(row.mime_type)
            share = tokens_by_type[kind] / bytes_by_type[kind] if bytes_by_type[kind] else None
            counted[row.file_id] = tokens_of(row.size) if share is None else round(row.size * share)
    return counted, read


def _tokens_in_text(root: Path, row: FileRow) -> int | None:
    try:
        with open_regular(disk_path(root, row)) as source:
            data = source.read(MAX_DOCUMENT)
        return tokens_of(len(extract(data, mime_type=row.mime_type, name=row.file_path).text))
    except (OSError, UnreadableError):
        return None
