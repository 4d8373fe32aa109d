"""A ledger that is gone while its store is still there: every command stops, and each way out works."""

import shlex
from pathlib import Path

import pytest

from objlib.testing.databases import read_database
from tests.cli.conftest import Done, Objlib
from tests.cli.test_known_libraries import data_of, documents


def lose(tmp_path: Path) -> Path:
    """Remove the ledger of the one library, but not its store."""
    (ledger,) = data_of(tmp_path).glob("libraries/*/ledger.db")
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    return ledger


def documents_in(tmp_path: Path) -> list[str]:
    """The names of all documents in all stores of the one library."""
    (store,) = data_of(tmp_path).glob("libraries/*/store.db")
    with read_database(store) as db:
        return sorted(name for (name,) in db.execute("SELECT display_name FROM documents"))


def command_of(done: Done, start: str) -> list[str]:
    """The words of the command in a message that begins with ``objlib start``."""
    for part in done.err.replace("\n", " ").split("`"):
        if f"objlib {start}" in part:
            return shlex.split(part.partition("objlib ")[2])
    raise AssertionError(done.err)


@pytest.fixture
def library(tmp_path: Path, objlib: Objlib) -> Path:
    """A library that was uploaded, and whose ledger is lost."""
    root = documents(tmp_path / "papers")
    assert objlib("upload", root).code == 0
    lose(tmp_path)
    return root


@pytest.mark.parametrize("scanned", [False, True])
def test_a_lost_ledger_stops_every_command_and_is_made_again(
    objlib: Objlib, library: Path, tmp_path: Path, scanned: bool
) -> None:
    if scanned:
        (library / "new.txt").write_text("A new one.\n", encoding="utf-8")
        assert objlib("scan", library).code == 0
    for words in ("search walnut", "ask walnut?", "verify", "recover"):
        lost = objlib(*words.split(), "--library", library)
        assert (lost.code, "objlib rebuild" in lost.err) == (4, True), lost.err
        assert "objlib upload" not in lost.err
    doctor = objlib("doctor", "--library", library)
    assert (doctor.code, "objlib rebuild" in doctor.out.replace("\n", " ")) == (1, True)
    lost = doctor
    for words in ("upload", "sync", "sync --prune --grace 0 --max-delete 100%"):
        lost = objlib(*words.split(), library)
        assert lost.code == 4, lost.err
        assert "holds documents of a ledger that is not here" in lost.err
    assert documents_in(tmp_path) == ["0.txt", "1.txt", "2.txt"], "nothing was sent, nothing deleted"
    rebuilt = objlib(*command_of(lost, "rebuild"))
    assert rebuilt.code == 0, rebuilt.err
    done = objlib("upload", library, "--json").json()
    assert (done["uploaded"], done["indexed"]) == (int(scanned), 3 + scanned)
    assert objlib("store-sync", "--library", library).code == 0
    assert len(objlib("search", "walnut", "--json").json()["citations"]) == 3 + scanned


def test_starting_anew_takes_a_store_of_its_own(objlib: Objlib, library: Path, tmp_path: Path) -> None:
    lost = objlib("upload", library)
    anew = objlib(*command_of(lost, "upload --new"), library, "--json")
    assert (anew.code, anew.json()["uploaded"]) == (0, 3), anew.err
    found = objlib("search", "walnut", "--json").json()["citations"]
    assert sorted(each["path"] for each in found) == ["0.txt", "1.txt", "2.txt"]
    again = objlib("upload", library, "--json").json()
    assert (again["uploaded"], again["indexed"]) == (0, 3)


