"""Situations of several libraries, of one that moved, and of files that were renamed."""

from objlib.core.errors import Exit
from tests.cli.advice.kit import World, situation


@situation(
    "cli/render/store_sync.py _stale_names: store-sync --apply --metadata",
    "cli/render/verify.py _advice: store-sync --apply --metadata",
)
def a_file_that_was_renamed(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").rename(world.library / "woods.txt")
    world.upload()
    for site, done in [
        ("cli/render/store_sync.py _stale_names: store-sync --apply --metadata", world.at("store-sync")),
        (
            "cli/render/verify.py _advice: store-sync --apply --metadata",
            world.at("verify", "--sample", "all"),
        ),
    ]:
        assert done.code == Exit.OK, done.text
        assert world.follow(done, site).code == Exit.OK
    assert "Sent 1 file" in world.upload().text
    assert "woods.txt" not in world.at("store-sync").text


@situation("cli/render/verify.py _advice: store-sync --apply --metadata (2)")
def a_document_with_other_metadata(world: World) -> None:
    world.upload()
    world.store("UPDATE documents SET metadata = json_set(metadata, '$.extra', 'x') WHERE doc_id = 1")
    verified = world.at("verify", "--sample", "all")
    assert verified.code == Exit.DRIFT
    done = world.follow(verified, "cli/render/verify.py _advice: store-sync --apply --metadata (2)")
    assert done.code == Exit.OK
    world.upload()
    assert world.at("verify", "--sample", "all").code == Exit.OK


@situation("engine/scan/moved.py refuse_moved: move")
def a_library_that_is_uploaded_from_its_new_place(world: World) -> None:
    world.upload()
    new = world.library.rename(world.root / "new  place")
    refused = world("upload", new)
    assert refused.code == Exit.REFUSED
    assert world.follow(refused, "engine/scan/moved.py refuse_moved: move").code == Exit.OK
    assert "Nothing to send" in world("upload", new).text


@situation("engine/scan/moved.py refuse_moved: upload --new")
def a_library_that_is_meant_to_be_another(world: World) -> None:
    world.upload()
    new = world.library.rename(world.root / "new  place")
    done = world.follow(world("upload", new), "engine/scan/moved.py refuse_moved: upload --new")
    assert "3 of 3 files indexed" in done.text


@situation("sources.py require_folder: move")
def a_library_that_is_not_where_it_was(world: World) -> None:
    world.upload()
    new = world.library.rename(world.root / "new  place")
    refused = world.at("scan")
    assert refused.code == Exit.REFUSED
    assert world.follow(refused, "sources.py require_folder: move", NEW_FOLDER=new).code == Exit.OK
    assert "Nothing to send" in world("upload", new).text


@situation("engine/upload/file_task.py FileUpload._record_change: move")
def a_library_that_moves_while_it_is_sent(world: World) -> None:
    new = world.root / "new  place"

    def script(kind: str, _count: int) -> None:
        if kind == "start" and not new.exists():
            world.library.rename(new)

    world.faults.script = script
    stopped = world.upload("--max-uploads", "1")
    assert stopped.code == Exit.REFUSED, stopped.text
    assert "still in the store" not in stopped.text
    site = "engine/upload/file_task.py FileUpload._record_change: move"
    assert world.follow(stopped, site, NEW_FOLDER=new).code == Exit.OK
    assert "3 of 3 files indexed" in world("upload", new).text


@situation("engine/bootstrap/open_app.py _lost_meanwhile: rebuild")
def a_ledger_that_is_removed_while_it_is_used(world: World) -> None:
    def script(kind: str, _count: int) -> None:
        if kind == "start":
            for file in (world.root / "home" / "data").rglob("ledger.db*"):
                file.unlink()

    world.faults.script = script
    lost = world.upload()
    assert lost.code == Exit.FATAL, lost.text
    done = world.follow(lost, "engine/bootstrap/open_app.py _lost_meanwhile: rebuild")
    assert "3 files found in the store: 3 match the disk" in done.text


@situation("engine/bootstrap/open_app.py _lost_meanwhile: doctor")
def a_store_that_is_removed_while_it_is_used(world: World) -> None:
    def script(kind: str, _count: int) -> None:
        if kind == "start":
            for file in (world.root / "home" / "data").rglob("store.db*"):
                file.unlink()

    world.faults.script = script
    lost = world.upload()
    assert lost.code == Exit.FATAL, lost.text
    world.faults.script = lambda _kind, _count: None
    done = world.follow(lost, "engine/bootstrap/open_app.py _lost_meanwhile: doctor")
    assert (done.code, "move that ledger away" in done.text) == (Exit.FATAL, True), done.text
    world.database("ledger.db").rename(world.root / "aside.db")
    assert "3 of 3 files indexed" in world.upload().text


@situation("engine/libraries.py move_library: libraries", "engine/libraries.py _find: libraries")
def a_move_that_is_refused(world: World) -> None:
    world.upload()
    other = world.root / "other"
    other.mkdir()
    (other / "other.txt").write_text("Something else altogether.\n", encoding="utf-8")
    assert world("upload", other, "--embed-seconds", "0").code == Exit.OK
    unknown = world("move", world.root / "nowhere", other)
    assert unknown.code == Exit.USAGE, unknown.text
    listed = world.follow(unknown, "engine/libraries.py _find: libraries")
    assert str(other) in listed.text
    taken = world("move", world.library, other)
    assert taken.code == Exit.REFUSED, taken.text
    assert world.follow(taken, "engine/libraries.py move_library: libraries").code == Exit.OK
    assert str(other) not in world("libraries").text


@situation("core/config/libraries.py select_library: libraries")
def a_folder_in_none_of_two_libraries(world: World) -> None:
    world.upload()
    other = world.root / "other"
    other.mkdir()
    (other / "other.txt").write_text("Something else altogether.\n", encoding="utf-8")
    world("upload", other, "--embed-seconds", "0")
    unclear = world("sync")
    assert unclear.code == Exit.USAGE
    listed = world.follow(unclear, "core/config/libraries.py select_library: libraries")
    assert (listed.code, str(world.library) in listed.text) == (Exit.OK, True)


@situation("cli/render/libraries.py libraries_lines: upload")
def a_first_look_at_the_libraries(world: World) -> None:
    none = world("libraries")
    done = world.follow(none, "cli/render/libraries.py libraries_lines: upload", FOLDER=world.library)
    assert "3 of 3 files indexed" in done.text


@situation(
    "engine/stores/inventory.py find_store: stores",
    "cli/render/stores.py store_list_lines: upload",
)
def a_store_that_is_not_there(world: World) -> None:
    nothing = world.at("stores")
    assert (
        "3 of 3 files indexed" in world.follow(nothing, "cli/render/stores.py store_list_lines: upload").text
    )
    refused = world.at("stores", "delete", "none", "--yes")
    assert refused.code == Exit.REFUSED
    assert "3 searchable" in world.follow(refused, "engine/stores/inventory.py find_store: stores").text


@situation("engine/stores/deletion.py _refuse_others: f'stores --yes --others {report.foreign}'")
def a_store_with_documents_of_others(world: World) -> None:
    world.upload("--store", "lectures")
    world.store("UPDATE documents SET metadata = '{}' WHERE doc_id = 1")
    refused = world.at("stores", "delete", "lectures", "--yes")
    assert refused.code == Exit.REFUSED
    site = "engine/stores/deletion.py _refuse_others: f'stores --yes --others {report.foreign}'"
    done = world.follow(refused, site)
    assert done.code == Exit.OK, done.text
    assert "No store yet" in world.at("stores").text


@situation("engine/bootstrap/store_binding.py _refuse_begun_deletion: recover")
def a_store_whose_deletion_was_killed(world: World) -> None:
    world.upload("--store", "lectures")
    world.ledger(
        "INSERT INTO settings SELECT 'store_deletions', json_object(value, json_object('store', value,"
        " 'display_name', 'lectures', 'force', json('true'), 'documents', 3, 'run_id', '', 'created', 1))"
        " FROM settings WHERE key = 'pinned_store'"
    )
    refused = world.upload()
    assert refused.code == Exit.REFUSED
    assert "Plan for 1 thing that an earlier run left: 1 store deleted" in world.at("recover", "-n").text
    site = "engine/bootstrap/store_binding.py _refuse_begun_deletion: recover"
    done = world.follow(refused, site)
    assert (done.code, "1 store deleted" in done.text, "put aside" in done.text) == (Exit.OK, True, True)
    assert "3 of 3 files indexed" in world.upload().text


@situation(
    "engine/stores/adoption.py adopt_documents: stores --dry-run --all",
    "cli/render/stores.py adoption_lines: f'stores --by-name {number}'",
)
def documents_of_another_tool(world: World) -> None:
    world.upload("--store", "lectures")
    world.store("UPDATE documents SET metadata = '{}'")
    world.database("ledger.db").unlink()
    options = ("--store", "lectures")
    refused = world.at("stores", "adopt", "--by-name", "2", *options)
    assert refused.code == Exit.REFUSED, refused.text
    look = world.follow(refused, "engine/stores/adoption.py adopt_documents: stores --dry-run --all")
    assert look.text.count("same name and size") == 3
    asked = world.at("stores", "adopt", *options)
    assert asked.code == Exit.DRIFT
    done = world.follow(asked, "cli/render/stores.py adoption_lines: f'stores --by-name {number}'")
    assert "3 files took over" in done.text
    assert "Nothing to send" in world.upload(*options).text
