"""Situations that dead runs, other runs, an unwilling service and signals make."""

import json
import os
import platform
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from objlib.core.errors import Exit
from objlib.engine import vectors
from objlib.testing import EPOCH
from objlib.testing.actions import DOWN
from tests.cli.advice.kit import World, situation

GONE = "fileSearchStores/none/documents/none"
"""The name of a document that no store has."""


def fail_files(world: World) -> None:
    """Let a file be one that failed for a reason that may pass."""
    world("scan", world.library)
    failure = {"kind": "transient", "message": "the service did not answer", "retryable": True}
    world.ledger(
        "UPDATE files SET gemini_state = 'failed', gemini_state_updated_at = 1, failure_info = ?, last_error = ?,"
        " version = version + 1 WHERE file_path = 'walden.txt'",
        json.dumps(failure),
        failure["message"],
    )


def leave_in_flight(world: World, *, session: str | None = None) -> None:
    """Let a file be one that a dead run was sending."""
    world("scan", world.library)
    world.ledger(
        "UPDATE files SET gemini_state = 'uploading', version = version + 1 WHERE file_path = 'walden.txt'"
    )
    world.ledger(
        "INSERT INTO attempts (attempt_id, file_id, content_hash, session_url, run_id, started_at, updated_at)"
        " SELECT 'a', file_id, content_hash, ?, 'dead', 1, 1 FROM files WHERE file_path = 'walden.txt'",
        session,
    )


def unlink(file: Path) -> None:
    """Lose a file."""
    file.unlink()


def empty(file: Path) -> None:
    """Lose what is in a file."""
    file.write_bytes(b"")


def interrupt() -> None:
    """Send what Ctrl-C sends."""
    os.kill(os.getpid(), signal.SIGINT)


@situation(
    "cli/render/failures.py failure_lines: upload --retry-failed",
    "engine/status.py _explanation: upload --retry-failed",
    "cli/render/upload.py upload_problems: status",
)
def a_file_that_failed(world: World) -> None:
    fail_files(world)
    quiet = world.upload("-q")
    assert quiet.code == Exit.SOME_FAILED
    status = world.follow(quiet, "cli/render/upload.py upload_problems: status")
    assert "walden.txt" in status.text
    for site, done in [
        ("cli/render/failures.py failure_lines: upload --retry-failed", status),
        ("engine/status.py _explanation: upload --retry-failed", world.at("explain", "walden.txt")),
    ]:
        after = world.follow(done, site)
        assert after.code == Exit.OK
        assert "3 of 3 files indexed" in after.text


@situation("cli/render/upload.py upload_problems: status (2)")
def a_folder_that_is_not_read(world: World) -> None:
    (world.library / "broken").mkdir()
    (world.library / "broken" / ".objlibignore").write_bytes(b"\xff\xfe\x00")
    quiet = world.upload("-q")
    assert quiet.code == Exit.SOME_FAILED
    status = world.follow(quiet, "cli/render/upload.py upload_problems: status (2)")
    assert "broken" in status.text


@situation("cli/render/recover.py recover_lines: upload", "engine/status.py _explanation: recover")
def a_run_that_died_before_it_sent(world: World) -> None:
    leave_in_flight(world)
    explained = world.at("explain", "walden.txt")
    recovered = world.follow(explained, "engine/status.py _explanation: recover")
    assert recovered.code == Exit.OK
    sent = world.follow(recovered, "cli/render/recover.py recover_lines: upload")
    assert "3 of 3 files indexed" in sent.text


