"""A ledger that is copied into a database and back, by the real command line."""

from pathlib import Path

from objlib.testing.postgres import ThrowAwayServer
from tests.cli.conftest import Objlib
from tests.support.postgres import empty_schema, server

__all__ = ["server"]


def test_a_library_goes_on_from_a_database(
    objlib: Objlib, library: Path, server: ThrowAwayServer, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    assert objlib("upload", library, "--ledger", old).code == 0
    with empty_schema(server) as url:
        address = f"{url.conninfo}&schema={url.schema}&password=geheim"
        planned = objlib("ledger", "copy", old, address, "-n")
        assert planned.code == 0, planned.err
        copied = objlib("ledger", "copy", old, address)
        assert copied.code == 0, copied.err
        assert "each is as it was" in copied.out
        again = objlib("upload", library, "--ledger", address, "--json")
        assert (again.code, again.json()["uploaded"], again.json()["indexed"]) == (0, 0, 3)
        checked = objlib("ledger", "check", "--library", library, "--ledger", address)
        assert checked.code == 0, checked.out
        refused = objlib("ledger", "copy", old, address)
        assert refused.code == 4
        for done in (planned, copied, again, checked, refused):
            assert "geheim" not in done.out + done.err
    assert objlib("ledger", "copy", old).code == 2
