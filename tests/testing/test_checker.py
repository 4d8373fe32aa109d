"""The checker reports each rule that is broken, one by one, by hand."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from objlib.testing import Checker, LibraryFiles, Request
from objlib.testing.crash_child import prepare_library
from objlib.testing.databases import damage_database
from objlib.testing.shrink import shrink
from objlib.testing.workload import Plan, Run, Runs, plan_of


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is as it should be."""
    folder = tmp_path_factory.mktemp("sound") / "world"
    prepare_library(folder, edits=())
    return folder


@pytest.fixture
def checker(sound: Path, tmp_path: Path) -> Checker:
    for name in ("ledger.db", "store.db"):
        with (
            closing(sqlite3.connect(sound / name)) as source,
            closing(sqlite3.connect(tmp_path / name)) as copy,
        ):
            source.backup(copy)
    checker = Checker(tmp_path / "ledger.db", tmp_path / "store.db")
    with damage_database(checker.store) as db:
        db.execute(
            "INSERT INTO documents (store_id, name, display_name, mime_type, size, state, create_time, update_time,"
            " metadata, blob_id, ready_at) SELECT store_id, 'foreign', 'theirs', 'text/plain', 1, 'ACTIVE', 1, 1,"
            " '{}', blob_id, 0 FROM documents LIMIT 1"
        )
    checker.note_foreign()
    return checker


def rule(checker: Checker, sound: Path) -> list[str]:
    library = LibraryFiles(sound / "library")
    checker.rule_on_edges()
    checker.rule_on_quiescence(library.contents(), Counter(library.contents().values()))
    return checker.broken


def test_a_sound_world_is_sound(checker: Checker, sound: Path) -> None:
    assert rule(checker, sound) == []


ONE = "(SELECT min(file_id) FROM files)"
DOCUMENT = "(SELECT min(name) FROM documents WHERE name <> 'foreign')"


@pytest.mark.parametrize(
    ("ledger", "store", "report"),
    [
        ("", f"DELETE FROM documents WHERE name = {DOCUMENT}", "lost"),
        ("", f"UPDATE documents SET state = 'PENDING' WHERE name = {DOCUMENT}", "wrong `indexed`"),
        (
            "",
            "UPDATE documents SET metadata = json_set(metadata, '$.objlib_sha256', 'x') WHERE name <> 'foreign'",
            "wrong `indexed`",
        ),
        (
            "",
            "INSERT INTO documents (doc_id, store_id, name, display_name, mime_type, size, state, create_time,"
            " update_time, metadata, blob_id, chunks, ready_at, searchable_at, claim, claim_until)"
            " SELECT 1000, store_id, 'again', display_name, mime_type, size, state, create_time,"
            " update_time, metadata, blob_id, chunks, ready_at, searchable_at, claim, claim_until FROM documents"
            f" WHERE name = {DOCUMENT}",
            "duplicate",
        ),
        (
            "",
            "UPDATE documents SET metadata = json_set(metadata, '$.objlib_id', 'nobody') WHERE name <> 'foreign'",
            "orphan",
        ),
        ("", "UPDATE documents SET update_time = 5 WHERE name = 'foreign'", "foreign documents have changed"),
        ("", "DELETE FROM documents WHERE name = 'foreign'", "foreign documents have changed"),
        (f"UPDATE files SET file_path = 'elsewhere' WHERE file_id = {ONE}", "", "lost"),
        (f"UPDATE files SET indexed_hash = 'x' WHERE file_id = {ONE}", "", "wrong bytes"),
        (f"UPDATE files SET version = version + 1 WHERE file_id = {ONE}", "", "does not explain"),
        (f"UPDATE files SET gemini_state = 'untracked' WHERE file_id = {ONE}", "", "not settled"),
        (
            "UPDATE files SET gemini_state = 'failed', failure_info = '{\"kind\": \"timeout\"}'"
            f" WHERE file_id = {ONE}",
            "",
            "failed without need",
        ),
        ("DELETE FROM events WHERE event = 'complete_upload'", "", "but it was"),
        ("UPDATE events SET to_state = 'indexed' WHERE event = 'complete_upload'", "", "no edge"),
        (f"UPDATE files SET superseded_document = 'x' WHERE file_id = {ONE}", "", "not at rest"),
        ("UPDATE attempts SET outcome = NULL", "", "not at rest"),
        (
            "INSERT INTO intents (intent_id, document_name, reason, created_at) VALUES ('i', 'd', 'r', 1)",
            "",
            "not at rest",
        ),
        (
            "INSERT INTO attempts SELECT 1000, 'again', file_id, content_hash, NULL, NULL, NULL, NULL, 1, 1,"
            f" 'indexed', NULL FROM attempts WHERE file_id = {ONE}",
            "",
            "uploaded again",
        ),
    ],
)
def test_each_broken_promise_is_reported(
    checker: Checker, sound: Path, ledger: str, store: str, report: str
) -> None:
    for path, statement in ((checker.ledger, ledger), (checker.store, store)):
        with damage_database(path) as db:
            db.execute(statement)
    assert any(report in line for line in rule(checker, sound)), checker.broken


async def test_a_delete_is_ruled_on_before_it_happens(checker: Checker) -> None:
    ours = next(one for one in checker.documents() if one.file is not None)
    for name, report in (("foreign", "foreign document"), (ours.name, "no intent"), ("gone already", "")):
        checker.broken.clear()
        await checker.watch(Request(0.0, 0, "delete", "", name))
        assert any(report in line for line in checker.broken) == bool(report)
    await checker.watch(Request(0.0, 0, "delete", "", ours.name))
    assert any("only searchable document" in line for line in checker.broken)


def test_a_failing_plan_becomes_as_short_as_it_can() -> None:
    plan = plan_of(7)
    longest = max((step for step in plan if isinstance(step, Runs)), key=lambda step: len(step.runs))

    def fails(candidate: Plan) -> bool:
        return any(isinstance(step, Runs) and step.seed == longest.seed for step in candidate)

    (shortest,) = shrink(plan, fails, seconds=60)
    assert isinstance(shortest, Runs)
    assert (len(shortest.runs), shortest.edits, shortest.jump, shortest.density) == (1, (), None, 0.0)
    assert shortest.runs[0] == Run(shortest.runs[0].command, shortest.runs[0].delay)
