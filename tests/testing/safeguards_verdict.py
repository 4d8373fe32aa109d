"""The safeguards of verdicts, of the choice among documents, and of deletes on record."""

from typing import Final

from tests.testing.mutant import Mutant

VERDICT: Final = "objlib/core/lifecycle/recovery.py"
TEST_VERDICT: Final = "tests/core/lifecycle/test_recovery.py"
REMOVALS: Final = "objlib/ledger/deletions.py"
TEST_PRUNE: Final = "tests/engine/reconcile/test_prune.py"
TEST_RECOVER: Final = "tests/engine/test_recover.py"
TEST_UPLOAD: Final = "tests/engine/upload/test_run.py"
TEST_QUERIES: Final = "tests/ledger/test_files.py"
TEST_SURPLUS: Final = "tests/ledger/test_intents.py"
ORDER: Final = f"{TEST_VERDICT}::test_probes_come_in_the_order_that_costs_least"
GUESS: Final = f"{TEST_VERDICT}::test_nothing_is_sent_again_while_a_document_may_exist"

VERDICTS: Final = (
    Mutant(
        "an attempt that sent nothing goes back without a question",
        VERDICT,
        "    if not facts.sent:\n",
        "    if False:\n",
        ORDER,
    ),
    Mutant(
        "a document that its session names is adopted",
        VERDICT,
        "    if facts.document_name is not None:\n        return Adopt",
        "    if False:\n        return Adopt",
        ORDER,
    ),
    Mutant(
        "an unfinished session is closed",
        VERDICT,
        ", cancel_session=True)",
        ")",
        f"{TEST_VERDICT}::test_an_unfinished_session_is_closed_before_the_file_is_sent_again",
    ),
    Mutant(
        "an import that may come late loses its file",
        VERDICT,
        "            if facts.importable is not None and facts.listed is None:\n",
        "            if False:\n",
        f"{TEST_RECOVER}::test_an_import_that_comes_late_makes_nothing",
    ),
    Mutant(
        "an ACTIVE document completes its row",
        VERDICT,
        "            return Complete(facts.document_name)\n",
        "            return Wait()\n",
        f"{TEST_VERDICT}::test_an_active_document_completes_whatever_its_operation_says",
    ),
    Mutant(
        "a document that is not ACTIVE does not",
        VERDICT,
        "        case DocumentState.PENDING:\n            return Wait()\n",
        "        case DocumentState.PENDING:\n            return Complete(facts.document_name)\n",
        f"{TEST_VERDICT}::test_only_an_active_document_completes",
    ),
    Mutant(
        "the reason of a failed document is asked for",
        VERDICT,
        "            if facts.operation_name is not None and facts.operation is None:\n",
        "            if False:\n",
        f"{TEST_UPLOAD}::test_a_document_that_cannot_be_indexed_fails_with_the_reason_and_is_deleted",
    ),
    Mutant(
        "a document that is not there is asked for by its operation",
        VERDICT,
        "            case None:\n                return Probe.OPERATION\n",
        "            case None:\n                return Requeue('a guess')\n",
        GUESS,
    ),
    Mutant(
        "a running operation is waited for",
        VERDICT,
        "            case OperationState.RUNNING:\n                return Wait()\n",
        "            case OperationState.RUNNING:\n                return Requeue('a guess')\n",
        GUESS,
    ),
    Mutant(
        "a document found by the listing is adopted",
        VERDICT,
        "    if not facts.listed:\n        return Requeue",
        "    if True:\n        return Requeue",
        f"{TEST_RECOVER}::test_unknown_outcomes_cost_one_listing_at_most",
    ),
    Mutant(
        "of two documents of an attempt the surplus is named",
        VERDICT,
        "    return Adopt(kept, None, tuple(surplus))",
        "    return Adopt(kept, None)",
        f"{TEST_VERDICT}::test_two_documents_of_one_attempt_leave_one",
    ),
    Mutant(
        "the surplus has its intents with the choice (adopt)",
        "objlib/ledger/transition_sql.py",
        "    for discard in t.discards:\n",
        "    for discard in t.discards if t.event is Event.FAIL_PROCESSING else ():\n",
        f"{TEST_SURPLUS}::test_who_adopts_one_document_means_the_others_to_go",
    ),
    Mutant(
        "the surplus has its intents with the choice (under way)",
        "objlib/ledger/attempts.py",
        "    for extra in surplus:\n",
        "    for extra in ():\n",
        f"{TEST_SURPLUS}::test_of_two_that_choose_for_an_attempt_under_way_the_first_decides",
    ),
    Mutant(
        "a document that an attempt takes is no longer to be deleted",
        "objlib/ledger/attempts.py",
        "        IntentTable.withdraw(conn, now, document)\n",
        "",
        f"{TEST_SURPLUS}::test_of_two_that_choose_for_an_attempt_under_way_the_first_decides",
    ),
    Mutant(
        "of two recoveries one chooses",
        "objlib/ledger/attempts.py",
        " AND {conn.dialect.same('document_name', '?')} AND outcome IS NULL",
        " AND coalesce(?, 1) IS NOT NULL AND outcome IS NULL",
        f"{TEST_SURPLUS}::test_of_two_that_choose_for_an_attempt_under_way_the_first_decides",
    ),
    Mutant(
        "a closed intent is forgotten by its row",
        "objlib/ledger/intents.py",
        "    if closed is not None:\n",
        "    if False:\n",
        f"{TEST_QUERIES}::test_superseded_documents_are_listed_until_their_intent_is_closed",
    ),
    Mutant(
        "a delete that was sent is on record",
        REMOVALS,
        "UPDATE intents SET sent_at = ? WHERE",
        "UPDATE intents SET sent_at = NULL WHERE ? AND",
        f"{TEST_PRUNE}::test_a_file_that_is_back_after_the_delete_was_sent_gets_a_new_document_first",
    ),
    Mutant(
        "a file that is back before its delete was sent keeps its document",
        REMOVALS,
        "        if sent_at is None:\n",
        "        if False:\n",
        f"{TEST_PRUNE}::test_a_file_that_is_back_before_the_delete_was_sent_keeps_its_document",
    ),
    Mutant(
        "a file that is back after its delete was sent gets a new one first",
        REMOVALS,
        "            return Start.REPLACE\n",
        "            pass\n",
        f"{TEST_PRUNE}::test_a_file_that_is_back_after_the_delete_was_sent_gets_a_new_document_first",
    ),
    Mutant(
        "a row forgets the document that was deleted",
        REMOVALS,
        "        if cells is not None:\n"
        "            row = FileRow.read(cells)\n"
        "            if row.state is State.INDEXED:\n"
        "                reset",
        "        if False:\n"
        "            row = FileRow.read(cells)\n"
        "            if row.state is State.INDEXED:\n"
        "                reset",
        f"{TEST_PRUNE}::test_a_file_that_comes_back_after_its_document_was_removed_is_sent_again",
    ),
)
