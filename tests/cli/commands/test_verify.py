"""sync, store-sync, verify and rebuild through the real entry point, and what they print."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from objlib.cli.commands.store_sync import store_sync_exit
from objlib.cli.commands.sync import sync_exit
from objlib.cli.console.terminal import Terminal
from objlib.cli.render.store_sync import store_sync_lines
from objlib.cli.render.sync import sync_lines
from objlib.cli.render.verify import rebuild_lines, verify_lines
from objlib.core.errors import Exit
from objlib.core.lifecycle.drift import Drift, DriftKind
from objlib.core.reports.store import RebuildReport, StoreSyncReport, VerifyReport
from objlib.core.reports.upload import PruneReport, ScanReport, SyncReport, UploadReport
from objlib.core.stop_reason import StopReason
from objlib.testing.databases import damage_database
from tests.cli.conftest import Objlib

PLAIN = Terminal()
UPLOADED = UploadReport("r", "embedded", "s", "/lib", ScanReport(scanned=1), scanned=1, indexed=1)
LINE = Drift(DriftKind.ORPHAN, "a/b.txt", "fileSearchStores/s/documents/d", "f")


def places(library: Path) -> tuple[str, ...]:
    folder = library.parent
    return ("--library", str(library), "--ledger", str(folder / "led.db"))


def drop_document(library: Path) -> None:
    """Take a document out of the store behind everybody's back."""
    with damage_database(library.parent / "store.db") as db:
        db.execute("DELETE FROM documents WHERE display_name = 'walden.md'")


@pytest.fixture
def at(library: Path) -> tuple[str, ...]:
    return (*places(library), "--embedded-store", str(library.parent / "store.db"), "--store", "s")


def test_from_sync_to_rebuild(objlib: Objlib, library: Path, at: tuple[str, ...], tmp_path: Path) -> None:
    done = objlib("sync", *at)
    assert (done.code, "3 of 3 files indexed" in done.out) == (0, True)
    assert objlib("verify", *at).out.startswith("✓ Disk, ledger and store agree; 3 of 3")
    (library / "leviathan.txt").unlink()
    kept = objlib("sync", "--prune", *at)
    assert (kept.code, "kept for now" in kept.out) == (0, True)
    found = objlib("sync", "--prune", "--grace", "0", "--max-delete", "0", *at)
    assert (found.code, "--max-delete 1" in found.err) == (4, True)
    gone = objlib("sync", "--prune", "--grace", "0", "--json", *at)
    assert gone.code == 0
    assert gone.json()["schema"] == "objlib/sync/1"
    assert gone.json()["prune"]["paths"] == ["leviathan.txt"]

    drop_document(library)
    plan = tmp_path / "plan.json"
    told = objlib("store-sync", "--save-plan", plan, *at)
    assert (told.code, "ghost" in told.out) == (5, True)
    assert json.loads(plan.read_text())["steps"][0]["path"] == "walden.md"
    assert objlib("verify", "--sample", "all", *at).code == 5
    assert objlib("store-sync", "--apply", "--plan", plan, *at).code == 0
    assert objlib("upload", *at).code == 0
    again = objlib("store-sync", "--json", *at)
    assert (again.code, again.json()["drift"], again.json()["well"]) == (0, {}, 2)

    for path in tmp_path.glob("led.db*"):
        path.unlink()
    made = objlib("rebuild", *at)
    assert (made.code, "2 files found in the store: 2 match the disk" in made.out) == (0, True)
    refused = objlib("rebuild", "--json", *at)
    assert (refused.code, refused.json()["exit_code"]) == (4, 4)
    other = objlib("store-sync", "--apply", "--plan", plan, *at, "--ledger", tmp_path / "new.db")
    assert other.code != 0
    shutil.rmtree(library)
    assert objlib("verify", *at).code == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("sync", "--max-delete", "3"), "add --prune"),
        (("sync", "--prune", "--max-delete", "many"), "--max-delete must be"),
        (("sync", "--prune", "--grace", "-1"), "--prune-grace must be"),
        (("store-sync", "--metadata"), "add --apply"),
        (("store-sync", "--plan", "nothing.json"), "cannot read"),
        (("verify", "--sample", "0"), "--sample must be"),
        (("verify", "--sample", "some"), "--sample must be"),
    ],
)
def test_a_mistake_is_one_line(
    objlib: Objlib, library: Path, at: tuple[str, ...], args: tuple[str, ...], said: str
) -> None:
    done = objlib(*args, *at)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (SyncReport(UPLOADED, None), Exit.OK),
        (SyncReport(UPLOADED, PruneReport(files=1, deleted=1)), Exit.OK),
        (SyncReport(UPLOADED, PruneReport(files=1, postponed=1)), Exit.SOME_FAILED),
        (
            SyncReport(
                replace(UPLOADED, stopped=StopReason.INTERRUPTED), PruneReport(skipped=StopReason.INTERRUPTED)
            ),
            Exit.INTERRUPTED,
        ),
        (
            SyncReport(
                replace(UPLOADED, stopped=StopReason.DAILY_QUOTA), PruneReport(skipped=StopReason.DAILY_QUOTA)
            ),
            Exit.SOME_FAILED,
        ),
        (SyncReport(replace(UPLOADED, failed=1), PruneReport(postponed=1)), Exit.SOME_FAILED),
        (SyncReport(replace(UPLOADED, stopped=StopReason.INTERRUPTED), PruneReport()), Exit.INTERRUPTED),
    ],
)
def test_exit_codes_of_sync(report: SyncReport, code: Exit) -> None:
    assert sync_exit(report) is code


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (StoreSyncReport("s", "l"), Exit.OK),
        (StoreSyncReport("s", "l", left=1), Exit.DRIFT),
        (StoreSyncReport("s", "l", applied=True, deleted=1), Exit.OK),
        (StoreSyncReport("s", "l", applied=True, left=1, unanswered=1), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", applied=True, postponed=1), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", interrupted=True, left=1), Exit.INTERRUPTED),
        (StoreSyncReport("s", "l", applied=True, stopped=StopReason.DAILY_QUOTA), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", applied=True, stopped=StopReason.UNAUTHORIZED), Exit.FATAL),
    ],
)
def test_exit_codes_of_store_sync(report: StoreSyncReport, code: Exit) -> None:
    assert store_sync_exit(report) is code


