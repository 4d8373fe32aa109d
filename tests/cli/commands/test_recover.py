"""The command recover, over an engine that gives reports."""

from typing import Any

import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.reports.upload import RecoverReport
from objlib.core.stop_reason import StopReason
from tests.cli.commands.kit import Engine, Read


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"failed": 1}, 3),
        ({"left": 1}, 3),
        ({"postponed": 1}, 3),
        ({"requeued": 1}, 0),
        ({"stopped": StopReason.DAILY_QUOTA}, 3),
        ({"stopped": StopReason.UNAUTHORIZED}, 1),
    ],
)
def test_exit_codes_of_a_recovery(engine: Engine, more: dict[str, Any], code: int) -> None:
    engine.gives("recover.recover", RecoverReport(found=1, **more))
    assert run(["recover"]) == code


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"failed": 1, "left": 2},
            "1 file failed (`objlib status` names them); 2 files could not be settled now; "
            "run `objlib recover` again later",
        ),
        ({"postponed": 1}, "1 document could not be removed now; run `objlib recover` again later"),
        (
            {"postponed": 2, "stopped": StopReason.DAILY_QUOTA, "advice": "come back tomorrow"},
            "2 documents could not be removed now; come back tomorrow",
        ),
    ],
)
def test_a_quiet_recovery_that_ends_with_3_names_the_reason(
    engine: Engine, read: Read, more: dict[str, Any], message: str
) -> None:
    engine.gives("recover.recover", RecoverReport(found=3, **more))
    engine.patch.setenv("OBJLIB_LIBRARY", "lib")
    assert run(["recover", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", f"objlib: {message}\n")
