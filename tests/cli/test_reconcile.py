"""sync, store-sync, verify and rebuild through the real entry point."""

import json
import shutil
from pathlib import Path

import pytest

from objlib.testing.databases import damage_database
from tests.cli.conftest import Objlib


def places(library: Path) -> tuple[str, ...]:
    folder = library.parent
    return ("--library", str(library), "--ledger", str(folder / "led.db"))


def drop_document(library: Path) -> None:
    """Take a document out of the store behind everybody's back."""
    with damage_database(library.parent / "store.db") as db:
        db.execute("DELETE FROM documents WHERE display_name = 'walden.md'")


@pytest.fixture
def at(library: Path) -> tuple[str, ...]:
    return (*places(library), "--embedded-store", str(library.parent / "store.db"), "--store", "s")


def test_from_sync_to_rebuild(objlib: Objlib, library: Path, at: tuple[str, ...], tmp_path: Path) -> None:
    done = objlib("sync", *at)
    assert (done.code, "3 of 3 files indexed" in done.out) == (0, True)
    assert objlib("verify", *at).out.startswith("✓ Disk, ledger and store agree; 3 of 3")
    (library / "leviathan.txt").unlink()
    kept = objlib("sync", "--prune", *at)
    assert (kept.code, "kept for now" in kept.out) == (0, True)
    found = objlib("sync", "--prune", "--grace", "0", "--max-delete", "0", *at)
    assert (found.code, "--max-delete 1" in found.err) == (4, True)
    gone = objlib("sync", "--prune", "--grace", "0", "--json", *at)
    assert gone.code == 0
    assert gone.json()["schema"] == "objlib/sync/1"
    assert gone.json()["prune"]["paths"] == ["leviathan.txt"]

    drop_document(library)
    plan = tmp_path / "plan.json"
    told = objlib("store-sync", "--save-plan", plan, *at)
    assert (told.code, "ghost" in told.out) == (5, True)
    assert json.loads(plan.read_text())["steps"][0]["path"] == "walden.md"
    assert objlib("verify", "--sample", "all", *at).code == 5
    assert objlib("store-sync", "--apply", "--plan", plan, *at).code == 0
    assert objlib("upload", *at).code == 0
    again = objlib("store-sync", "--json", *at)
    assert (again.code, again.json()["drift"], again.json()["well"]) == (0, {}, 2)

    for path in tmp_path.glob("led.db*"):
        path.unlink()
    made = objlib("rebuild", *at)
    assert (made.code, "2 files found in the store: 2 match the disk" in made.out) == (0, True)
    refused = objlib("rebuild", "--json", *at)
    assert (refused.code, refused.json()["exit_code"]) == (4, 4)
    other = objlib("store-sync", "--apply", "--plan", plan, *at, "--ledger", tmp_path / "new.db")
    assert other.code != 0
    shutil.rmtree(library)
    assert objlib("verify", *at).code == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("sync", "--max-delete", "3"), "add --prune"),
        (("sync", "--prune", "--max-delete", "many"), "--max-delete must be"),
        (("sync", "--prune", "--grace", "-1"), "--prune-grace must be"),
        (("store-sync", "--metadata"), "add --apply"),
        (("store-sync", "--plan", "nothing.json"), "cannot read"),
        (("verify", "--sample", "0"), "--sample must be"),
        (("verify", "--sample", "some"), "--sample must be"),
    ],
)
def test_a_mistake_is_one_line(
    objlib: Objlib, library: Path, at: tuple[str, ...], args: tuple[str, ...], said: str
) -> None:
    done = objlib(*args, *at)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1
