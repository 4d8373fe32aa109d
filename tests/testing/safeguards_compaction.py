"""The safeguards of ``ledger compact``."""

from typing import Final

from tests.testing.mutant import Mutant

THIN: Final = "objlib/ledger/compaction.py"
TESTS: Final = "tests/ledger/test_compaction.py"

COMPACTION: Final = (
    Mutant(
        "the last move of a file explains its state after a thinning",
        THIN,
        " AND e.event_id <> coalesce(kept.moved, 0)",
        "",
        f"{TESTS}::test_the_last_refusal_stays_beside_the_last_move",
    ),
    Mutant(
        "the last refusal of a file stays after a thinning",
        THIN,
        " AND e.event_id <> kept.last AND",
        " AND",
        f"{TESTS}::test_the_last_refusal_stays_beside_the_last_move",
    ),
    Mutant(
        "the events of an attempt under way are not thinned",
        THIN,
        "        AND (a.attempt_id IS NULL OR a.outcome IS NOT NULL)\n",
        "",
        f"{TESTS}::test_an_attempt_that_is_not_over_keeps_all_that_recovery_asks_for",
    ),
    Mutant(
        "the operation of an attempt under way is not forgotten",
        THIN,
        "    AND outcome IS NOT NULL AND updated_at < :cutoff\n",
        "    AND updated_at < :cutoff\n",
        f"{TESTS}::test_an_attempt_that_is_not_over_keeps_all_that_recovery_asks_for",
    ),
    Mutant(
        "a thinning takes nothing of what is younger",
        THIN,
        "        WHERE e.timestamp < :cutoff AND",
        "        WHERE :cutoff > 0 AND",
        f"{TESTS}::test_what_is_younger_stays",
    ),
    Mutant(
        "the attempt that indexed a file stays, so that the history of a pruned one tells it",
        THIN,
        " AND a.seq <> coalesce(kept.indexed, 0)",
        "",
        f"{TESTS}::test_the_history_of_a_pruned_file_tells_when_it_was_indexed",
    ),
    Mutant(
        "the attempt of a document that is still to be deleted stays",
        THIN,
        "        AND coalesce(a.document_name <> f.superseded_document, TRUE)\n",
        "",
        f"{TESTS}::test_of_each_file_the_last_move_and_the_attempts_of_its_documents_stay",
    ),
    Mutant(
        "the attempt of a file's document stays",
        THIN,
        "        AND coalesce(a.document_name <> f.gemini_document, TRUE)\n",
        "",
        f"{TESTS}::test_the_attempt_of_a_document_stays_where_later_ones_brought_none",
    ),
    Mutant(
        "an attempt that is not over is not thinned",
        THIN,
        "        WHERE a.outcome IS NOT NULL AND a.updated_at < :cutoff\n",
        "        WHERE a.updated_at < :cutoff\n",
        f"{TESTS}::test_an_attempt_that_is_not_over_stays_whatever_came_after_it",
    ),
    Mutant(
        "a run that left work behind stays on record",
        THIN,
        "SELECT run_id FROM attempts WHERE outcome IS NULL AND",
        "SELECT run_id FROM attempts WHERE FALSE AND",
        f"{TESTS}::test_of_the_runs_the_last_ones_stay_and_those_with_work_left",
    ),
    Mutant(
        "a ledger with a run at work is not compacted",
        "objlib/engine/compact.py",
        "    for run in alive:\n",
        "    for run in []:\n",
        "tests/engine/test_compact.py::test_while_a_run_is_at_work_it_is_refused",
    ),
)
