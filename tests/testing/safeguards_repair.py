"""The safeguards of ``store-sync`` and ``rebuild``."""

from typing import Final

from tests.testing.mutant import Mutant

CLASSIFICATION: Final = "objlib/engine/reconcile/classification.py"
STORE_SYNC: Final = "objlib/engine/reconcile/store_sync.py"
AUDITS: Final = "objlib/ledger/comparison.py"
TEST_SYNC: Final = "tests/engine/reconcile/test_store_sync.py"
TEST_RECOVER: Final = "tests/engine/test_recover.py"
TEST_REBUILD: Final = "tests/engine/reconcile/test_rebuild.py"
TEST_LISTINGS: Final = "tests/ledger/test_listings.py"
TEST_SURPLUS: Final = "tests/ledger/test_intents.py"
TEST_CLASSIFICATION: Final = "tests/engine/reconcile/test_classification.py"
EACH_KIND: Final = f"{TEST_SYNC}::test_each_kind_of_drift_is_found_repaired_and_brought_back_by_an_upload"
KNOWN: Final = f"{TEST_CLASSIFICATION}::test_a_document_of_a_known_file"

REPAIRS: Final = (
    Mutant(
        "an orphan is found",
        CLASSIFICATION,
        "    return DriftKind.ORPHAN if row is None",
        "    return DriftKind.DELETING if row is None",
        EACH_KIND,
    ),
    Mutant(
        "a duplicate is found",
        CLASSIFICATION,
        "if row is None else DriftKind.DUPLICATE",
        "if row is None else DriftKind.DELETING",
        EACH_KIND,
    ),
    Mutant(
        "a ghost is found",
        CLASSIFICATION,
        "        kinds.setdefault(row.document, DriftKind.GHOST)\n",
        "        pass\n",
        EACH_KIND,
    ),
    Mutant(
        "a document of other bytes is found",
        CLASSIFICATION,
        "        return DriftKind.STALE_CONTENT\n",
        "        return DriftKind.OK\n",
        EACH_KIND,
    ),
    Mutant(
        "a document that failed is found",
        CLASSIFICATION,
        "        return DriftKind.BROKEN\n",
        "        return DriftKind.OK\n",
        EACH_KIND,
    ),
    Mutant(
        "a document with other metadata is found",
        CLASSIFICATION,
        "as_kept(listed.metadata) != as_kept(row.metadata):\n        return DriftKind.METADATA_MISMATCH",
        "as_kept(listed.metadata) != as_kept(row.metadata):\n        return DriftKind.OK",
        EACH_KIND,
    ),
    Mutant(
        "a document with another name is found",
        CLASSIFICATION,
        "        return DriftKind.STALE_NAME\n",
        "        return DriftKind.OK\n",
        KNOWN,
    ),
    Mutant(
        "what does not carry our mark is foreign",
        CLASSIFICATION,
        "    if not ours:\n        return DriftKind.FOREIGN\n",
        "",
        f"{TEST_SYNC}::test_two_ledgers_on_one_store_leave_each_other_alone",
    ),
    Mutant(
        "what is in flight is left alone",
        CLASSIFICATION,
        "    if standing.in_flight:\n        return DriftKind.IN_FLIGHT\n",
        "",
        f"{TEST_SYNC}::test_what_is_in_flight_or_leaving_is_left_alone",
    ),
    Mutant(
        "what is leaving is left alone",
        CLASSIFICATION,
        "    if standing.leaving:\n        return DriftKind.DELETING\n    return DriftKind.ORPHAN",
        "    return DriftKind.ORPHAN",
        f"{TEST_SYNC}::test_what_is_in_flight_or_leaving_is_left_alone",
    ),
    Mutant(
        "a finding that a listing cannot prove is confirmed",
        "objlib/engine/reconcile/compare.py",
        "        if kind in UNCERTAIN:\n",
        "        if False:\n",
        f"{TEST_SYNC}::test_pages_that_overlap_and_a_listing_that_lags_make_no_drift",
    ),
    Mutant(
        "without --apply nothing is changed",
        STORE_SYNC,
        "    if not apply:\n        return report, plan",
        "    if False:\n        return report, plan",
        EACH_KIND,
    ),
    Mutant(
        "what a dead run left is settled before it is judged",
        STORE_SYNC,
        "        await recover(app)\n",
        "        pass\n",
        f"{TEST_SYNC}::test_what_a_dead_run_left_is_settled_before_it_is_judged",
    ),
    Mutant(
        "--max-delete holds for a repair",
        STORE_SYNC,
        '    limit.check(plan.deletions(), indexed, f"store-sync{of} --apply")\n',
        "",
        f"{TEST_SYNC}::test_more_deletions_than_allowed_are_refused_and_nothing_is_changed",
    ),
    Mutant(
        "a plan is for one store",
        STORE_SYNC,
        "        plan.check(app.store, app.ledger_id)\n",
        "        pass\n",
        f"{TEST_SYNC}::test_a_saved_plan_is_applied_without_a_listing_and_each_step_is_checked_again",
    ),
    Mutant(
        "a deletion of a plan is looked at again",
        STORE_SYNC,
        "        if kind not in SURPLUS:\n",
        "        if False:\n",
        f"{TEST_SYNC}::test_a_saved_plan_is_applied_without_a_listing_and_each_step_is_checked_again",
    ),
    Mutant(
        "a repair of a plan is looked at again",
        STORE_SYNC,
        "        if row is None or row.document != step.document or kind is not step.kind:\n",
        "        if row is None:\n",
        f"{TEST_SYNC}::test_a_saved_plan_is_applied_without_a_listing_and_each_step_is_checked_again",
    ),
    Mutant(
        "metadata is repaired on request only",
        STORE_SYNC,
        "                    if step.kind in ON_REQUEST and not self.metadata:\n",
        "                    if False:\n",
        f"{TEST_SYNC}::test_a_rename_is_information_and_refreshed_only_on_request",
    ),
    Mutant(
        "files that change places keep the paths that they were sent with",
        "objlib/ledger/scan/apply.py",
        "'/' || file_id, sent_path = {_SENT_PATH} WHERE",
        "'/' || file_id WHERE",
        "tests/engine/scan/test_moves.py::test_files_that_change_places_have_stale_names_until_they_change_back",
    ),
    Mutant(
        "a repair has its intent first",
        STORE_SYNC,
        "            deleted = await execute_intent(app, intent) is Removal.DONE\n",
        "            await app.ledger._database.write(lambda conn: conn.execute('DELETE FROM intents').rowcount)\n"
        "            deleted = await execute_intent(app, intent) is Removal.DONE\n",
        f"{TEST_SYNC}::test_a_delete_without_an_answer_is_left_to_recovery",
    ),
    Mutant(
        "the intent of a repair is refused where the document is wanted",
        AUDITS,
        "    if standing.in_flight or (row is not None and row.document == document):\n",
        "    if False:\n",
        f"{TEST_SURPLUS}::test_a_document_that_is_wanted_after_all_is_not_meant_to_go",
    ),
    Mutant(
        "a broken document is demoted in the history",
        AUDITS,
        "        demoted = apply_transition(",
        "        return apply_transition(conn, Move(row, run_id).reset(reason), now)\n"
        "        demoted = apply_transition(",
        EACH_KIND,
    ),
    Mutant(
        "a demoted file is queued in the same transaction",
        AUDITS,
        "        return apply_transition(conn, Move(demoted, run_id).retry(reason), now)\n",
        "        return demoted\n",
        EACH_KIND,
    ),
    Mutant(
        "a listing goes on from its cursor",
        "objlib/engine/reconcile/listing.py",
        "listing.token, listing.pages\n",
        "None, 0\n",
        f"{TEST_SYNC}::test_an_interrupted_listing_goes_on_where_it_broke_off",
    ),
    Mutant(
        "the cursor is recorded with its page",
        "objlib/ledger/listings.py",
        "UPDATE listings SET token = ?, pages = pages + 1, updated",
        "UPDATE listings SET token = iif(?, token, token), pages = pages + 1, updated",
        f"{TEST_SYNC}::test_an_interrupted_listing_goes_on_where_it_broke_off",
    ),
    Mutant(
        "a living run keeps its listing",
        "objlib/ledger/listings.py",
        "    dead = f\"run_id NOT IN {conn.dialect.texts('?')}\"\n",
        '    dead = "? IS NOT NULL"\n',
        f"{TEST_LISTINGS}::test_a_dead_runs_listing_is_resumed_and_a_living_runs_is_not",
    ),
    Mutant(
        "a ledger with files is not made again",
        "objlib/ledger/rebuild.py",
        "        RebuildTable.refuse_files(conn)\n        conn.execute(",
        "        conn.execute(",
        f"{TEST_REBUILD}::test_a_ledger_with_files_is_refused",
    ),
    Mutant(
        "a store with a lost ledger's documents is not joined",
        "objlib/engine/bootstrap/store_binding.py",
        "    elif not any_ledger:\n        await refuse_lost_ledger(app, name)\n",
        "",
        "tests/cli/test_ledger_lost.py::test_a_lost_ledger_stops_every_command_and_is_made_again[True]",
    ),
    Mutant(
        "a ledger that is here is not taken for lost",
        "objlib/engine/reconcile/adopt.py",
        "    if holder is not None:\n",
        "    if holder is None and holder:\n",
        "tests/cli/test_ledger_lost.py::test_libraries_that_share_a_store_are_not_lost",
    ),
    Mutant(
        "a folder is compared with its own ledger only",
        "objlib/engine/bootstrap/library_binding.py",
        "    if text == text_of_root(root):\n",
        "    if text:\n",
        "tests/cli/test_known_libraries.py::test_a_ledger_that_is_named_outside_is_compared_with_its_own_library",
    ),
    Mutant(
        "which ledger was lost is not guessed",
        "objlib/engine/reconcile/rebuild.py",
        "    if len(owners) > 1:\n",
        "    if False:\n",
        f"{TEST_REBUILD}::test_of_two_ledgers_in_a_store_one_has_to_be_named",
    ),
    Mutant(
        "only an ACTIVE document makes an indexed row",
        "objlib/ledger/rebuild.py",
        "    if document.state != DocumentState.ACTIVE:\n",
        "    if False:\n",
        f"{TEST_REBUILD}::test_rows_come_to_indexed_by_legal_edges_and_only_for_active_documents",
    ),
    Mutant(
        "a failed document makes no row",
        "objlib/ledger/rebuild.py",
        " if each.content_hash and each.state != DocumentState.FAILED]",
        " if each.content_hash]",
        f"{TEST_REBUILD}::test_rows_come_to_indexed_by_legal_edges_and_only_for_active_documents",
    ),
    Mutant(
        "a document that says FAILED is asked again",
        "objlib/engine/attempt/wait_active.py",
        "(LASTING_CONFIRMATIONS if lasting else governor.failed_confirmations)",
        "1",
        f"{TEST_RECOVER}::test_a_document_that_is_failed_once_is_polled_again",
    ),
)