def test_a_sync_says_what_it_removed_and_what_it_kept() -> None:
    lines = sync_lines(
        SyncReport(
            UPLOADED, PruneReport(files=21, deleted=20, postponed=1, kept=2, grace=3600, paths=("a",) * 21)
        ),
        PLAIN,
    )
    text = "\n".join(lines)
    assert "Removed 20 documents of 21 files gone from disk." in text
    assert "and 1 more" in text
    assert "1 document could not be removed now" in text
    assert "2 files gone for less than 1 h 0 min" in text
    assert "Nothing to remove." in sync_lines(SyncReport(UPLOADED, PruneReport()), PLAIN)
    left = sync_lines(SyncReport(UPLOADED, PruneReport(postponed=3)), PLAIN)
    assert left[-1] == "3 documents could not be removed now; run the same command again later"
    assert "Nothing to remove." not in left
    assert (
        "not finished" in sync_lines(SyncReport(UPLOADED, PruneReport(skipped=StopReason.LIMIT)), PLAIN)[-1]
    )
    assert "objlib sync --prune" in sync_lines(SyncReport(replace(UPLOADED, missing=1), None), PLAIN)[-1]


def test_a_comparison_names_what_it_found_and_what_to_do() -> None:
    agree = StoreSyncReport("s", "l", documents=4, well=2, in_flight=1, foreign=1)
    assert store_sync_lines(agree, PLAIN) == [
        "✓ Store and ledger agree: 4 documents (2 as it should be, 1 on the way, 1 not ours)."
    ]
    found = StoreSyncReport("s", "l", documents=30, drift={"orphan": 25}, findings=(LINE,) * 25, left=25)
    lines = store_sync_lines(found, PLAIN)
    assert lines[0] == "25 differences between store and ledger; 30 documents."
    assert lines[1] == "  orphan          a/b.txt: the ledger knows no such file"
    assert lines[-2].startswith("  and 5 more")
    assert "--apply" in lines[-1]
    done = replace(
        found,
        applied=True,
        deleted=20,
        requeued=1,
        changed=1,
        postponed=1,
        unanswered=1,
        left=3,
        interrupted=True,
    )
    text = "\n".join(store_sync_lines(done, PLAIN))
    assert "Repaired: 20 deleted, 1 to be sent again, 1 no longer so." in text
    assert "1 deletion without an answer" in text
    assert "1 step without an answer" in text
    assert "Interrupted" in text
    stopped = replace(done, interrupted=False, stopped=StopReason.DAILY_QUOTA, advice="come back tomorrow")
    text = "\n".join(store_sync_lines(stopped, PLAIN))
    assert "metadata" not in text
    assert text.endswith("Stopped: the daily quota is used up; come back tomorrow.")
    rest = "\n".join(store_sync_lines(replace(done, interrupted=False), PLAIN))
    assert "2 documents with wrong metadata left" in rest


def test_a_verification_has_a_line_for_each_finding() -> None:
    assert verify_lines(VerifyReport("s"), PLAIN) == ["Nothing is indexed yet: objlib upload"]
    report = VerifyReport(
        "s",
        checked=2,
        of=9,
        drift={"ghost": 1, "changed_on_disk": 2},
        findings=(replace(LINE, kind=DriftKind.GHOST), replace(LINE, kind=DriftKind.CHANGED_ON_DISK)),
        unanswered=1,
    )
    lines = verify_lines(report, PLAIN)
    assert lines[0] == "! 3 differences; 2 of 9 indexed files looked at:"
    assert lines[1] == "  ghost            a/b.txt: objlib store-sync --apply repairs it"
    assert lines[2] == "  changed on disk  a/b.txt: objlib upload sends it"
    assert lines[3:] == ["  and 1 more", "1 file the service gave no answer for"]


def test_a_verification_says_nothing_about_files_that_it_has_no_answer_for() -> None:
    some = VerifyReport("s", checked=5, of=9, unanswered=2)
    assert verify_lines(some, PLAIN) == [
        "! Disk, ledger and store agree on 3 of 9 indexed files.",
        "2 files the service gave no answer for",
    ]
    none = VerifyReport("s", checked=1, of=9, unanswered=1)
    assert verify_lines(none, PLAIN) == ["1 file the service gave no answer for"]


def test_a_rebuild_says_how_store_and_disk_compare() -> None:
    report = RebuildReport(
        "s", "l", files=6, matched=3, changed=1, missing=1, new=2, pending=1, surplus=1, unusable=1, foreign=4
    )
    assert rebuild_lines(report, PLAIN) == [
        "✓ 6 files found in the store: 3 match the disk, 1 differ, 1 not on disk, 1 not finished by the store.",
        "2 files on disk that the store does not have.",
        "bring the store up to date with: objlib upload",
        "2 documents too many or unusable: objlib store-sync",
        "4 documents in the store are not this ledger's",
    ]
    assert rebuild_lines(RebuildReport("s", "l"), PLAIN) == ["✓ 0 files found in the store: none."]
