"""The list of libraries, a folder that moved, and one that is forgotten, through the real entry point."""

import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Objlib
from tests.cli.test_known_libraries import data_of, documents


@pytest.fixture
def moved(tmp_path: Path, objlib: Objlib) -> tuple[Path, Path]:
    """A library that was uploaded, and the folder that it moved to since."""
    old, new = documents(tmp_path / "old"), tmp_path / "disk" / "new"
    assert objlib("upload", old).code == 0
    new.parent.mkdir()
    old.rename(new)
    return old, new


def test_the_list_names_everything_that_is_kept(objlib: Objlib, tmp_path: Path) -> None:
    assert objlib("libraries", "--json").json()["libraries"] == []
    first, second = documents(tmp_path / "first"), documents(tmp_path / "second", 2)
    assert objlib("upload", first).code == 0
    assert objlib("upload", second, "--ledger", tmp_path / "l.db").code == 0
    shutil.rmtree(first)
    one, two = objlib("libraries", "--json").json()["libraries"]
    assert (one["path"], one["present"], two["path"], two["present"]) == (
        str(first),
        False,
        str(second),
        True,
    )
    (service,) = two["services"]
    assert (service["service"], service["files"], service["searchable"]) == ("embedded", 2, 2)
    assert (service["ledger"], service["embedded_store"]) == (
        str(tmp_path / "l.db"),
        str(tmp_path / "l-store.db"),
    )
    assert service["store"].startswith("objlib-second-")
    assert service["last_run"] > 0
    (tmp_path / "l.db").unlink()
    text = objlib("libraries").out
    assert f"{first}  (gone from disk)" in text
    assert "its ledger is lost" in text


@pytest.mark.parametrize("command", ["upload", "upload --dry-run", "sync"])
def test_a_folder_that_moved_is_noticed_before_anything_is_sent(
    objlib: Objlib, moved: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    old, new = moved
    (new / "one more.txt").write_text("Another one.\n", encoding="utf-8")
    refused = objlib(*command.split(), new)
    assert refused.code == 4
    assert f"{new} looks like the library {old}, moved" in refused.err
    advice = shlex.split(refused.err.partition("`")[2].partition("`")[0].partition("objlib ")[2])
    assert advice[:3] == ["move", str(old), str(new)]
    done = objlib(*advice, "--json")
    assert (done.code, done.json()["found"], done.json()["looked"]) == (0, 3, 3), done.err
    again = objlib("upload", new, "--json").json()
    assert (again["uploaded"], again["indexed"]) == (1, 4)
    assert [each["path"] for each in objlib("libraries", "--json").json()["libraries"]] == [str(new)]
    assert len(list(data_of(tmp_path).glob("libraries/*"))) == 1
    assert objlib("verify", "--sample", "all", cwd=Path("/")).code == 0


def test_a_new_library_with_the_files_of_one_that_is_gone_takes_an_explicit_yes(
    objlib: Objlib, moved: tuple[Path, Path]
) -> None:
    _, new = moved
    assert objlib("upload", new).code == 4
    assert objlib("upload", new, "--new", "--json").json()["indexed"] == 3
    assert objlib("upload", new, "--json").json()["uploaded"] == 0


def test_a_copy_of_a_library_is_a_library_of_its_own(objlib: Objlib, tmp_path: Path) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    shutil.copytree(library, tmp_path / "copy")
    assert objlib("upload", tmp_path / "copy", "--json").json()["indexed"] == 3


def test_a_move_with_the_ledger_inside_the_folder(objlib: Objlib, tmp_path: Path) -> None:
    old, new = documents(tmp_path / "old"), tmp_path / "new"
    (old / "objlib.toml").write_text("library = '.'\nledger = '.state/l.db'\nignore = ['2.txt']\n")
    assert objlib("upload", cwd=old).code == 0
    old.rename(new)
    assert objlib("move", old, new).code == 0
    for cwd in (new, Path("/")):
        done = objlib("upload", "--json", cwd=cwd).json()
        assert (done["uploaded"], done["indexed"], done["library"]) == (0, 2, str(new))


def test_a_move_that_cannot_be_meant_is_refused(
    objlib: Objlib, moved: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = moved
    other = documents(tmp_path / "other")
    for words, code, reason in [
        ((old, tmp_path / "nowhere"), 2, "there is no folder"),
        ((tmp_path / "unknown", new), 2, "no library is known at"),
        ((old, other), 4, "does not look like"),
    ]:
        refused = objlib("move", *words)
        assert (refused.code, reason in refused.err) == (code, True), refused.err
    assert objlib("upload", other).code == 0
    assert "is a library of its own" in objlib("move", old, other).err
    assert "still has its files" in objlib("move", other, new).err
    gone = objlib("status", "--library", old)
    assert gone.code == 0, "what the ledger knows can still be read"
    refused = objlib("upload", old)
    assert (refused.code, f"objlib move {old} NEW_FOLDER" in refused.err) == (4, True)


def test_a_library_that_is_forgotten_starts_anew(objlib: Objlib, tmp_path: Path) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    forgotten = objlib("libraries", "forget", library, "--json").json()
    aside = Path(forgotten["put_aside"])
    assert sorted(path.name for path in aside.iterdir()) == ["ledger.db", "library.json", "store.db"]
    assert aside.parent.stat().st_mode & 0o077 == 0
    assert objlib("libraries", "--json").json()["libraries"] == []
    assert objlib("libraries", "forget", library).code == 2
    assert objlib("upload", library, "--json").json()["uploaded"] == 3
    (entry,) = objlib("libraries", "--json").json()["libraries"]
    by_id = objlib("libraries", "forget", entry["library_id"], "--json")
    assert by_id.json()["path"] == str(library)
