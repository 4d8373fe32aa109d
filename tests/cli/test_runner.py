"""How every command runs: its first line, its log and its errors."""

import json
import logging

import trio

from objlib.cli.app import run
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
    assert run(["status", "--store", "mine"]) == Exit.OK
    err = read()[1]
    assert err.startswith("objlib: Gemini store mine at https://generativelanguage.googleapis.com; ledger ")
    assert "AIzaSecret" not in err


def test_an_error_of_the_engine_is_a_line_and_its_code(engine: Engine, read: Read) -> None:
    engine.gives("status.status", ExceptionGroup("g", [RefusedError("wrong store")]))
    engine.patch.setenv("OBJLIB_JSON", "1")
    assert run(["status"]) == Exit.REFUSED
    out, err = read()
    assert json.loads(out)["error"] == "wrong store"
    assert err.endswith("objlib: wrong store\n")
