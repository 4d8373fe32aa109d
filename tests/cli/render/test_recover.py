"""The report of a recovery as text."""

from objlib.cli.render.recover import recover_lines
from objlib.core.reports.upload import RecoverReport
from objlib.core.stop_reason import StopReason
from tests.cli.render.kit import EVIL, PLAIN, text


class TestRecover:
    def test_nothing_to_do(self) -> None:
        nothing = "Nothing to recover: no run left anything behind."
        assert recover_lines(RecoverReport(), PLAIN) == [nothing]
        at_work = "1 file is in flight in another run, which goes on"
        assert recover_lines(RecoverReport(elsewhere=1), PLAIN) == [nothing, at_work]

    def test_each_recovered_file_has_its_action_and_reason(self) -> None:
        report = RecoverReport(
            found=3,
            adopted=1,
            requeued=1,
            left=1,
            actions=((EVIL, "adopt", EVIL), ("b", "requeue", "")) * 11,
            actions_total=22,
        )
        output = text(recover_lines(report, PLAIN))
        assert "1 adopted, 1 requeued, 1 left as they are" in output
        assert "and 2 more" in output
        assert "objlib upload" in output
        assert "1 file could not be settled now" in output
        stopped = RecoverReport(
            found=2, postponed=2, stopped=StopReason.DAILY_QUOTA, advice="come back tomorrow"
        )
        output = text(recover_lines(stopped, PLAIN))
        assert "2 documents could not be removed now" in output
        assert output.endswith("Stopped: the daily quota is used up; come back tomorrow.")
