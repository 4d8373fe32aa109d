"""The safeguards against taking silence, or a part, for an answer."""

from typing import Final

from tests.testing.mutant import Mutant

RECOVER: Final = "objlib/engine/recover.py"
INQUIRY: Final = "objlib/engine/attempt/probe.py"
REMOVALS: Final = "objlib/ledger/deletions.py"
TEST_DOUBT: Final = "tests/engine/attempt/test_wait_active.py"
TEST_BODY: Final = "tests/engine/attempt/test_file_body.py"
TEST_SURPLUS: Final = "tests/ledger/test_intents.py"
TEST_STORE_SYNC: Final = "tests/engine/reconcile/test_store_sync.py"
SILENCE: Final = f"{TEST_DOUBT}::test_silence_about_one_document_decides_nothing_and_blocks_no_other"

DOUBTS: Final = (
    Mutant(
        "the last bytes are sent only if all of them add up to the hash",
        "objlib/engine/attempt/file_body.py",
        "        if last and digest.hexdigest() != self._row.content_hash:\n",
        "        if False:\n",
        f"{TEST_DOUBT}::test_a_file_that_changes_behind_its_first_chunk_makes_no_document_of_both",
    ),
    Mutant(
        "bytes that are sent again are those of the first time",
        "objlib/engine/attempt/file_body.py",
        "        if self._pieces.setdefault(at, digest.digest()) != digest.digest():\n",
        "        if False:\n",
        f"{TEST_BODY}::test_bytes_that_are_read_again_have_to_be_what_they_were",
    ),
    Mutant(
        "bytes that the service had before are held against the file",
        "objlib/engine/attempt/file_body.py",
        "        while self._source is not None and self._at < self._end:\n",
        "        while False:\n",
        f"{TEST_BODY}::test_what_the_service_has_already_is_held_against_the_file",
    ),
    Mutant(
        "a file that has grown is not sent as it was",
        "objlib/engine/attempt/file_body.py",
        "    return filled == len(piece) and not (last and source.read(1))\n",
        "    return filled == len(piece)\n",
        f"{TEST_BODY}::test_the_last_piece_of_a_file_that_is_another_is_not_given_out",
    ),
    Mutant(
        "a session that cannot be asked leaves the outcome unknown",
        "objlib/engine/attempt/send.py",
        "    except GeminiError as silence:\n",
        "    except KeyError as silence:\n",
        "tests/engine/test_recover.py::test_a_finalize_that_lands_between_probe_and_cancel_is_adopted",
    ),
    Mutant(
        "a cancel without an answer closes nothing",
        "objlib/engine/upload/file_task.py",
        "        except GeminiError:\n            return False\n",
        "        except GeminiError:\n            return True\n",
        f"{TEST_DOUBT}::test_a_cancel_without_an_answer_closes_nothing",
    ),
    Mutant(
        "a document that is nowhere is given up by a listing alone",
        "objlib/engine/attempt/wait_active.py",
        "            case _:\n                pass  # it cannot be found, and only a listing can tell\n",
        "            case _:\n                failure = Failure.of(FailureKind.TIMEOUT, 'nowhere')\n"
        "                await attempt.mark_failed(failure, facts.document_name)\n",
        f"{TEST_DOUBT}::test_only_a_listing_gives_up_a_document_that_cannot_be_found",
    ),
    Mutant(
        "a document is absent only if the service says so",
        "objlib/engine/requests/retry.py",
        "            if error.kind is not ErrorKind.NOT_FOUND:\n                raise\n",
        "",
        f"{SILENCE}[document]",
    ),
    Mutant(
        "an operation is absent only if the service says so",
        "objlib/engine/requests/retry.py",
        "            if error.kind is not ErrorKind.NOT_FOUND:\n                raise\n",
        "",
        f"{SILENCE}[operation]",
    ),
    Mutant(
        "a row that gets no answer is left and blocks no other",
        RECOVER,
        '            self._report.left += 1\n            self._note(attempt, "left", str(error))\n',
        "            raise\n",
        f"{SILENCE}[document]",
    ),
    Mutant(
        "a listing without an answer decides nothing",
        RECOVER,
        "            app.observer.event(EventKind.LISTING_FAILED, error=str(error))\n            return\n",
        "            app.observer.event(EventKind.LISTING_FAILED, error=str(error))\n            listed = {}\n",
        f"{TEST_DOUBT}::test_a_listing_without_an_answer_decides_nothing",
    ),
    Mutant(
        "a page token that repeats ends a listing",
        "objlib/gemini/pages.py",
        "            if token in self._tokens:\n",
        "            if False:\n",
        "tests/engine/test_recover.py::test_a_listing_whose_pages_go_in_a_circle_ends_and_decides_nothing",
    ),
    Mutant(
        "a listing waits from the last question on",
        RECOVER,
        ".sleep(LISTING_LAG)\n",
        ".sleep(max(0.0, LISTING_LAG - app.now() + max(each.record.updated_at for each, _ in self.unlisted)))\n",
        "tests/engine/test_recover.py::test_the_listing_lag_counts_from_the_last_probe",
    ),
    Mutant(
        "a superseded document stays while there is no newer one",
        RECOVER,
        "if row.state is State.INDEXED and old is not None and old not in seen:",
        "if old is not None and old not in seen:",
        f"{TEST_DOUBT}::test_a_superseded_document_stays_while_there_is_no_newer_one",
    ),
    Mutant(
        "what a run has under way is left to its tasks",
        RECOVER,
        "            return not self._own\n",
        "            return False\n",
        f"{TEST_DOUBT}::test_recovery_leaves_rows_in_flight_to_the_tasks_of_its_own_run",
    ),
    Mutant(
        "the fence deletes the temporary file",
        INQUIRY,
        "        await self._send(Purpose.DELETE, partial(self.app.client.files.delete, facts.importable))\n",
        "",
        "tests/engine/test_recover.py::test_an_import_that_comes_late_makes_nothing",
    ),
    Mutant(
        "for an attempt that is over nothing is chosen",
        "objlib/ledger/attempts.py",
        " AND {conn.dialect.same('document_name', '?')} AND outcome IS NULL",
        " AND {conn.dialect.same('document_name', '?')}",
        f"{TEST_SURPLUS}::test_for_an_attempt_that_is_over_nothing_is_chosen",
    ),
    Mutant(
        "an intent whose delete was sent is not withdrawn",
        "objlib/ledger/intents.py",
        " AND done_at IS NULL AND sent_at IS NULL",
        " AND done_at IS NULL",
        f"{TEST_SURPLUS}::test_an_intent_whose_delete_was_sent_is_not_withdrawn",
    ),
    Mutant(
        "both documents of a file that is gone are meant to go",
        REMOVALS,
        "        for document in row.documents if row else ():\n",
        "        for document in row.documents[:1] if row else ():\n",
        f"{TEST_SURPLUS}::test_both_documents_of_a_file_that_is_gone_are_meant_to_go",
    ),
    Mutant(
        "a failed file that is back keeps no intent open",
        REMOVALS,
        "        if row.state is not State.FAILED:  # a failed file gets no new document by itself\n",
        "        if True:\n",
        "tests/engine/reconcile/test_prune.py::"
        "test_a_file_back_unfit_after_its_delete_was_sent_leaves_no_intent_open",
    ),
    Mutant(
        "a document that is superseded is leaving, intent or not",
        "objlib/ledger/comparison.py",
        '    " OR EXISTS (SELECT 1 FROM files s WHERE s.superseded_document = {document}))"\n',
        '    ")"\n',
        f"{TEST_STORE_SYNC}::test_a_document_that_was_replaced_is_left_to_recovery_even_before_its_intent",
    ),
    Mutant(
        "a file that moved on is not demoted",
        "objlib/ledger/comparison.py",
        "        demoted = apply_transition(conn, Move(row, run_id).demote(failure), now)\n",
        "        fresh = FileTable.get(conn, row.file_id) or row\n"
        "        demoted = apply_transition(conn, Move(fresh, run_id).demote(failure), now)\n",
        f"{TEST_STORE_SYNC}::test_a_file_that_moved_on_while_its_step_was_checked_is_left_alone",
    ),
    Mutant(
        "a scan that another run's scan has outrun looks again",
        "objlib/ledger/scan/diff.py",
        "    return since is not None and scan_generation(conn) != since\n",
        "    return False\n",
        "tests/engine/scan/test_scan.py::test_who_looked_before_another_run_recorded_looks_again",
    ),
    Mutant(
        "also between two pages of new files",
        "objlib/ledger/scan/session.py",
        "    if diff.is_outrun(conn, since):\n",
        "    if False:\n",
        "tests/engine/scan/test_scan.py::test_who_is_outrun_between_two_pages_of_new_files_looks_again",
    ),
    Mutant(
        "a file is new only if none has left its path",
        "objlib/ledger/scan/diff.py",
        "    return bool(rows == same)\n",
        "    return True\n",
        "tests/engine/scan/test_scan.py"
        "::test_new_files_are_recorded_at_once_only_while_no_file_has_left_its_path",
    ),
    Mutant(
        "and one that an upload has outrun",
        "objlib/ledger/scan/session.py",
        "        bump_scan_generation(conn)\n        if snapshot is None:\n",
        "        if snapshot is None:\n",
        "tests/engine/scan/test_scan.py::test_who_looked_before_an_upload_found_a_file_gone_looks_again",
    ),
    Mutant(
        "a scan leaves alone what another run has changed since",
        "objlib/ledger/scan/apply.py",
        ' AND content_hash = :was_hash AND mtime_ns = :was_mtime"\n)',
        '"\n)',
        "tests/engine/scan/test_scan.py::test_what_another_run_did_meanwhile_is_left_alone",
    ),
)