def second_copy(objlib: Objlib, library: Path, tmp_path: Path) -> str:
    """Send everything a second time into the same store, as older versions advised; the id of the lost ledger."""
    (store,) = data_of(tmp_path).glob("libraries/*/store.db")
    with read_database(store) as db:
        ((name, lost),) = db.execute(
            "SELECT DISTINCT s.name, json_extract(d.metadata, '$.objlib_ledger')"
            " FROM documents d JOIN stores s USING (store_id)"
        )
    assert objlib("upload", library, "--new", "--store", name).code == 0
    assert documents_in(tmp_path) == ["0.txt", "0.txt", "1.txt", "1.txt", "2.txt", "2.txt"]
    return str(lost)


def test_the_documents_of_a_lost_ledger_can_be_removed(objlib: Objlib, library: Path, tmp_path: Path) -> None:
    lost = second_copy(objlib, library, tmp_path)
    plain = objlib("store-sync", "--json").json()
    assert (plain["foreign"], plain["foreign_ledgers"], plain["drift"]) == (3, {lost: 3}, {})
    assert objlib("store-sync", "--apply").code == 0, "another ledger's documents are not touched"
    looked = objlib("store-sync", "--of", lost, "--json")
    assert (looked.code, looked.json()["drift"]) == (5, {"orphan": 3})
    refused = objlib("store-sync", "--of", lost, "--apply", "--max-delete", "2")
    assert (refused.code, len(documents_in(tmp_path))) == (4, 6)
    removed = objlib("store-sync", "--of", lost, "--apply", "--json")
    assert (removed.code, removed.json()["deleted"]) == (0, 3)
    assert documents_in(tmp_path) == ["0.txt", "1.txt", "2.txt"]
    assert objlib("verify", "--sample", "all").code == 0


def test_the_documents_of_a_lost_ledger_can_be_taken_over(
    objlib: Objlib, library: Path, tmp_path: Path
) -> None:
    (store,) = data_of(tmp_path).glob("libraries/*/store.db")
    with read_database(store) as db:
        ((name, lost),) = db.execute(
            "SELECT DISTINCT s.name, json_extract(d.metadata, '$.objlib_ledger')"
            " FROM documents d JOIN stores s USING (store_id)"
        )
    (library / "2.txt").write_text("Other words than before.\n", encoding="utf-8")
    assert objlib("upload", library, "--new", "--store", name, "--limit", "1").code == 0
    taken = objlib("store-sync", "--of", lost, "--apply", "--adopt", "--json")
    assert taken.code == 0, taken.err
    assert (taken.json()["adopted"] >= 1, taken.json()["deleted"] >= 1) == (True, True)
    assert objlib("upload", library).code == 0
    assert documents_in(tmp_path) == ["0.txt", "1.txt", "2.txt"]
    assert objlib("verify", "--sample", "all").code == 0
    assert objlib("store-sync", "--json").json()["foreign"] == 0


def test_libraries_that_share_a_store_are_not_lost(objlib: Objlib, tmp_path: Path) -> None:
    first, second = documents(tmp_path / "first"), documents(tmp_path / "second")
    shared = ("--store", "shared", "--embedded-store", str(tmp_path / "shared.db"))
    assert objlib("upload", first, *shared).code == 0
    joined = objlib("upload", second, *shared, "--json")
    assert (joined.code, joined.json()["indexed"]) == (0, 3), joined.err
    checked = objlib("store-sync", "--library", second, "--json").json()
    (owner,) = checked["foreign_ledgers"]
    refused = objlib("store-sync", "--library", second, "--of", owner, "--apply")
    assert refused.code == 4
    assert "is not lost" in refused.err


def test_a_second_ledger_of_a_library_names_the_first(objlib: Objlib, tmp_path: Path) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    second = objlib("upload", library, "--ledger", tmp_path / "second.db")
    assert second.code == 4
    (first,) = data_of(tmp_path).glob("libraries/*/ledger.db")
    assert f"{first} is the ledger that knows them" in second.err.replace("\n", " ")
    assert len(documents_in(tmp_path)) == 3
    assert not (tmp_path / "second-store.db").exists()


