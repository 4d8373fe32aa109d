"""A ledger in a PostgreSQL database, by the real command line."""

from pathlib import Path

import pytest

from objlib.testing.postgres import ThrowAwayServer
from tests.cli.conftest import Objlib
from tests.support.postgres import empty_schema, server

__all__ = ["server"]

SECRET = "geheim-4711"


def test_a_library_is_kept_in_a_database(
    objlib: Objlib, library: Path, server: ThrowAwayServer, tmp_path: Path
) -> None:
    with empty_schema(server) as url:
        address = f"{url.conninfo}&schema={url.schema}&password={SECRET}"
        planned = objlib("upload", library, "--ledger", address, "-n")
        assert planned.code == 0
        assert "there is no ledger" in objlib("recover", "--library", library, "--ledger", address).err
        assert objlib("upload", library, "--ledger", address, "-v", "-v").code == 0
        first = objlib("status", "--library", library, "--ledger", address, "--json")
        assert first.json()["states"]["indexed"] > 0
        again = objlib("upload", "--ledger", address, "--json", env={"OBJLIB_LIBRARY": str(library)})
        assert again.json()["uploaded"] == 0
        found = objlib("verify", env={"OBJLIB_LEDGER": address})
        assert found.code == 0, found.err
        file = next(path for path in library.rglob("*") if path.is_file())
        explained = objlib("explain", file, "--ledger", address, "--json")
        assert explained.code == 0
        for done in (planned, first, again, found, explained):
            assert SECRET not in done.out + done.err
    assert not list(tmp_path.rglob("ledger*.db"))


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (f"postgresql://me:{SECRET}@127.0.0.1:1/x?connect_timeout=1", "cannot be reached"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/x?schema=A-B", "no plain name"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/x?nonsense=1", "cannot be reached"),
    ],
    ids=["no-server", "no-schema", "no-parameter"],
)
def test_what_is_wrong_with_an_address_is_one_line(
    objlib: Objlib, library: Path, address: str, line: str
) -> None:
    for given in ({"OBJLIB_LEDGER": address}, {}):
        done = objlib("upload", library, *([] if given else ["--ledger", address]), env=given)
        assert done.code in {1, 2}
        assert line in done.err.splitlines()[-1]
        assert SECRET not in done.out + done.err
        assert "Traceback" not in done.err


def test_a_library_goes_on_from_a_database(
    objlib: Objlib, library: Path, server: ThrowAwayServer, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    assert objlib("upload", library, "--ledger", old).code == 0
    with empty_schema(server) as url:
        address = f"{url.conninfo}&schema={url.schema}&password={SECRET}"
        planned = objlib("ledger", "copy", old, address, "-n")
        assert planned.code == 0, planned.err
        copied = objlib("ledger", "copy", old, address)
        assert copied.code == 0, copied.err
        assert "each is as it was" in copied.out
        again = objlib("upload", library, "--ledger", address, "--json")
        assert (again.code, again.json()["uploaded"], again.json()["indexed"]) == (0, 0, 3)
        at = ("--library", library, "--ledger", address)
        plan = objlib("ledger", "compact", "--keep", "0", "-n", *at)
        assert "Plan: remove 6 events" in plan.out, plan.err
        assert "the ledger t" not in plan.out  # a copy says nothing about the room in the server
        thinned = objlib("ledger", "compact", "--keep", "0", *at)
        assert "Removed 6 events" in thinned.out, thinned.err
        checked = objlib("ledger", "check", "--library", library, "--ledger", address)
        assert checked.code == 0, checked.out
        refused = objlib("ledger", "copy", old, address)
        assert refused.code == 4
        for done in (planned, copied, again, plan, thinned, checked, refused):
            assert SECRET not in done.out + done.err
    assert objlib("ledger", "copy", old).code == 2


def test_a_ledger_in_a_database_is_backed_up_and_restored(
    objlib: Objlib, library: Path, server: ThrowAwayServer, tmp_path: Path
) -> None:
    dump = tmp_path / "backup.jsonl"
    with empty_schema(server) as url:
        address = f"{url.conninfo}&schema={url.schema}&password={SECRET}"
        at = ("--library", library, "--ledger", address)
        assert objlib("upload", library, "--ledger", address).code == 0
        planned = objlib("ledger", "dump", dump, "-n", *at)
        assert (planned.code, dump.exists()) == (0, False), planned.err
        written = objlib("ledger", "dump", dump, *at, "--json")
        assert written.json()["rows"]["files"] == 3, written.err
        assert dump.stat().st_mode & 0o077 == 0
        printed = objlib("ledger", "dump", *at)
        assert printed.out.splitlines()[-1] == dump.read_text("utf-8").splitlines()[-1]
        again = objlib("ledger", "dump", dump, *at)
        assert again.code == 4
        for done in (planned, written, printed, again):
            assert SECRET not in done.out + done.err
        assert SECRET not in dump.read_text("utf-8")
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.jsonl"]
    assert objlib("ledger", "check", dump).code == 0
    new = tmp_path / "new.db"
    plan = objlib("ledger", "copy", dump, new, "-n")
    assert (plan.code, new.exists()) == (0, False), plan.err
    restored = objlib("ledger", "copy", dump, new)
    assert "Restored" in restored.out, restored.err
    assert objlib("upload", library, "--ledger", new, "--json").json()["uploaded"] == 0
    dump.write_bytes(dump.read_bytes()[:-9])
    assert "ends in the middle" in objlib("ledger", "check", dump).err
    assert "takes a file" in objlib("ledger", "dump", address, *at).err
