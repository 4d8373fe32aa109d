"""The modes of a database and of the folder it lies in."""

import stat
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from objlib.embedded import open_service
from objlib.ledger import open_ledger
from objlib.sqlite.private import make_file, make_folder, tighten

pytestmark = pytest.mark.real_time


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_one(kind: str, path: Path) -> AbstractAsyncContextManager[Any]:
    return open_ledger(path) if kind == "ledger" else open_service(path)


@pytest.mark.parametrize("kind", ["ledger", "store"])
async def test_a_new_database_with_its_sidecars_and_folders_is_its_owners_alone(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "one" / "two" / "file.db"
    async with open_one(kind, path):
        names = {each.name: mode(each) for each in path.parent.iterdir()}
    assert names == {"file.db": 0o600, "file.db-wal": 0o600, "file.db-shm": 0o600}
    assert [mode(folder) for folder in (path.parent, path.parents[1])] == [0o700, 0o700]


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("something")
    make_file(path)
    make_folder(tmp_path)
    assert path.read_text() == "something"


def test_what_was_open_to_others_is_taken_from_them_and_named(tmp_path: Path) -> None:
    data = tmp_path / "share" / "objlib"
    folder = data / "libraries" / "poems-1234"
    folder.mkdir(parents=True)
    files = [folder / "store.db", folder / "store.db-wal"]
    for each in files:
        each.touch(0o644)
    tmp_path.chmod(0o755)
    assert tighten(folder / "store.db", data) == [*files, folder, folder.parent, data]
    assert {mode(each) for each in files} == {0o600}
    assert {mode(each) for each in (folder, folder.parent, data)} == {0o700}
    assert (mode(tmp_path), tighten(folder / "store.db", data)) == (0o755, [])


def test_a_folder_outside_of_the_data_folder_and_what_is_no_file_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.db").mkdir(0o755)
    (tmp_path / "mine.db").chmod(0o755)
    tmp_path.chmod(0o755)
    (tmp_path / "link.db").symlink_to(tmp_path / "mine.db" / "real.db")
    (tmp_path / "mine.db" / "real.db").touch(0o640)
    assert tighten(tmp_path / "link.db", tmp_path / "elsewhere") == [tmp_path / "mine.db" / "real.db"]
    assert (mode(tmp_path), mode(tmp_path / "mine.db")) == (0o755, 0o755)