def lose_catalog(tmp_path: Path, *, mark: bool) -> None:
    """Remove all that names the library, but not its store; with ``mark`` the mark as well."""
    (data_of(tmp_path) / "catalog.db").unlink()
    if mark:
        for file in data_of(tmp_path).glob("libraries/*/library.json"):
            file.unlink()


@pytest.mark.parametrize(("store", "mark"), [((), True), ((), False), (("--store", "mine"), False)])
def test_a_ledger_that_is_lost_with_the_catalog_is_made_again(
    objlib: Objlib, tmp_path: Path, store: tuple[str, ...], mark: bool
) -> None:
    root = documents(tmp_path / "papers")
    assert objlib("upload", root, *store).code == 0
    lose(tmp_path)
    lose_catalog(tmp_path, mark=mark)
    lost = objlib("upload", root)
    for words in ("upload", "upload --dry-run", "sync --prune"):
        lost = objlib(*words.split(), root)
        assert (lost.code, "holds documents of a ledger that is not here" in lost.err) == (4, True), lost.err
    assert "is lost" in objlib("scan", root).out
    assert objlib(*command_of(lost, "rebuild"), "--library", root).code == 0
    done = objlib("upload", root, "--json").json()
    assert (done["uploaded"], done["indexed"], documents_in(tmp_path)) == (0, 3, ["0.txt", "1.txt", "2.txt"])
    (entry,) = objlib("libraries", "--json").json()["libraries"]
    assert [each["present"] for each in entry["services"]] == [True]


def test_a_library_that_moved_and_lost_its_ledger_is_not_sent_again(objlib: Objlib, tmp_path: Path) -> None:
    root, moved = documents(tmp_path / "papers"), tmp_path / "letters"
    assert objlib("upload", root).code == 0
    lose(tmp_path)
    lose_catalog(tmp_path, mark=False)
    root.rename(moved)
    looks = objlib("upload", moved)
    assert (looks.code, "looks like the library" in looks.err) == (4, True), looks.err
    assert objlib(*command_of(looks, "move")).code == 0
    lost = objlib("upload", moved)
    assert lost.code == 4
    assert objlib(*command_of(lost, "rebuild")).code == 0
    done = objlib("upload", moved, "--json").json()
    assert (done["uploaded"], done["indexed"]) == (0, 3)


def test_a_named_ledger_is_found_again_without_the_catalog(objlib: Objlib, tmp_path: Path) -> None:
    root = documents(tmp_path / "papers")
    assert objlib("upload", root, "--ledger", tmp_path / "own.db").code == 0
    lose_catalog(tmp_path, mark=False)
    done = objlib("upload", root, "--json").json()
    assert (done["uploaded"], done["indexed"]) == (0, 3)
    assert "own.db" in objlib("libraries").out
    assert "put aside" not in objlib("libraries", "forget", root).out, "nothing of it lay in the data folder"
    assert not list(data_of(tmp_path).glob("*/*"))


def test_a_ledger_of_a_deleted_store_is_no_other_service_of_the_library(
    objlib: Objlib, tmp_path: Path
) -> None:
    root = documents(tmp_path / "papers")
    assert objlib("upload", root, "--store", "mine").code == 0
    assert objlib("stores", "delete", "mine", "--yes").code == 0
    for _ in range(2):
        done = objlib("upload", root)
        assert (done.code, "also in" in done.err) == (0, False), done.err
        lose_catalog(tmp_path, mark=True)
    (entry,) = objlib("libraries", "--json").json()["libraries"]
    assert len(entry["services"]) == 1


def test_a_ledger_that_was_forgotten_stays_forgotten_without_the_catalog(
    objlib: Objlib, tmp_path: Path
) -> None:
    root = documents(tmp_path / "papers")
    assert objlib("upload", root).code == 0
    assert objlib("libraries", "forget", root).code == 0
    lose_catalog(tmp_path, mark=False)
    assert objlib("libraries", "--json").json()["libraries"] == []
    assert objlib("upload", root, "--json").json()["uploaded"] == 3
