"""The safeguards of a run and of its recovery."""

from typing import Final

from tests.testing.mutant import Mutant

RECOVER: Final = "tests/engine/test_recover.py"
RUNS: Final = "tests/engine/test_runs.py"
STORE_BINDING: Final = "tests/engine/bootstrap/test_store_binding.py"
FIRST: Final = "tests/engine/requests/test_retry.py"
LEDGER: Final = "tests/ledger/test_transitions.py"

UPLOAD: Final = (
    Mutant(
        "the attempt is recorded with the claim",
        "objlib/ledger/transition_sql.py",
        "    Event.START_UPLOAD: _OPEN_ATTEMPT,\n",
        "",
        f"{LEDGER}::test_start_upload_opens_an_attempt_and_replaces_the_metadata",
    ),
    Mutant(
        "the session is recorded before a byte is sent",
        "objlib/engine/attempt/send.py",
        "        await app.ledger.attempts.record_session(attempt.attempt_id, session)\n",
        "",
        f"{RECOVER}::test_recovery_probes_again_where_a_session_cannot_be_closed",
    ),
    Mutant(
        "files that another session is claiming are left to it",
        "objlib/ledger/dialects/postgres.py",
        '"FOR NO KEY UPDATE SKIP LOCKED"',
        '"FOR NO KEY UPDATE"',
        "tests/ledger/test_claims.py::test_a_file_that_another_session_has_locked_is_left_to_it",
    ),
    Mutant(
        "the names of operation and document are recorded",
        "objlib/engine/upload/file_task.py",
        "mark_uploaded(result.operation, result.document)",
        "mark_uploaded(None, None)",
        f"{RECOVER}::test_every_delete_has_its_intent_first_and_leaves_another_document",
    ),
    Mutant(
        "a delete has its intent first",
        "objlib/engine/attempt/delete.py",
        "    return await execute_intent(app, intent)\n",
        "    await app.ledger._database.write(lambda conn: conn.execute('DELETE FROM intents').rowcount)\n"
        "    return await execute_intent(app, intent)\n",
        f"{RECOVER}::test_every_delete_has_its_intent_first_and_leaves_another_document",
    ),
    Mutant(
        "the replaced document is remembered with the swap",
        "objlib/ledger/transition_sql.py",
        '        " WHEN gemini_document <> :document THEN gemini_document"\n',
        "",
        f"{LEDGER}::test_an_older_document_is_superseded_and_never_forgotten",
    ),
    Mutant(
        "an older superseded document gets an intent in the same transaction",
        "objlib/ledger/transition_sql.py",
        "    if older is not None and row is not None and older not in row.documents:\n",
        "    if False:\n",
        f"{LEDGER}::test_an_older_document_is_superseded_and_never_forgotten",
    ),
    Mutant(
        "the failure of a document and the intent to delete it are one",
        "objlib/ledger/transition_sql.py",
        "    for discard in t.discards:\n",
        "    for discard in t.discards if t.event is Event.ADOPT else ():\n",
        f"{RECOVER}::test_a_failed_document_is_deleted_even_if_the_run_dies_after_the_transition",
    ),
    Mutant(
        "a document that a row takes is no longer to be deleted",
        "objlib/ledger/transition_sql.py",
        "        IntentTable.withdraw(conn, now, document)\n",
        "        pass\n",
        f"{LEDGER}::test_a_document_that_a_row_takes_is_no_longer_meant_to_go",
    ),
    Mutant(
        "open intents are carried out by recovery",
        "objlib/engine/recover.py",
        "await deletes.start(intent.document_name, partial(execute_intent, app, intent))",
        "pass",
        f"{RECOVER}::test_a_replaced_document_is_deleted_in_the_end",
    ),
    Mutant(
        "superseded documents without an intent are removed by recovery",
        "objlib/engine/recover.py",
        "if row.state is State.INDEXED and old is not None and old not in self._postponed:",
        "if False:",
        f"{RECOVER}::test_a_replaced_document_is_deleted_in_the_end",
    ),
    Mutant(
        "the session is asked before anything is sent again",
        "objlib/core/lifecycle/recovery.py",
        "        case None:\n            return Probe.SESSION\n",
        "        case None:\n            return Requeue('a guess')\n",
        f"{RECOVER}::test_no_listing_is_made_while_sessions_can_be_queried",
    ),
    Mutant(
        "an open session is closed before the file goes back (recovery)",
        "objlib/engine/attempt/enact.py",
        "            if cancel_session and not await attempt.close_session(retry=True):\n",
        "            if False:\n",
        f"{RECOVER}::test_recovery_probes_again_where_a_session_cannot_be_closed",
    ),
    Mutant(
        "an open session is closed before the file goes back (the run itself)",
        "objlib/engine/upload/file_task.py",
        "                    if cancel_session and not await self._session_closed():\n",
        "                    if False:\n",
        f"{RECOVER}::test_a_finalize_that_lands_between_probe_and_cancel_is_adopted",
    ),
    Mutant(
        "a refusal says nothing about bytes lost before it",
        "objlib/engine/attempt/send.py",
        "                if unanswered:\n",
        "                if False:\n",
        f"{RECOVER}::test_a_refusal_says_nothing_about_the_bytes_lost_before_it",
    ),
    Mutant(
        "the store is listed before a file without a session goes back",
        "objlib/core/lifecycle/recovery.py",
        "    if facts.listed is None:\n        return Probe.LISTING\n",
        "    if facts.listed is None:\n        return Requeue('a guess')\n",
        f"{RECOVER}::test_unknown_outcomes_cost_one_listing_at_most",
    ),
    Mutant(
        "one listing serves all",
        "objlib/engine/recover.py",
        "                        self.unlisted.append((attempt, facts))\n",
        "                        self.unlisted = [(attempt, facts)]\n"
        "                        await self.decide_by_listing()\n"
        "                        self.unlisted = []\n",
        f"{RECOVER}::test_unknown_outcomes_cost_one_listing_at_most",
    ),
    Mutant(
        "a listing waits until fresh documents are listed",
        "objlib/core/remote.py",
        "LISTING_LAG: Final = 5.0\n",
        "LISTING_LAG: Final = 0.0\n",
        f"{RECOVER}::test_a_listing_waits_until_fresh_documents_are_listed",
    ),
    Mutant(
        "a store whose creation got no answer is looked for when it is sure to be listed",
        "objlib/engine/bootstrap/store_binding.py",
        "        await trio.sleep_until(now + LISTING_LAG)\n",
        "",
        "tests/engine/bootstrap/test_store_binding.py::test_a_store_that_is_listed_late_is_not_created_twice",
    ),
    Mutant(
        "a dead process is known by its id",
        "objlib/liveness.py",
        "    except ProcessLookupError:\n        return False\n",
        "    except ProcessLookupError:\n        return True\n",
        f"{RUNS}::test_a_run_of_this_host_is_judged_by_its_process",
    ),
    Mutant(
        "a zombie is dead",
        "objlib/liveness.py",
        "    return not _is_zombie(pid)\n",
        "    return True\n",
        "tests/test_liveness.py::test_a_zombie_is_dead",
    ),
    Mutant(
        "a run that lives keeps its rows",
        "objlib/engine/runs.py",
        "    return True if abs(now - run.heartbeat) <= STALE_AFTER else None\n",
        "    return False\n",
        f"{RUNS}::test_a_run_of_this_host_is_judged_by_its_process",
    ),
    Mutant(
        "a heart in doubt is watched",
        "objlib/engine/runs.py",
        "                later is not None and later.ended is None and later.heartbeat != run.heartbeat\n",
        "                False\n",
        f"{RUNS}::test_the_rows_of_a_live_run_are_left_alone_whatever_its_clock_says",
    ),
    Mutant(
        "a heart that does not beat is dead, whatever its time",
        "objlib/engine/runs.py",
        "                later is not None and later.ended is None and later.heartbeat != run.heartbeat\n",
        "                True\n",
        f"{RUNS}::test_the_rows_of_a_dead_run_are_taken_over_whatever_its_clock_said",
    ),
    Mutant(
        "what a scan found unfit is not sent",
        "objlib/engine/upload/file_task.py",
        "            self._require_fit()\n",
        "",
        f"{RECOVER}::test_a_file_that_was_emptied_while_a_dead_run_had_it_is_not_sent",
    ),
    Mutant(
        "a file that changed while it was under way is sent again at once",
        "objlib/engine/attempt/enact.py",
        "        if row.indexed_hash == row.content_hash or row.missing_since is not None:\n",
        "        if True:\n",
        f"{RECOVER}::test_a_file_changed_while_a_dead_run_had_it_is_sent_by_the_next_run",
    ),
    Mutant(
        "first runs at once agree on one store",
        "objlib/engine/bootstrap/store_binding.py",
        "    return await _pin_created(app, await create_store(app, display_name), display_name)\n",
        "    return await _join(app, await create_store(app, display_name), create=True, any_ledger=True)\n",
        f"{STORE_BINDING}::test_first_runs_at_once_agree_on_one_store",
    ),
    Mutant(
        "a store whose making was not answered is looked for before another is made",
        "objlib/engine/bootstrap/store_binding.py",
        "        if stores := await find_stores(app, display_name):\n            return _known(app, stores[0])\n",
        "",
        f"{FIRST}::test_a_store_whose_making_was_not_answered_is_looked_for_and_not_made_twice",
    ),
    Mutant(
        "a server error to the request that makes the store is retried",
        "objlib/engine/bootstrap/store_binding.py",
        "        await app.retrier.wait(Purpose.LIST, unanswered, tries, first, now)\n",
        "        raise unanswered\n",
        f"{FIRST}::test_a_server_error_to_the_request_that_makes_the_store_is_retried",
    ),
    Mutant(
        "the Retry-After of a server error holds its own request",
        "objlib/engine/requests/retry.py",
        "        delay = pause if error.kind.throttles else wait\n",
        "        delay = pause\n",
        f"{FIRST}::test_the_retry_after_of_a_server_error_holds_its_own_request_only",
    ),
    Mutant(
        "faults at random do not limit the speed",
        "objlib/engine/requests/governor.py",
        "        self._controller = self._controller.failed(started=started, now=now, in_use=self._tokens_in_use())\n",
        "        self._controller = self._controller.throttled(\n"
        "            started=started, now=now, retry_after=error.retry_after, in_use=self._in_flight\n        )\n",
        "tests/engine/requests/test_governor.py::test_random_faults_leave_the_speed_as_it_is",
    ),
    Mutant(
        "nothing new begins after the service said that there is no more today",
        "objlib/engine/requests/governor.py",
        "                if intake and self._ending_error is not None:\n",
        "                if False:\n",
        f"{FIRST}::test_nothing_new_begins_after_the_service_said_that_there_is_no_more_today",
    ),
    Mutant(
        "nothing is sent after an answer about the whole run",
        "objlib/engine/requests/retry.py",
        "                self.fatal = error\n",
        "                pass\n",
        f"{FIRST}::test_after_an_answer_about_the_whole_run_nothing_more_is_sent",
    ),
    Mutant(
        "what is not answered at all is waited for once",
        "objlib/engine/requests/retry.py",
        "                self._block({purpose}, last)\n",
        "                pass\n",
        f"{FIRST}::test_what_is_not_answered_at_all_is_not_waited_for_once_for_each_request",
    ),
    Mutant(
        "an answer about the whole run ends it where a delete gets it",
        "objlib/engine/attempt/delete.py",
        "        if error.kind.ends_run:\n            raise\n",
        "",
        "tests/engine/attempt/test_delete.py::test_no_file_is_sent_after_a_delete_has_ended_the_run",
    ),
    Mutant(
        "the compare-and-set compares the version",
        "objlib/ledger/transition_sql.py",
        ' AND gemini_state = :state AND version = :version"\n    )\n',
        ' AND gemini_state = :state"\n    )\n',
        "tests/ledger/test_races.py::test_a_row_that_came_back_to_its_state_is_another_than_before",
    ),
    Mutant(
        "an attempt that another run has ended takes no session",
        "objlib/ledger/attempts.py",
        ' WHERE attempt_id = ? AND outcome IS NULL",\n            (session_url',
        ' WHERE attempt_id = ?",\n            (session_url',
        f"{LEDGER}::test_the_session_url_is_wiped_when_the_attempt_is_over",
    ),
)