@situation("cli/render/recover.py recover_lines: recover", "cli/render/recover.py recover_problems: recover")
def a_recovery_without_an_answer(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").write_text("Another.\n", encoding="utf-8")
    for quiet, site in [
        ((), "cli/render/recover.py recover_lines: recover"),
        (("-q",), "cli/render/recover.py recover_problems: recover"),
    ]:
        world.ledger("UPDATE files SET superseded_document = ? WHERE file_path = 'on liberty.txt'", GONE)
        world.faults.script = lambda kind, _count: DOWN if kind == "delete" else None
        recovered = world.at("recover", *quiet)
        assert recovered.code == Exit.SOME_FAILED
        world.faults.script = lambda _kind, _count: None
        assert world.follow(recovered, site).code == Exit.OK


@situation("cli/render/recover.py recover_problems: status")
def a_document_that_the_store_could_not_make(world: World) -> None:
    world.upload()
    world.ledger(
        "INSERT INTO attempts (attempt_id, file_id, content_hash, document_name, run_id, started_at, updated_at)"
        " SELECT 'a', file_id, content_hash, gemini_document, 'dead', 1, 1 FROM files WHERE file_path = 'walden.txt'"
    )
    world.store("UPDATE documents SET state = 'FAILED' WHERE display_name LIKE '%walden%'")
    world.ledger(
        "UPDATE files SET gemini_state = 'processing', gemini_document = NULL, indexed_hash = NULL"
        " WHERE file_path = 'walden.txt'"
    )
    recovered = world.at("recover", "-q")
    assert recovered.code == Exit.SOME_FAILED
    status = world.follow(recovered, "cli/render/recover.py recover_problems: status")
    assert "walden.txt" in status.text


def a_scan_in_its_place(world: World, ledger: Path) -> None:
    ledger.unlink()
    assert world.at("scan").code == Exit.OK


@situation(
    "engine/doctor.py _lost: rebuild",
    "engine/bootstrap/lost_ledger.py refuse_lost_ledger: rebuild",
    "engine/bootstrap/lost_ledger.py require_ledger: rebuild",
    "cli/render/scan.py scan_lines: rebuild",
)
def a_store_whose_ledger_is_lost(world: World) -> None:
    world.upload()
    scanned, status = (
        partial(a_scan_in_its_place, world),
        "engine/bootstrap/lost_ledger.py require_ledger: rebuild",
    )
    cases: list[tuple[str, str, Callable[[Path], None], Exit]] = [
        ("engine/doctor.py _lost: rebuild", "doctor", unlink, Exit.FATAL),
        ("engine/bootstrap/lost_ledger.py refuse_lost_ledger: rebuild", "upload", scanned, Exit.REFUSED),
        ("cli/render/scan.py scan_lines: rebuild", "scan", unlink, Exit.OK),
        (status, "status", scanned, Exit.REFUSED),
        (status, "recover", empty, Exit.REFUSED),
        (status, "verify", unlink, Exit.REFUSED),
    ]
    for site, command, lose, code in cases:
        lose(world.database("ledger.db"))
        refused = world.at(command)
        assert refused.code == code, refused.text
        assert "objlib upload" not in refused.text or command in {"upload", "doctor"}, refused.text
        done = world.follow(refused, site)
        assert "3 files found in the store: 3 match the disk" in done.text
    assert "Nothing to send" in world.upload().text


@situation("ledger/connection.py no_ledger: rebuild")
def a_ledger_that_no_catalog_knows(world: World) -> None:
    ledger = world.root / "elsewhere.db"
    world.upload("--ledger", str(ledger))
    ledger.unlink()
    world.database("catalog.db").unlink()
    world.database("library.json").unlink()
    refused = world.at("status", "--ledger", str(ledger))
    assert refused.code == Exit.USAGE
    done = world.follow(refused, "ledger/connection.py no_ledger: rebuild")
    assert "3 files found in the store: 3 match the disk" in done.text


@situation("engine/bootstrap/lost_ledger.py refuse_lost_ledger: upload --new")
def a_library_that_starts_anew(world: World) -> None:
    world.upload()
    world.database("ledger.db").unlink()
    done = world.follow(world.upload(), "engine/bootstrap/lost_ledger.py refuse_lost_ledger: upload --new")
    assert "3 of 3 files indexed" in done.text


@situation(
    "cli/render/store_sync.py store_sync_lines: f'store-sync --of {ledger}'",
    "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'",
)
def a_document_of_a_ledger_that_is_lost(world: World) -> None:
    world.upload()
    world.store(
        "INSERT INTO documents (store_id, name, display_name, mime_type, size, state, create_time, update_time,"
        " metadata, blob_id, ready_at) SELECT store_id, name || '-other', display_name, mime_type, size, state,"
        " create_time, update_time, json_set(metadata, '$.objlib_ledger', 'another'), blob_id, ready_at"
        " FROM documents WHERE doc_id = 1"
    )
    compared = world.at("store-sync")
    of = world.follow(compared, "cli/render/store_sync.py store_sync_lines: f'store-sync --of {ledger}'")
    assert of.code == Exit.DRIFT, of.text
    done = world.follow(of, "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'")
    assert done.code == Exit.OK, done.text
    after = world.at("store-sync")
    assert after.text.startswith("✓ Store and ledger agree: 3 documents (3 as it should be)."), after.text


@situation("cli/render/status.py _notes: recover", "cli/render/status.py _notes: recover (2)")
def documents_that_are_to_be_deleted(world: World) -> None:
    world.upload()
    world.ledger("UPDATE files SET superseded_document = ? WHERE file_path = 'walden.txt'", GONE)
    done = world.follow(world.at("status"), "cli/render/status.py _notes: recover")
    assert done.code == Exit.OK
    world.ledger(
        "INSERT INTO intents (intent_id, document_name, reason, created_at) VALUES ('i', ?, 'surplus', 1)",
        GONE,
    )
    done = world.follow(world.at("status"), "cli/render/status.py _notes: recover (2)")
    assert done.code == Exit.OK
    assert "begun and not finished" not in world.at("status").text


@situation("cli/render/status.py _notes: upload")
def a_file_that_changed_while_it_was_sent(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").write_text("Another text.\n", encoding="utf-8")
    world.ledger("UPDATE files SET content_hash = 'other' WHERE file_path = 'walden.txt'")
    done = world.follow(world.at("status"), "cli/render/status.py _notes: upload")
    assert "Sent 1 file" in done.text


@situation(
    "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'",
    "cli/render/store_sync.py _done: upload",
    "cli/render/verify.py _advice: store-sync --apply",
)
def a_document_that_vanished(world: World) -> None:
    world.upload()
    world.ledger("UPDATE files SET gemini_document = ? WHERE file_path = 'walden.txt'", GONE)
    compared = world.at("store-sync")
    verified = world.at("verify", "--sample", "all")
    assert (compared.code, verified.code) == (Exit.DRIFT, Exit.DRIFT)
    repaired = world.follow(
        compared, "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'"
    )
    sent = world.follow(repaired, "cli/render/store_sync.py _done: upload")
    assert "3 of 3 files indexed" in sent.text
    again = world.follow(verified, "cli/render/verify.py _advice: store-sync --apply")
    assert again.code == Exit.OK


@situation(
    "cli/render/store_sync.py _done: store-sync --apply --metadata",
    "cli/render/store_sync.py _planned: store-sync --apply --metadata",
)
def a_document_with_another_name(world: World) -> None:
    world.upload()
    world.store("UPDATE documents SET metadata = json_set(metadata, '$.extra', 'x') WHERE doc_id = 1")
    planned = world.at("store-sync", "--apply", "-n")
    repaired = world.at("store-sync", "--apply")
    for site, done in [
        ("cli/render/store_sync.py _planned: store-sync --apply --metadata", planned),
        ("cli/render/store_sync.py _done: store-sync --apply --metadata", repaired),
    ]:
        assert world.follow(done, site).code == Exit.OK
    assert "3 of 3 files indexed" in world.upload().text


@situation(
    "cli/render/scan.py described_lines: store-sync --apply --metadata",
    "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'",
)
def patterns_that_describe_files_otherwise(world: World) -> None:
    for sites, pattern in enumerate(["{book}.txt", "{title}.txt"]):
        world.upload()
        (world.library / "objlib.toml").write_text(
            f'[metadata]\npatterns = ["{pattern}"]\n', encoding="utf-8"
        )
        uploaded = world.upload()
        assert "files have other metadata by the patterns of now" in uploaded.text, uploaded.text
        compared = world.at("store-sync")
        done = [uploaded, compared][sites]
        site = [
            "cli/render/scan.py described_lines: store-sync --apply --metadata",
            "cli/render/store_sync.py store_sync_lines: f'store-sync{of} --apply{metadata}'",
        ][sites]
        world.follow(done, site)
        world.upload()
        assert world.at("store-sync").code == Exit.OK


@situation("cli/render/scan.py described_lines: scan --own-patterns")
def patterns_that_another_machine_replaced(world: World) -> None:
    config = world.library / "objlib.toml"
    for pattern in ("{book}.txt", "{title}.txt"):
        config.write_text(f'[metadata]\npatterns = ["{pattern}"]\n', encoding="utf-8")
        world.upload()
    world.ledger(
        "UPDATE settings SET value = json_set(value, '$.machine', 'desk') WHERE key LIKE '%_history'"
    )
    config.write_text('[metadata]\npatterns = ["{book}.txt"]\n', encoding="utf-8")
    uploaded = world.upload()
    assert "the metadata patterns of desk count since" in uploaded.text, uploaded.text
    scanned = world.follow(uploaded, "cli/render/scan.py described_lines: scan --own-patterns")
    assert "files have other metadata by the patterns of now" in scanned.text, scanned.text
    assert "desk" not in world.upload().text


@situation("cli/render/store_sync.py _done: recover")
def a_repair_whose_deletion_gets_no_answer(world: World) -> None:
    world.upload()
    world.ledger("UPDATE files SET gemini_document = ? WHERE file_path = 'walden.txt'", GONE)
    world.faults.script = lambda kind, _count: DOWN if kind == "delete" else None
    repaired = world.at("store-sync", "--apply")
    world.faults.script = lambda _kind, _count: None
    assert world.follow(repaired, "cli/render/store_sync.py _done: recover").code == Exit.OK


@situation("cli/render/upload.py upload_lines: recover")
def an_old_document_that_stays(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").write_text("Another text.\n", encoding="utf-8")
    world.faults.script = lambda kind, _count: DOWN if kind == "delete" else None
    uploaded = world.upload()
    assert uploaded.code == Exit.SOME_FAILED
    world.faults.script = lambda _kind, _count: None
    assert world.follow(uploaded, "cli/render/upload.py upload_lines: recover").code == Exit.OK


def leave_live_run(world: World) -> None:
    """Leave a file in flight, in a run of a process that is alive."""
    leave_in_flight(world)
    world.ledger(
        "INSERT INTO runs (run_id, pid, host, started, heartbeat, command) VALUES ('dead', ?, ?, ?, ?, 'upload')",
        os.getppid(),
        platform.node(),
        EPOCH,
        EPOCH + 10,
    )


@situation(
    "cli/render/upload.py upload_lines: status",
    "cli/render/status.py _notes: runs",
    "engine/run_list.py _named: runs",
)
def a_file_in_flight_in_another_run(world: World) -> None:
    leave_live_run(world)
    uploaded = world.upload()
    status = world.follow(uploaded, "cli/render/upload.py upload_lines: status")
    assert "1 run" in status.text
    assert "at work" in world.follow(status, "cli/render/status.py _notes: runs").text
    unknown = world.at("runs", "stop", "nonsense")
    assert unknown.code == Exit.USAGE
    assert "at work" in world.follow(unknown, "engine/run_list.py _named: runs").text
    assert "finishes what it has in flight" in world.at("runs", "stop", "dead").text


@situation("ledger/refusals.py run_at_work: runs")
def a_ledger_that_another_run_works_on(world: World) -> None:
    leave_live_run(world)
    ledger = world.database("ledger.db")
    for command in (
        ("ledger", "compact", "--library", world.library),
        ("ledger", "copy", ledger, "copy.db"),
        ("ledger", "copy", ledger, "copy.db", "-n"),
        ("libraries", "forget", world.library),
        ("move", world.library, world.root / "work"),
    ):
        if command[0] in {"libraries", "move"} or "copy" in command:  # they go by the clock of the machine
            world.ledger("UPDATE runs SET heartbeat = ? WHERE run_id = 'dead'", time.time())
        refused = world(*command)
        assert (refused.code, "a run (upload, process " in refused.text) == (Exit.REFUSED, True), refused.text
        world.ledger("UPDATE runs SET heartbeat = ? WHERE run_id = 'dead'", EPOCH + 10)
        stopped = world.follow(refused, "ledger/refusals.py run_at_work: runs")
        assert "finishes what it has in flight" in stopped.text, (command, stopped.text)
        world.ledger("DELETE FROM stops")


@situation("cli/render/ledger.py copy_lines: store-sync")
def a_ledger_that_was_restored_from_a_dump(world: World) -> None:
    world.upload()
    world.at("ledger", "dump", "backup.jsonl")
    (world.library / "later.txt").write_text("written after the dump was made\n", "utf-8")
    world.upload()
    ledger = world.database("ledger.db")
    ledger.unlink()
    restored = world("ledger", "copy", "backup.jsonl", ledger)
    compared = world.follow(restored, "cli/render/ledger.py copy_lines: store-sync")
    assert "orphan          later.txt" in compared.text, compared.text


@situation("cli/render/runs.py run_list_lines: recover")
def a_run_that_died(world: World) -> None:
    leave_in_flight(world)
    world.ledger("UPDATE runs SET ended = NULL, pid = ?", 2**30)
    listed = world.at("runs")
    assert "died" in listed.text
    done = world.follow(listed, "cli/render/runs.py run_list_lines: recover")
    assert done.code == Exit.OK
    assert "1 requeued" in done.text


@situation("cli/render/verify.py rebuild_lines: upload", "cli/render/verify.py rebuild_lines: store-sync")
def a_ledger_that_was_lost(world: World) -> None:
    world.upload()
    world.store("UPDATE documents SET state = 'FAILED' WHERE doc_id = 1")
    world.database("ledger.db").unlink()
    (world.library / "new.txt").write_text("New.\n", encoding="utf-8")
    rebuilt = world.at("rebuild")
    assert rebuilt.code == Exit.OK
    compared = world.follow(rebuilt, "cli/render/verify.py rebuild_lines: store-sync")
    assert compared.code in {Exit.OK, Exit.DRIFT}
    sent = world.follow(rebuilt, "cli/render/verify.py rebuild_lines: upload")
    assert "4 of 4 files indexed" in sent.text


@situation("engine/plan/steps.py _step_of_absence: sync --prune")
def a_dry_run_with_a_file_that_is_gone(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").unlink()
    planned = world.upload("-n", "--all")
    done = world.follow(planned, "engine/plan/steps.py _step_of_absence: sync --prune")
    assert done.code == Exit.OK


@situation("engine/shutdown.py Drain.work: recover")
def a_repair_that_is_interrupted(world: World) -> None:
    world.upload()
    world.faults.before = _once(interrupt)
    stopped = world.at("store-sync", "--apply")
    assert stopped.code == Exit.INTERRUPTED
    assert world.follow(stopped, "engine/shutdown.py Drain.work: recover").code == Exit.OK


@situation("engine/upload/run.py _run_to_quiescence: recover")
def an_upload_that_is_interrupted(world: World) -> None:
    world.faults.before = _once(interrupt, "start")
    stopped = world.upload()
    assert stopped.code == Exit.INTERRUPTED
    done = world.follow(stopped, "engine/upload/run.py _run_to_quiescence: recover")
    assert done.code == Exit.OK
    assert "3 of 3 files indexed" in world.upload().text


@situation("engine/upload/run.py _make_vectors: index")
def an_upload_that_is_interrupted_while_it_prepares_search_by_meaning(world: World) -> None:
    advance = vectors._Pace.advance

    def stop(self: vectors._Pace, count: int) -> None:
        advance(self, count)
        interrupt()

    world.patch.setattr(vectors._Pace, "advance", stop)
    stopped = world("upload", world.library)
    assert stopped.code == Exit.INTERRUPTED
    world.patch.setattr(vectors._Pace, "advance", advance)
    done = world.follow(stopped, "engine/upload/run.py _make_vectors: index")
    assert "search by meaning covers all" in done.text


def _once(act: Callable[[], None], kind: str = "") -> Callable[[str], None]:
    """Do it before the first request (of that kind), and not again."""
    done: list[str] = []

    def before(seen: str) -> None:
        if not done and kind in {"", seen}:
            done.append(seen)
            act()

    return before
