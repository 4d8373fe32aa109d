"""The safeguards of ``stores``: what goes with a store, and what a file may take over."""

from typing import Final

from tests.testing.mutant import Mutant

DELETION: Final = "objlib/engine/stores/deletion.py"
ADOPTIONS: Final = "objlib/ledger/adoptions.py"
TEST_STORES: Final = "tests/test_stores.py"
TEST_DEATHS: Final = "tests/engine/stores/test_deletion.py"
TEST_COMMAND: Final = "tests/cli/commands/test_stores.py"

STORES: Final = (
    Mutant(
        "documents of others go with a store only when their number is named",
        DELETION,
        "    if report.foreign != others:\n",
        "    if False:\n",
        f"{TEST_STORES}::test_documents_of_others_go_only_with_their_number",
    ),
    Mutant(
        "a store goes only when its name was typed, or with --yes",
        "objlib/cli/commands/stores.py",
        "    if sys.stdin.readline().strip() != answer:\n",
        "    if False:\n",
        f"{TEST_COMMAND}::test_a_store_goes_when_its_name_is_typed",
    ),
    Mutant(
        "a store in which a run is at work stays",
        DELETION,
        "            if run.run_id != app.run_id and is_alive(run, now=app.now(), host=platform.node()):\n",
        "            if False:\n",
        f"{TEST_STORES}::test_a_store_in_which_a_run_is_at_work_stays",
    ),
    Mutant(
        "the ledger of a deleted store is put aside",
        DELETION,
        '    aside = await run(partial(put_aside, settings.ledger_file)) if own else ""\n',
        '    aside = ""\n',
        f"{TEST_STORES}::test_a_store_goes_with_its_documents_and_the_next_upload_starts_anew",
    ),
    Mutant(
        "the deletion of a store is on record before it is sent",
        DELETION,
        "            intent = await app.ledger.store_deletions.open(\n"
        "                entry.name, entry.display_name, force=True, documents=report.documents, run_id=app.run_id\n"
        "            )\n",
        "            intent = StoreIntent(entry.name, entry.display_name, True, report.documents, app.run_id, 0.0)\n",
        f"{TEST_DEATHS}::test_a_deletion_that_dies_at_any_point_is_finished_by_the_next_recovery",
    ),
    Mutant(
        "the record of the deletion of the own store stays until its ledger is put aside",
        DELETION,
        "    if not own:\n        await app.ledger.store_deletions.close(intent.store)\n",
        "    await app.ledger.store_deletions.close(intent.store)\n",
        f"{TEST_DEATHS}::test_a_deletion_that_dies_at_any_point_is_finished_by_the_next_recovery",
    ),
    Mutant(
        "nothing works on a store whose deletion was begun",
        "objlib/engine/bootstrap/store_binding.py",
        '    if intent is not None:\n        raise RefusedError(\n            f"the deletion',
        '    if False:\n        raise RefusedError(\n            f"the deletion',
        f"{TEST_DEATHS}::test_a_deletion_that_dies_at_any_point_is_finished_by_the_next_recovery",
    ),
    Mutant(
        "a name and a size are no proof of the bytes",
        "objlib/engine/stores/adoption.py",
        "    pairs = (*matches.by_content, *(matches.by_name if by_name else ()))\n",
        "    pairs = (*matches.by_content, *matches.by_name)\n",
        f"{TEST_STORES}::test_documents_with_the_bytes_of_files_are_taken_over_and_nothing_is_sent",
    ),
    Mutant(
        "a document of any ledger is taken over by no file",
        ADOPTIONS,
        "AND file_id IS NULL AND ledger_id IS NULL AND attempt_id IS NULL AND state = ?",
        "AND state = ?",
        f"{TEST_STORES}::test_a_document_of_a_ledger_is_taken_over_by_no_file",
    ),
    Mutant(
        "a first run waits for the pin of another one",
        "objlib/engine/bootstrap/store_binding.py",
        "        if len(stores) > 1 and (pinned := await _pinned_soon(app)) is not None:\n",
        "        if len(stores) > 1 and (pinned := await app.ledger.settings.pinned()) is not None:\n",
        "tests/engine/bootstrap/test_store_binding.py"
        "::test_a_first_run_that_sees_the_stores_of_two_others_waits_for_a_pin",
    ),
)
"""In the order in which they matter."""
