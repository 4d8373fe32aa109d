"""The commands status, recover and explain, over an engine that gives reports."""

import json

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.reports.upload import RecoverReport
from tests.cli.commands.kit import EXPLAIN, STATUS, Engine, Read


def test_status_recover_and_explain(engine: Engine, read: Read) -> None:
    engine.gives("status.status", STATUS)
    engine.gives("status.explain", EXPLAIN)
    engine.gives("recover.recover", RecoverReport())
    for args, text in [
        (["status"], "indexed"),
        (["explain", "a"], "It is well."),
        (["recover"], "Nothing to recover"),
    ]:
        assert run(args) == Exit.OK
        assert text in read()[0]
        assert run([*args, "--json"]) == Exit.OK
        assert json.loads(read()[0])["schema"] == f"objlib/{args[0]}/1"
        assert run([*args, "--quiet"]) == Exit.OK
        out, err = read()
        assert err == ""
        assert (text in out) is (args[0] != "recover")
    assert not any(command.create_ledger for _, command in engine.opened)
