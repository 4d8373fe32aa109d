"""Situations that edits of the library and plain commands make."""

from objlib.core.errors import Exit
from tests.cli.advice.kit import World, situation
from tests.support.models import make_encoder, make_reranker


@situation("cli/render/upload.py upload_lines: search")
def a_first_upload(world: World) -> None:
    done = world.follow(world.upload(), "cli/render/upload.py upload_lines: search")
    assert done.code == Exit.OK
    assert "1. leviathan.txt" in done.text


@situation("cli/render/index.py _rest: index", "engine/search/ask.py _coverage: index")
def an_upload_without_time_for_meaning(world: World) -> None:
    upload = world.upload()
    search = world.at("search", "liberty", "-k", "1")
    for site, done in [
        ("engine/search/ask.py _coverage: index", search),
        ("cli/render/index.py _rest: index", upload),
    ]:
        after = world.follow(done, site)
        assert after.code == Exit.OK
        assert "search by meaning covers all" in after.text


@situation(
    "engine/search/ask.py _change_of_model: index",
    "engine/search/ask.py _change_of_model: f'index --embedder {quote(vectors.coming)}'",
)
def a_store_that_changes_its_model(world: World) -> None:
    one, two = (make_encoder(world.library.parent / name, seed=n) for n, name in enumerate(("one", "a two")))
    assert world("upload", world.library, "--embedder", one).code == Exit.OK
    search = world.at("search", "liberty", "--embedder", str(two))
    assert search.code == Exit.OK
    sites = ("f'index --embedder {quote(vectors.coming)}'", "index")
    done = world.follow(search, f"engine/search/ask.py _change_of_model: {sites[0]}")
    assert "search by meaning covers all" in done.text
    assert "vectors of the model before" not in world.at("search", "liberty").text
    world.upload("--embedder", str(one))
    done = world.follow(world.at("search", "liberty"), f"engine/search/ask.py _change_of_model: {sites[1]}")
    assert "search by meaning covers all" in done.text


@situation(
    "cli/render/models.py model_lines: f'index --embedder {quote(report.path)}'",
    "cli/render/models.py model_lines: f'search --reranker {quote(report.path)}'",
)
def a_model_that_is_good(world: World) -> None:
    world.upload()
    questions = [("en", "car", "automobile"), ("en", "gold", "gold"), ("de", "stone", "stone")]
    world.patch.setattr("objlib.embedded.index.model_check.read_set", lambda: questions)
    site = "cli/render/models.py model_lines: f'%s {quote(report.path)}'"
    encoder = make_encoder(world.library.parent / "an encoder")
    checked = world("model", "check", encoder, "--library", world.library)
    assert "search by meaning covers all" in world.follow(checked, site % "index --embedder").text
    reranker = make_reranker(world.library.parent / "a reranker", {"gold": 9.0})
    checked = world("model", "check", reranker, "--library", world.library)
    assert world.follow(checked, site % "search --reranker").code == Exit.OK


@situation("cli/render/scan.py scan_lines: upload", "cli/render/scan.py skipped_lines: scan -n -v")
def a_scan_of_new_files(world: World) -> None:
    (world.library / ".hidden").touch()
    scan = world("scan", world.library)
    listed = world.follow(scan, "cli/render/scan.py skipped_lines: scan -n -v")
    assert "  .hidden: the built-in rule for hidden files and folders" in listed.text
    sent = world.follow(scan, "cli/render/scan.py scan_lines: upload")
    assert "3 of 3 files indexed" in sent.text


@situation("cli/render/upload.py upload_lines: upload")
def an_upload_with_a_limit(world: World) -> None:
    done = world.follow(world.upload("--limit", "1"), "cli/render/upload.py upload_lines: upload")
    assert "3 of 3 files indexed" in done.text


