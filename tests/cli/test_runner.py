"""How every command runs: its first line, its log and its errors."""

import json
import logging
from pathlib import Path

import pytest
import trio

from objlib.cli.app import run
from objlib.core.config.known import LedgerIdentity
from objlib.core.errors import Exit, RefusedError
from objlib.core.reports.status import StatusReport
from tests.cli.commands.kit import STATUS, Engine, Read


def test_log_records_are_shown_with_verbose_only(engine: Engine, read: Read) -> None:
    async def status(app: Engine) -> StatusReport:
        await trio.lowlevel.checkpoint()
        logging.getLogger("objlib.embedded").warning("odd\x1b[2J")
        logging.getLogger("objlib.embedded").debug("detail")
        return STATUS

    engine.patch.setattr("objlib.engine.status.status", status)
    assert run(["status"]) == Exit.OK
    assert "odd" not in read()[1]
    assert run(["status", "-v"]) == Exit.OK
    err = read()[1]
    assert "objlib.embedded: odd\\x1b[2J\n" in err
    assert "detail" not in err
    assert run(["status", "-vv"]) == Exit.OK
    assert "detail" in read()[1]


def test_gemini_is_introduced_by_store_and_address(engine: Engine, read: Read) -> None:
    engine.gives("status.status", STATUS)
    engine.patch.setenv("GEMINI_API_KEY", "AIzaSecret")
    assert run(["status", "--store", "mine", "--ledger", "other.db"]) == Exit.OK
    err = read()[1]
    assert err.startswith("objlib: Gemini store mine at https://generativelanguage.googleapis.com; ledger ")
    assert "AIzaSecret" not in err


def test_a_store_behind_another_address_is_not_called_gemini(
    engine: Engine, read: Read, tmp_path: Path
) -> None:
    engine.gives("status.status", STATUS)
    for url in ("http://127.0.0.1:8765", "https://files.example/v1"):
        assert run(["status", "--store", "mine", "--ledger", "other.db", "--base-url", url]) == Exit.OK
        assert read()[1].startswith(f"objlib: store mine at {url}; ledger ")


def test_an_embedded_store_behind_a_port_is_called_so(
    engine: Engine, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.gives("status.status", STATUS)
    identity = LedgerIdentity(service="embedded", store="fileSearchStores/x")
    monkeypatch.setattr("objlib.cli.runner.identify_service", lambda path: identity)
    assert run(["status", "--store", "mine", "--ledger", "o.db", "--base-url", "http://[::1]:1"]) == Exit.OK
    assert read()[1].startswith("objlib: embedded store mine at http://[::1]:1; ledger ")


def test_an_error_of_the_engine_is_a_line_and_its_code(engine: Engine, read: Read) -> None:
    engine.gives("status.status", ExceptionGroup("g", [RefusedError("wrong store")]))
    engine.patch.setenv("OBJLIB_JSON", "1")
    assert run(["status"]) == Exit.REFUSED
    out, err = read()
    assert json.loads(out)["error"] == "wrong store"
    assert err.endswith("objlib: wrong store\n")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_store_that_others_could_read_is_closed_to_them_with_a_remark(
    engine: Engine, read: Read, tmp_path: Path, *, quiet: bool
) -> None:
    engine.gives("status.status", STATUS)
    ledger, store = tmp_path / "poems.db", tmp_path / "poems-store.db"
    for each in (ledger, store):
        each.touch()
        each.chmod(0o664)
    more = ["--quiet"] if quiet else []
    assert run(["status", "--ledger", str(ledger), *more]) == Exit.OK
    remark = f"other users of this machine could open {ledger}, {store}; now only you can"
    assert (remark in read()[1]) is not quiet
    assert [each.stat().st_mode & 0o777 for each in (ledger, store)] == [0o600, 0o600]
    run(["status", "--ledger", str(ledger)])
    assert "other users" not in read()[1]
