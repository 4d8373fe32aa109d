"""The safeguards of ``sync --prune``."""

from typing import Final

from tests.testing.mutant import Mutant

PRUNE: Final = "objlib/engine/reconcile/prune.py"
REMOVALS: Final = "objlib/ledger/deletions.py"
TEST_PRUNE: Final = "tests/engine/reconcile/test_prune.py"

PRUNES: Final = (
    Mutant(
        "a file that is gone has its time of grace",
        PRUNE,
        "    cutoff = app.now() - grace\n",
        "    cutoff = app.now()\n",
        f"{TEST_PRUNE}::test_without_prune_and_within_the_grace_everything_is_kept",
    ),
    Mutant(
        "--max-delete holds for a prune, before anything is sent",
        PRUNE,
        '    limit.check(totals.documents, indexed, "sync --prune")\n\n\nasync def prune',
        "\n\nasync def prune",
        f"{TEST_PRUNE}::test_too_many_deletions_are_refused_before_anything_is_sent",
    ),
    Mutant(
        "--max-delete holds for a prune, before anything is deleted",
        PRUNE,
        '    limit.check(totals.documents, indexed, "sync --prune")\n    app.retrier',
        "    app.retrier",
        f"{TEST_PRUNE}::test_too_many_deletions_are_refused_before_anything_is_sent",
    ),
    Mutant(
        "an empty library is no library that was cleared",
        PRUNE,
        "    if totals.documents and not scanned.scanned:\n",
        "    if False:\n",
        f"{TEST_PRUNE}::test_an_empty_library_is_refused_even_where_all_is_known_to_be_missing",
    ),
    Mutant(
        "the disk is asked once more before an intent",
        PRUNE,
        "        if absence is not None and absence.kind is not Absence.UNREADABLE:\n",
        "        if True:\n",
        f"{TEST_PRUNE}::test_a_file_that_is_on_disk_is_not_pruned_whatever_an_older_scan_says",
    ),
    Mutant(
        "the row is asked once more in the transaction of the intent",
        REMOVALS,
        'prunable = f"WHERE file_id = ? AND missing_since <= ? AND {_PRUNABLE}"',
        'prunable = "WHERE file_id = ? AND ? IS NOT NULL"',
        f"{TEST_PRUNE}::test_a_file_that_was_found_again_meanwhile_gets_no_intent",
    ),
    Mutant(
        "a file under way is not pruned",
        REMOVALS,
        '    f" AND gemini_state NOT IN ({_IN_TRANSIT})"\n',
        "",
        f"{TEST_PRUNE}::test_a_file_that_is_under_way_is_not_pruned",
    ),
)