@situation("cli/render/sync.py sync_lines: sync --prune", "cli/render/upload.py upload_lines: status (2)")
def a_file_that_is_gone(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").unlink()
    sync = world("sync", world.library)
    status = world.follow(sync, "cli/render/upload.py upload_lines: status (2)")
    assert "1 file gone from disk" in status.text
    done = world.follow(sync, "cli/render/sync.py sync_lines: sync --prune")
    assert done.code == Exit.OK
    assert "1 file gone for less than" in done.text


@situation(
    "cli/render/verify.py _prune_advice: sync --prune",
    "cli/render/verify.py _advice: upload --checksum",
    "engine/status.py _absence: sync --prune",
)
def edits_before_a_verification(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").unlink()
    (world.library / "leviathan.txt").write_text("Quite another text.\n", encoding="utf-8")
    (world.library / ".objlibignore").write_text("on liberty.txt\n", encoding="utf-8")
    verify = world.at("verify", "--sample", "all")
    assert verify.code == Exit.DRIFT
    world("scan", world.library)
    explained = world.at("explain", "walden.txt")
    for site, done in [
        ("cli/render/verify.py _advice: upload --checksum", verify),
        ("cli/render/verify.py _prune_advice: sync --prune", verify),
        ("engine/status.py _absence: sync --prune", explained),
    ]:
        after = world.follow(done, site)
        assert after.code == Exit.OK, after.text
    assert world("sync", world.library, "--prune", "--grace", "0").text.count("Removed 2 documents") == 1
    assert world.at("verify", "--sample", "all").code == Exit.OK


@situation("cli/render/status.py _states: upload", "cli/render/verify.py verify_lines: upload")
def a_ledger_without_files(world: World) -> None:
    for file in world.library.iterdir():
        file.rename(world.root / file.name)
    world("scan", world.library)
    status = world.at("status")
    assert world.follow(status, "cli/render/status.py _states: upload").code == Exit.OK
    verify = world.at("verify")
    (world.library / "a.txt").write_text("One text.\n", encoding="utf-8")
    assert "1 of 1 file indexed" in world.follow(verify, "cli/render/verify.py verify_lines: upload").text


@situation("engine/bootstrap/store_binding.py bind_store: upload")
def a_search_before_the_first_upload(world: World) -> None:
    world("scan", world.library)
    done = world.follow(world.at("search", "x"), "engine/bootstrap/store_binding.py bind_store: upload")
    assert "3 of 3 files indexed" in done.text


@situation("ledger/connection.py no_ledger: upload")
def a_library_without_a_ledger(world: World) -> None:
    done = world.follow(world.at("status"), "ledger/connection.py no_ledger: upload")
    assert "3 of 3 files indexed" in done.text


@situation("engine/status.py _explain_unknown: scan")
def a_file_that_is_not_known_yet(world: World) -> None:
    world.upload()
    (world.library / "new.txt").write_text("New.\n", encoding="utf-8")
    unknown = world.at("explain", "new.txt")
    assert unknown.code == Exit.USAGE
    assert world.follow(unknown, "engine/status.py _explain_unknown: scan").code == Exit.OK
    assert world.at("explain", "new.txt").code == Exit.OK


@situation("ledger/rebuild.py RebuildTable.refuse_files: store-sync")
def a_rebuild_of_a_ledger_with_files(world: World) -> None:
    world.upload()
    refused = world.at("rebuild")
    assert refused.code == Exit.REFUSED
    done = world.follow(refused, "ledger/rebuild.py RebuildTable.refuse_files: store-sync")
    assert "Store and ledger agree" in done.text


@situation("cli/commands/search.py _question: command")
def a_search_for_nothing(world: World) -> None:
    world.upload()
    done = world.follow(world.at("search", " "), "cli/commands/search.py _question: command")
    assert done.code == Exit.OK


@situation("cli/render/status.py _removable: sync --prune")
def a_file_whose_grace_is_not_over(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").unlink()
    world("scan", world.library)
    status = world.at("status")
    assert "gone from disk, or left out by a rule (in grace until " in status.text
    pruned = world.follow(status, "cli/render/status.py _removable: sync --prune")
    assert "kept for now: until " in pruned.text


@situation("cli/render/status.py _stale_names: store-sync --apply --metadata")
def a_status_after_a_rename(world: World) -> None:
    world.upload()
    (world.library / "walden.txt").rename(world.library / "woods.txt")
    world.upload()
    status = world.at("status")
    assert "1 document sent before the file was renamed" in status.text
    world.follow(status, "cli/render/status.py _stale_names: store-sync --apply --metadata")
    world.upload()
    assert "renamed" not in world.at("status").text
