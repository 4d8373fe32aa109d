"""The mark of a library: what is written is read again, and damage is no mark."""

import os
from pathlib import Path

import pytest

from objlib.core.config.known import KnownLedger, KnownLibrary
from objlib.library_mark import MARK_NAME, holds_mark_alone, read_mark, write_mark


def library_in(folder: Path) -> KnownLibrary:
    name = os.fsdecode(b"caf\xe9\n%41")
    ledgers = (
        KnownLedger(folder / "ledger.db", "id", "embedded", folder / "store.db", "objlib-x"),
        KnownLedger(Path("/elsewhere") / name, "", "https://example.org", None, ""),
    )
    return KnownLibrary("0123", Path("/home") / name, folder, Path("/home/objlib.toml"), ledgers)


def test_a_mark_is_read_as_it_was_written_for_its_owner_alone(tmp_path: Path) -> None:
    library = library_in(tmp_path / "libraries" / "x")
    write_mark(library)
    write_mark(library)
    assert read_mark(library.folder) == library
    assert holds_mark_alone(library.folder)
    modes = [path.stat().st_mode & 0o777 for path in (library.folder / MARK_NAME, library.folder)]
    assert modes == [0o600, 0o700]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"library_id": 1}', "[" * 100_000, "\udcff", '{"ledgers": [null]}']
)
def test_a_mark_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK_NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_mark(tmp_path) is None


def test_a_mark_that_is_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MARK_NAME)
    assert read_mark(tmp_path) is None
