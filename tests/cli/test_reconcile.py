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
    result = objlib("sync", *at)
    assert (result.code, "3 of 3 files indexed" in result.out) == (0, True)
    assert objlib("verify", *at).out.startswith("✓ Disk, ledger and store agree; 3 of 3")
    (library / "leviathan.txt").unlink()
    postponed = objlib("sync", "--prune", *at)
    assert (postponed.code, "kept for now" in postponed.out) == (0, True)
    refused = objlib("sync", "--prune", "--grace", "0", "--max-delete", "0", *at)
    assert (refused.code, "--max-delete 1" in refused.err) == (4, True)
    pruned = objlib("sync", "--prune", "--grace", "0", "--json", *at)
    assert pruned.code == 0
    assert pruned.json()["schema"] == "objlib/sync/1"
    assert pruned.json()["prune"]["paths"] == ["leviathan.txt"]

    drop_document(library)
    plan = tmp_path / "plan.json"
    compared = objlib("store-sync", "--save-plan", plan, *at)
    assert plan.stat().st_mode & 0o777 == 0o600
    assert (compared.code, "ghost" in compared.out) == (5, True)
    assert json.loads(plan.read_text())["steps"][0]["path"] == "walden.md"
    assert objlib("verify", "--sample", "all", *at).code == 5
    assert objlib("store-sync", "--apply", "--plan", plan, *at).code == 0
    assert objlib("upload", *at).code == 0
    repaired = objlib("store-sync", "--json", *at)
    assert (repaired.code, repaired.json()["drift"], repaired.json()["well"]) == (0, {}, 2)

    for path in tmp_path.glob("led.db*"):
        path.unlink()
    rebuilt = objlib("rebuild", *at)
    assert (rebuilt.code, "2 files found in the store: 2 match the disk" in rebuilt.out) == (0, True)
    refused = objlib("rebuild", "--json", *at)
    assert (refused.code, refused.json()["exit_code"]) == (4, 4)
    other = objlib("store-sync", "--apply", "--plan", plan, *at, "--ledger", tmp_path / "new.db")
    assert other.code != 0
    shutil.rmtree(library)
    assert objlib("verify", *at).code == 4


@pytest.mark.parametrize(
    ("args", "message"),
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
    objlib: Objlib, library: Path, at: tuple[str, ...], args: tuple[str, ...], message: str
) -> None:
    result = objlib(*args, *at)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
