"""Which library a command works with, through the real entry point: from inside, from outside, and by its ledger."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from objlib.catalog import Catalog
from objlib.cli.app import run
from objlib.cli.config import load_settings
from objlib.cli.options import CommonOptions
from objlib.core.config.default_paths import Folders
from objlib.sources import LibraryNeed
from tests.cli.conftest import Done, Objlib


def documents(root: Path, count: int = 3) -> Path:
    """A folder with a few documents that no other folder has."""
    root.mkdir(parents=True)
    for number in range(count):
        (root / f"{number}.txt").write_text(f"Walnut {number} of {root.name}.\n", encoding="utf-8")
    return root


def data_of(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "objlib"


def library_of(done: Done) -> str:
    assert done.code == 0, done.err
    return str(done.json()["library"])


@pytest.fixture
def two(tmp_path: Path, objlib: Objlib) -> tuple[Path, Path]:
    """Two libraries; the second has a ledger that was named."""
    first, second = documents(tmp_path / "first"), documents(tmp_path / "second" / "deep")
    assert objlib("upload", first).code == 0
    assert objlib("upload", second, "--ledger", tmp_path / "second.db").code == 0
    return first, second


def test_a_library_is_found_from_inside_from_its_ledger_and_not_from_elsewhere(
    objlib: Objlib, two: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = two
    (second / "sub").mkdir()
    assert library_of(objlib("status", "--json", cwd=first)) == str(first)
    assert library_of(objlib("status", "--json", cwd=second / "sub")) == str(second)
    status = objlib("status", "--json", cwd=second)
    assert status.json()["ledger"] == str(tmp_path / "second.db"), "also without --ledger"
    assert library_of(objlib("status", "--json", "--ledger", tmp_path / "second.db")) == str(second)
    assert library_of(objlib("status", "--json", env={"OBJLIB_LEDGER": "../second.db"})) == str(second)
    lost = objlib("status")
    assert lost.code == 2
    assert f"2 libraries are known, and {tmp_path / 'work'} is in none of them: {first}, {second}" in lost.err


def test_a_ledger_that_is_named_outside_is_compared_with_its_own_library(
    objlib: Objlib, two: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = two
    for cwd in (tmp_path / "work", first):
        audit = objlib("verify", "--ledger", tmp_path / "second.db", "--json", cwd=cwd)
        assert (audit.code, audit.json()["drift"]) == (0, {}), audit.err
    for command in ("verify", "status", "search walnut", "sync --prune --grace 0 --max-delete 100%", "scan"):
        refused = objlib(*command.split(), "--ledger", tmp_path / "second.db", "--library", first)
        assert refused.code == 4, command
        assert f"belongs to the library {second}, not to {first}" in refused.err


def test_the_configuration_of_another_folder_does_not_decide_over_a_named_ledger(
    objlib: Objlib, two: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = two
    (tmp_path / "work" / "objlib.toml").write_text(f"library = '{first}'\n", encoding="utf-8")
    assert library_of(objlib("status", "--json")) == str(first)
    assert library_of(objlib("status", "--json", "--ledger", tmp_path / "second.db")) == str(second)


def test_the_only_library_is_found_from_anywhere_and_named(objlib: Objlib, tmp_path: Path) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    for command in ("upload", "scan", "sync", "verify", "status", "search walnut", "doctor"):
        done = objlib(*command.split(), cwd=Path("/"))
        assert done.code == 0, done.err
        assert f"library {library}" in done.err
    assert f"library {library}" not in objlib("status", cwd=library).err, "it goes without saying"


def test_the_rules_of_a_library_hold_from_whichever_folder(objlib: Objlib, tmp_path: Path) -> None:
    """The only library is found from anywhere, and its ignore rules may stand in a file that is not above it."""
    library, project = documents(tmp_path / "papers"), tmp_path / "project"
    project.mkdir()
    rules = f"library = '{library}'\nignore = ['private/']\n"
    (project / "objlib.toml").write_text(rules, encoding="utf-8")
    assert objlib("upload", cwd=project).code == 0
    (library / "private").mkdir()
    (library / "private" / "pay.txt").write_text("The salary list.\n", encoding="utf-8")
    for cwd in (Path("/"), library):
        assert objlib("upload", "--json", cwd=cwd).json()["scanned"] == 3
    assert objlib("upload", library, "--json").json()["scanned"] == 3


@pytest.mark.parametrize("way", ["from outside", "from inside"])
def test_a_root_behind_a_link_is_the_folder_itself(objlib: Objlib, tmp_path: Path, way: str) -> None:
    library = documents(tmp_path / "disk" / "papers")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert objlib("upload", tmp_path / "link" / "papers").code == 0
    again = (
        objlib("upload", "--json", library)
        if way == "from outside"
        else objlib("upload", "--json", cwd=library)
    )
    assert (again.json()["uploaded"], again.json()["library"]) == (0, str(library))


def test_a_folder_that_is_not_likely_to_be_meant_takes_an_explicit_yes(
    objlib: Objlib, tmp_path: Path, environ: dict[str, str]
) -> None:
    library = documents(tmp_path / "outer" / "papers")
    documents(library / "sub")
    assert objlib("upload", library).code == 0
    home = Path(environ["HOME"])
    for folder, reason in [
        (home, "is your home folder"),
        (Path("/"), "the folder around your home folder"),
        (tmp_path, "the folder around your home folder"),
        (library / "sub", f"is inside the library {library}"),
        (tmp_path / "outer", f"holds the library {library}"),
    ]:
        for command in ("upload", "scan", "sync", "upload --dry-run"):
            refused = objlib(*command.split(), folder)
            assert (refused.code, reason in refused.err) == (4, True), refused.err
    assert objlib("upload", "--new", library / "sub", "--json").json()["indexed"] == 3
    assert objlib("upload", library / "sub", "--json").json()["uploaded"] == 0, "now it is known"
    assert library_of(objlib("status", "--json", cwd=library / "sub")) == str(library / "sub")
    assert library_of(objlib("status", "--json", cwd=library)) == str(library)


def test_a_named_ledger_leaves_the_embedded_store_where_it_is(objlib: Objlib, tmp_path: Path) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    (ledger,) = data_of(tmp_path).glob("libraries/*/ledger.db")
    found = objlib("search", "walnut", "--ledger", ledger, "--json")
    assert len(found.json()["citations"]) == 3
    assert sorted(path.name for path in ledger.parent.iterdir()) == ["ledger.db", "library.json", "store.db"]


def test_files_under_the_former_names_are_found_and_go_on(objlib: Objlib, tmp_path: Path) -> None:
    """Before there was a catalog, a hash of the path named the folder, and the ledger said less of itself."""
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    (folder,) = data_of(tmp_path).glob("libraries/*")
    former = Folders(tmp_path, tmp_path, data_of(tmp_path)).folder_of(library)
    folder.rename(former)
    Catalog(data_of(tmp_path)).path.unlink()
    with closing(sqlite3.connect(former / "ledger.db")) as db, db:
        db.execute("DELETE FROM settings WHERE key IN ('service', 'library_id', 'embedded_store')")
    assert library_of(objlib("status", "--json", cwd=Path("/"))) == str(library)
    again = objlib("upload", library, "--json")
    assert (again.code, again.json()["uploaded"]) == (0, 0)
    assert [path.name for path in data_of(tmp_path).glob("libraries/*")] == [former.name]


@pytest.mark.parametrize("harm", ["deleted", "damaged", "empty", "of a newer version"])
def test_a_catalog_that_is_lost_is_made_again(objlib: Objlib, tmp_path: Path, harm: str) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    catalog = Catalog(data_of(tmp_path)).path
    match harm:
        case "deleted":
            catalog.unlink()
        case "damaged":
            catalog.write_bytes(b"no database at all, but quite some bytes\n" * 100)
        case "empty":
            catalog.write_bytes(b"")
        case _:
            with closing(sqlite3.connect(catalog)) as db:
                db.execute("PRAGMA user_version = 99")
    assert library_of(objlib("status", "--json", cwd=Path("/"))) == str(library)
    assert objlib("upload", library, "--json").json()["uploaded"] == 0
    assert objlib("upload", documents(tmp_path / "second")).code == 0
    assert len(list(data_of(tmp_path).glob("libraries/*/ledger.db"))) == 2
    if harm != "of a newer version":
        assert [each.root for each in Catalog(data_of(tmp_path)).libraries()] == [
            library,
            tmp_path / "second",
        ]
        assert catalog.stat().st_mode & 0o077 == 0


def test_processes_that_enter_one_library_at_once_agree(tmp_path: Path, environ: dict[str, str]) -> None:
    library = documents(tmp_path / "papers")
    others = [documents(tmp_path / f"other{number}") for number in range(2)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "objlib", "upload", root],
            env=environ,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for root in (library, library, library, *others)
    ]
    errors = [run.communicate(timeout=120)[1].decode() for run in runs]
    # 3: files are in flight in another of these runs.
    assert {run.returncode for run in runs} <= {0, 3}, errors
    known = Catalog(data_of(tmp_path)).libraries()
    assert [each.root for each in known] == sorted([library, *others])
    assert {len(each.ledgers) for each in known} == {1}
    assert len(list(data_of(tmp_path).glob("libraries/*"))) == 3


def test_a_dry_run_enters_nothing(objlib: Objlib, tmp_path: Path) -> None:
    assert objlib("upload", documents(tmp_path / "papers"), "--dry-run").code == 0
    assert not Catalog(data_of(tmp_path)).path.exists()


def test_a_checkout_that_moves_with_its_ledger_goes_on(objlib: Objlib, tmp_path: Path) -> None:
    """Library, ledger and store lie in one folder, as in a clone of this repository."""
    clone = tmp_path / "clone"
    documents(clone / "docs")
    (clone / "objlib.toml").write_text("library = 'docs'\nledger = 'data/l.db'\n", encoding="utf-8")
    assert objlib("upload", cwd=clone).code == 0
    clone.rename(tmp_path / "moved")
    again = objlib("upload", "--json", cwd=tmp_path / "moved")
    assert (again.code, again.json()["uploaded"], again.json()["indexed"]) == (0, 0, 3), again.err
    shutil.rmtree(tmp_path / "moved" / "docs")
    documents(tmp_path / "moved" / "others")
    refused = objlib(
        "upload", "--library", "others", cwd=tmp_path / "moved", env={"OBJLIB_LEDGER": "data/l.db"}
    )
    assert refused.code == 4
    assert "does not hold its files" in refused.err


def test_a_root_by_another_path_to_the_same_folder_is_the_same_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bind mount, which only an administrator can make, and LIB for lib where case does not count."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    library, mounted, other = documents(tmp_path / "lib"), tmp_path / "mnt", tmp_path / "other"
    mounted.mkdir()
    other.mkdir()
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: stat(library if path == mounted else path, **more))
    assert run(["upload", str(library), "--embed-seconds", "0"]) == 0
    roots = [load_settings(CommonOptions(library=(folder,))).library for folder in (mounted, library, other)]
    assert roots == [library, library, other]
    assert load_settings(None, path=mounted, place=LibraryNeed.NEW).library == library
