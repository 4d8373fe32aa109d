"""The checks of doctor as text."""

from objlib.cli.console.terminal import columns
from objlib.cli.render.doctor import doctor_lines
from objlib.core.reports.status import Check, Health
from tests.cli.render.kit import ASCII, EVIL, PLAIN, text


class TestDoctor:
    CHECKS = (
        Check("library", Health.OK, "/lib"),
        Check("search by meaning", Health.WARNING, EVIL, "install numpy " * 20),
        Check("ledger", Health.PROBLEM, "cannot be read", "check it"),
    )

    def test_signs_and_advice(self) -> None:
        lines = doctor_lines(self.CHECKS, PLAIN)
        assert lines[0] == "✓ library            /lib"
        assert lines[1].startswith("! search by meaning  a")
        assert lines[-1] == "1 problem to solve, 1 warning"
        assert text(lines).count("install numpy") > 1
        assert all(columns(line) <= PLAIN.width for line in lines)

    def test_ascii(self) -> None:
        output = text(doctor_lines(self.CHECKS, ASCII))
        assert output.isascii()
        assert output.startswith("ok library")
        assert "\nX  ledger" in output

    def test_verdicts(self) -> None:
        assert doctor_lines(self.CHECKS[:1], PLAIN)[-1] == "all is well"
        assert doctor_lines(self.CHECKS[:2], PLAIN)[-1] == "ready, with 1 warning"
