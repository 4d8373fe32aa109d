"""The command verify, over an engine that gives reports."""

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.reports.store import VerifyReport
from tests.cli.commands.kit import Engine, Read


def test_a_quiet_audit_that_ends_with_3_names_the_reason(engine: Engine, read: Read) -> None:
    engine.gives("reconcile.verify.verify", VerifyReport("s", checked=3, of=3, unanswered=2))
    assert run(["verify", "--library", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 files the service gave no answer for\n")
