"""The command doctor, over an engine that gives reports."""

import json

import pytest

from objlib.cli.app import run
from objlib.core.reports.status import Check, Health
from tests.cli.commands.kit import Engine, Read


@pytest.mark.parametrize(("health", "code"), [(Health.OK, 0), (Health.WARNING, 0), (Health.PROBLEM, 1)])
def test_doctor(engine: Engine, health: Health, code: int, read: Read) -> None:
    engine.gives("doctor.doctor", [Check("library", health, "found")])
    engine.patch.setenv("OBJLIB_LIBARY", "x")
    assert run(["doctor"]) == code
    out = read()[0]
    assert "library" in out
    assert "did you mean OBJLIB_LIBRARY?" in out
    assert run(["doctor", "--json"]) == code
    report = json.loads(read()[0])
    assert report["healthy"] is (code == 0)
    assert len(report["checks"]) == 2
    assert run(["doctor", "--quiet"]) == code
    assert bool(read()[0]) is (code == 1)
