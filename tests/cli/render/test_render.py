"""Reports as text."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.cli.console.terminal import Terminal, columns
from objlib.cli.render.answer import ask_lines, search_lines, with_markers
from objlib.cli.render.doctor import doctor_lines
from objlib.cli.render.excerpt import excerpt
from objlib.cli.render.explain import explain_lines
from objlib.cli.render.failures import failure_lines
from objlib.cli.render.recover import recover_lines
from objlib.cli.render.scan import scan_lines
from objlib.cli.render.status import status_lines
from objlib.cli.render.upload import upload_lines
from objlib.core.reports.answers import AnswerReport, Citation, Support
from objlib.core.reports.status import Check, ExplainReport, Health, HistoryLine, StatusReport
from objlib.core.reports.upload import FailedFile, RecoverReport, ScanReport, UploadReport, VectorReport
from objlib.core.stop_reason import StopReason

PLAIN = Terminal()
ASCII = Terminal(unicode=False)
COLOR = Terminal(color=True)
EVIL = "a\x1b[2J\nb\u202e\udce9"


def text(lines: Sequence[str]) -> str:
    assert all("\n" not in line for line in lines)
    joined = "\n".join(lines)
    assert "\x1b[2J" not in joined
    joined.encode("utf-8")
    return joined


def upload_report(**more: Any) -> UploadReport:
    base = UploadReport(
        run_id="r",
        backend="embedded",
        store="fileSearchStores/s",
        library="/lib",
        scan=ScanReport(scanned=3, new=3),
        scanned=3,
        uploaded=3,
        indexed=3,
        bytes=1_500_000,
        seconds=2.34,
    )
    return replace(base, **more)


class TestUpload:
    def test_a_good_run_is_one_line_and_a_next_step(self) -> None:
        assert upload_lines(upload_report(), PLAIN, "'on liberty'") == [
            "✓ Sent 3 files (1.5 MB) in 2.3 s; 3 of 3 files indexed.",
            "Next: objlib search 'on liberty'",
        ]

    def test_without_unicode_there_is_no_unicode(self) -> None:
        assert text(upload_lines(upload_report(), ASCII)).isascii()

    def test_nothing_to_send(self) -> None:
        said = text(upload_lines(upload_report(uploaded=0, unchanged=3, bytes=0), PLAIN))
        assert said.startswith("✓ Nothing to send")

    def test_an_empty_folder(self) -> None:
        report = upload_report(scanned=0, uploaded=0, indexed=0, scan=ScanReport())
        assert upload_lines(report, PLAIN, "x") == ["No files to keep in this folder."]

    def test_failures_are_grouped_by_reason_with_what_to_do(self) -> None:
        failures = (
            *tuple(
                FailedFile(f"{name}.txt", "failed", f"{name}.txt is larger than the limit", retryable=False)
                for name in "gfedcba"
            ),
            FailedFile(EVIL, "failed", "timed out", retryable=True),
        )
        said = text(upload_lines(upload_report(failed=8, failures=failures), PLAIN, "x"))
        assert said.count("it is larger than the limit") == 1
        assert "a.txt\n    b.txt" in said
        assert "and 2 more files" in said
        assert "objlib upload --retry-failed" in said
        assert said.startswith("! ")

    @pytest.mark.parametrize("stop", list(filter(None, StopReason)))
    def test_a_stopped_run_says_why_and_what_waits(self, stop: StopReason) -> None:
        said = text(upload_lines(upload_report(stopped=stop, advice="come back", pending=2), PLAIN, "x"))
        assert "come back" in said
        assert "2 files are still waiting" in said
        assert "Next:" not in said

    def test_what_another_run_has_in_hand_does_not_wait_for_this_one(self) -> None:
        said = text(upload_lines(upload_report(pending=3, elsewhere=2), PLAIN))
        assert "1 file is still waiting: objlib upload\n2 files are in flight in another run" in said
        assert "waiting" not in text(upload_lines(upload_report(pending=2, elsewhere=2), PLAIN))

    def test_old_documents_that_are_still_there_are_named(self) -> None:
        said = text(upload_lines(upload_report(postponed=2), PLAIN))
        assert "2 old documents could not be removed now: objlib recover goes on with that" in said

    def test_a_dry_run_says_that_nothing_happened(self) -> None:
        report = upload_report(
            dry_run=True,
            pending=4,
            scan=ScanReport(scanned=3, new=2, changed=1, changes=(("new", EVIL),) * 21),
        )
        said = text(upload_lines(report, PLAIN))
        assert said.startswith(
            "Would send 3 files, and 4 that already wait; 3 files on disk: 2 new, 1 changed."
        )
        assert "and 1 more" in said
        assert said.endswith("nothing was sent or recorded (--dry-run)")

    def test_vectors_are_mentioned_until_they_are_complete(self) -> None:
        assert "120 of 500" in text(upload_lines(upload_report(vectors=VectorReport(120, 500)), PLAIN))
        assert "meaning" not in text(upload_lines(upload_report(vectors=VectorReport(500, 500)), PLAIN))
        none = VectorReport(available=False, reason="numpy is not installed")
        assert "by words only: numpy is not installed" in text(
            upload_lines(upload_report(vectors=none), PLAIN)
        )

    def test_everything_else_that_can_be_said(self) -> None:
        report = upload_report(
            recovered=RecoverReport(found=2, adopted=1, requeued=1), missing=1, renamed=1, throttled=4
        )
        said = text(upload_lines(report, COLOR))
        assert "Recovered from an earlier run: 1 adopted, 1 requeued." in said
        assert "1 renamed, throttled 4x by the service" in said
        assert "1 file gone from disk, and still in the store" in said


class TestScan:
    def test_counts_changes_and_what_was_left_out(self) -> None:
        report = ScanReport(
            scanned=5,
            bytes=5000,
            new=1,
            missing=1,
            unchanged=4,
            skipped=((EVIL, "a dangling link"),) * 21,
            changes=(("new", EVIL),),
        )
        said = text(scan_lines(report, PLAIN))
        assert said.startswith("5 files on disk, 5.0 kB: 1 new, 1 missing, 4 unchanged\n")
        assert "21 entries left out" in said
        assert "and 1 more" in said
        assert said.endswith("objlib upload")

    def test_an_empty_folder(self) -> None:
        assert scan_lines(ScanReport(), PLAIN) == ["0 files on disk, 0 B: nothing to keep"]


class TestRecover:
    def test_nothing_to_do(self) -> None:
        nothing = "Nothing to recover: no run left anything behind."
        assert recover_lines(RecoverReport(), PLAIN) == [nothing]
        at_work = "1 file is in flight in another run, which goes on"
        assert recover_lines(RecoverReport(elsewhere=1), PLAIN) == [nothing, at_work]

    def test_what_became_of_each(self) -> None:
        report = RecoverReport(
            found=3, adopted=1, requeued=1, left=1, actions=((EVIL, "adopt", EVIL), ("b", "requeue", "")) * 11
        )
        said = text(recover_lines(report, PLAIN))
        assert "1 adopted, 1 requeued, 1 left as they are" in said
        assert "and 2 more" in said
        assert "objlib upload" in said
        assert "1 file could not be settled now" in said
        stopped = RecoverReport(
            found=2, postponed=2, stopped=StopReason.DAILY_QUOTA, advice="come back tomorrow"
        )
        said = text(recover_lines(stopped, PLAIN))
        assert "2 documents could not be removed now" in said
        assert said.endswith("Stopped: the daily quota is used up; come back tomorrow.")


class TestStatus:
    def report(self, **more: Any) -> StatusReport:
        base = StatusReport(
            library="/lib",
            ledger="/led.db",
            backend="embedded",
            store="fileSearchStores/s",
            states={"indexed": 1200, "failed": 1},
            missing=0,
            changed=0,
            waiting=0,
            next_retry=None,
            superseded=0,
            intents=0,
            runs_alive=0,
            governor={},
        )
        return replace(base, **more)

    def test_counts_stand_under_each_other(self) -> None:
        said = text(status_lines(self.report(), PLAIN, 0.0))
        assert "  1,200  indexed     searchable\n" in said
        assert "      0  uploading " in said
        assert "      1  failed " in said
        assert "  1,201  files" in said

    def test_an_empty_ledger(self) -> None:
        assert text(status_lines(self.report(states={}, store=""), PLAIN, 0.0)).endswith(
            "No files yet: objlib upload"
        )

    def test_everything_that_waits_is_named_with_what_to_do(self) -> None:
        report = self.report(
            missing=1,
            changed=2,
            waiting=3,
            next_retry=90.0,
            superseded=1,
            intents=1,
            runs_alive=2,
            governor={"max_uploads": 16, "requests_per_second": 3.91234, "unknown": None},
            failures=(FailedFile("a", "failed", "", retryable=False),),
            failures_total=4,
        )
        said = text(status_lines(report, COLOR, 0.0))
        assert "3 files for another try, the next one in 1 min 30 s" in said
        assert "max uploads 16, requests per second 3.9\n" in said
        assert "None" not in said
        assert "no reason was recorded" in said
        assert "and 3 more files" in said
        assert "2 runs" in said
        assert "the next one now" in text(status_lines(report, PLAIN, 100.0))


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
        said = text(doctor_lines(self.CHECKS, ASCII))
        assert said.isascii()
        assert said.startswith("ok library")
        assert "\nX  ledger" in said

    def test_verdicts(self) -> None:
        assert doctor_lines(self.CHECKS[:1], PLAIN)[-1] == "all is well"
        assert doctor_lines(self.CHECKS[:2], PLAIN)[-1] == "ready, with 1 warning"


class TestExplain:
    def report(self, **more: Any) -> ExplainReport:
        base = ExplainReport(
            path=EVIL,
            file_id="id",
            state="failed",
            version=3,
            size=1234,
            content_hash="aa",
            indexed_hash="bb",
            document="fileSearchStores/s/documents/d",
            superseded="fileSearchStores/s/documents/old",
            missing_since=0.0,
            attempts=2,
            retry_at=60.0,
            last_error=EVIL,
            metadata={"course": "Ethics", "tags": ["a", "b"], "year": 2020.0},
            events=(
                HistoryLine(0.0, "start_upload", "untracked", "uploading", "success", None, "run-1", "att"),
                HistoryLine(1.0, "fail_upload", "uploading", "failed", "success", "no room", "run-1", "att"),
                HistoryLine(2.0, "retry", "failed", "untracked", "rejected", None, "run-2", None),
            ),
            explanation="It was given up.",
        )
        return replace(base, **more)

    def test_a_timeline_with_runs_and_reasons(self) -> None:
        said = text(explain_lines(self.report(), PLAIN, UTC))
        assert "1970-01-01 00:00:00 UTC  start_upload: untracked → uploading" in said
        assert "      no room" in said
        assert "failed → untracked (rejected, nothing changed)" in said
        assert said.count("run run-1") == 1
        assert "tags        a, b" in said
        assert "an older version" in said

    def test_a_file_without_history(self) -> None:
        lines = explain_lines(self.report(events=(), indexed_hash=None, missing_since=None), ASCII, UTC)
        assert lines[-1] == "No events yet."


PASSAGE = (
    "Opening words. " * 20
    + "The liberty of thought and discussion is what matters here. "
    + "Closing words. " * 20
)


def answer(**more: Any) -> AnswerReport:
    base = AnswerReport(
        question="liberty of thought",
        backend="embedded",
        store="s",
        model="m",
        text="",
        citations=(
            Citation("mill/on liberty.txt", PASSAGE, line_start=3, line_stop=9, heading="Chapter\nII"),
            Citation("a.pdf", "short", page=4, known=False),
            Citation(EVIL, EVIL, line_start=2, line_stop=2),
        ),
    )
    return replace(base, **more)


class TestSearch:
    def test_a_passage_has_its_place_and_its_best_part(self) -> None:
        said = text(search_lines(answer(notice="by words only: no model"), PLAIN))
        assert said.startswith("1. mill/on liberty.txt:3-9 · Chapter II\n")
        assert "…" in said
        assert "liberty of thought" in said
        assert "2. a.pdf · page 4 · not in this library's ledger" in said
        assert ":2\n" in said
        assert said.endswith("3 passages\nby words only: no model")

    def test_words_of_the_query_stand_out(self) -> None:
        assert "\x1b[1mliberty\x1b[0m" in "\n".join(search_lines(answer(), COLOR))

    def test_nothing_found(self) -> None:
        assert search_lines(answer(citations=()), PLAIN) == ['Nothing found for "liberty of thought".']

    def test_ascii(self) -> None:
        assert text(search_lines(answer(citations=answer().citations[:2]), ASCII)).isascii()


class TestAsk:
    def test_markers_stand_behind_what_a_source_carries(self) -> None:
        report = answer(
            text="First claim. Second claim.\n- a point\n",
            supports=(Support(0, 12, (0,)), Support(13, 27, (1, 0)), Support(20, 26, (2,))),
        )
        lines = ask_lines(report, PLAIN)
        assert lines[0] == "First claim. [1] Second claim. [1][2][3]"
        assert lines[1] == "- a point"
        assert "Sources" in lines
        assert any(line.startswith("[1] mill/on liberty.txt:3-9") for line in lines)

    def test_line_breaks_of_the_source_are_no_line_breaks_of_the_answer(self) -> None:
        said = "One\nsentence.\n\n# Title\nNext.\n- first\nitem\n- second\n\n| a | b |\n| c | d |"
        assert ask_lines(answer(text=said, citations=()), PLAIN) == [
            "One sentence.",
            "",
            "# Title",
            "Next.",
            "- first item",
            "- second",
            "",
            "| a | b |",
            "| c | d |",
        ]

    def test_only_sources_that_carry_something_are_listed(self) -> None:
        said = text(ask_lines(answer(text="Claim.", supports=(Support(0, 6, (1,)),)), PLAIN))
        assert "[2] a.pdf" in said
        assert "mill" not in said

    def test_without_supports_every_source_is_listed(self) -> None:
        assert "[1] mill" in text(ask_lines(answer(text="Claim."), PLAIN))

    def test_no_answer(self) -> None:
        assert ask_lines(answer(text=" ", citations=()), PLAIN)[0] == "No answer was found in this library."

    def test_an_index_without_a_citation_is_left_out(self) -> None:
        text(ask_lines(answer(text="Claim.", supports=(Support(0, 6, (7,)),)), PLAIN))


@given(
    st.text(max_size=60),
    st.lists(
        st.tuples(st.integers(-5, 80), st.integers(-5, 80), st.sets(st.integers(0, 5), max_size=3)),
        max_size=5,
    ),
)
def test_markers_add_to_the_answer_and_take_nothing_away(
    words: str, spans: list[tuple[int, int, set[int]]]
) -> None:
    supports = [Support(start, stop, tuple(found)) for start, stop, found in spans]
    marked = with_markers(words, supports)
    stripped = re.sub(r" ?(\[[1-6]\])+", "", marked)
    assert stripped.split() == re.sub(r" ?(\[[1-6]\])+", "", words).split()


@given(st.text(max_size=400), st.text(max_size=20), st.integers(10, 120))
def test_an_excerpt_is_a_part_of_the_passage_of_the_size_asked_for(
    passage: str, query: str, room: int
) -> None:
    part = excerpt(passage, query, room, "…")
    assert len(part) <= room + 2
    assert part.removeprefix("…").removesuffix("…") in " ".join(passage.split()) or "…" in passage


def test_an_excerpt_is_around_the_words_of_the_query() -> None:
    assert "liberty of thought" in excerpt(PASSAGE, "what is the liberty of thought", 80, "…")


def test_failures_without_reasons_still_make_lines() -> None:
    assert failure_lines([FailedFile("a", "failed", "", retryable=False)], PLAIN) == [
        "  no reason was recorded",
        "    a",
    ]
