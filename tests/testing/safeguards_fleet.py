"""The safeguards of runs that share a ledger: one scans at a time, and what one is told goes for all."""

from typing import Final

from tests.testing.mutant import Mutant

TURN: Final = "tests/engine/scan/test_turn.py"
LEASES: Final = "tests/ledger/test_leases.py"
CLOSINGS: Final = "tests/engine/requests/test_shared_closings.py"

AHEAD: Final = "tests/ledger/test_ahead.py"

EXCHANGE: Final = "tests/core/pacing/test_exchange.py"

FLEET: Final = (
    Mutant(
        "runs on one quota exchange their rates soon while that moves them",
        "objlib/engine/bootstrap/run_record.py",
        "    wait = exchange.FIRST\n",
        "    wait = HEARTBEAT\n",
        f"{CLOSINGS}::test_runs_that_begin_at_once_know_a_limit_before_the_first_heartbeat",
    ),
    Mutant(
        "of runs that begin at once none ramps up beside the others",
        "objlib/core/pacing/rate_control.py",
        "state.probe_since == -math.inf and len(rates) > 1:",
        "False:",
        f"{EXCHANGE}::test_a_first_ramp_ends_where_others_have_a_limit",
    ),
    Mutant(
        "a rate that was far off does not count as measured for long",
        "objlib/core/pacing/rate_control.py",
        "            measured_for=sure,\n",
        "",
        f"{EXCHANGE}::test_a_rate_that_was_far_off_counts_as_measured_for_a_moment",
    ),
    Mutant(
        "a probe of one process does not take what the others have saved for a higher quota",
        "objlib/core/pacing/state.py",
        "    return state.burst * state.peers\n",
        "    return state.burst\n",
        f"{EXCHANGE}::test_a_probe_has_to_empty_the_bucket_that_all_fill",
    ),
    Mutant(
        "a batch waits for no answer that nothing reads",
        "objlib/postgres/transactions.py",
        "            with conn.ahead() if ahead else nullcontext():\n",
        "            with nullcontext():\n",
        f"{AHEAD}::test_answers_that_nothing_reads_are_not_waited_for",
    ),
    Mutant(
        "a count is that of its own statement, also where statements are sent ahead",
        "objlib/postgres/session.py",
        "            pipe.sync()\n",
        "            pass\n",
        f"{AHEAD}::test_what_an_operation_reads_of_an_answer_is_that_answer",
    ),
    Mutant(
        "an error of statements that were sent ahead is looked for one by one",
        "objlib/postgres/transactions.py",
        "            elif ahead and not committing and fate(error, broken=session.broken) is not Fate.LOST:\n",
        "            elif False:\n",
        f"{AHEAD}::test_an_error_that_comes_late_is_that_of_its_own_operation",
    ),
    Mutant(
        "a statement that no index helps is noticed",
        "objlib/ledger/files.py",
        """        at_path = "WHERE file_path = ? AND missing_since IS"
""",
        """        at_path = "WHERE file_path || '' = ? AND missing_since IS"
""",
        "tests/engine/test_whole_tables.py::test_no_statement_reads_a_whole_table",
    ),
    Mutant(
        "a dump whose rows were changed is not restored",
        "objlib/ledger/dump.py",
        '    if (read.rows, read.digest) != (end["rows"], end["sha256"]):\n',
        '    if read.rows != end["rows"]:\n',
        "tests/ledger/test_dump.py::test_a_dump_that_is_not_as_it_was_written_is_not_restored",
    ),
    Mutant(
        "a dump that was cut short is not restored",
        "objlib/ledger/dump.py",
        """    if end is None:
        raise lines.damaged("its end is missing")
""",
        """    if end is None:
        end = {"rows": (read := digest_rows(conn)).rows, "sha256": read.digest}
""",
        "tests/ledger/test_dump.py::test_a_dump_that_is_not_as_it_was_written_is_not_restored",
    ),
    Mutant(
        "a run that was taken for dead in its scan records nothing of it when it goes on",
        "objlib/ledger/scan/session.py",
        "            require_lease(conn, self._lease)\n",
        "",
        f"{TURN}::test_a_thawed_run_records_nothing_of_what_it_saw",
    ),
    Mutant(
        "nor any setting that follows from it",
        "objlib/ledger/settings.py",
        "        require_lease(conn, lease)\n",
        "",
        f"{LEASES}::test_who_lost_a_lease_neither_ends_it_nor_writes_under_it",
    ),
    Mutant(
        "of two runs that take a dead run's turn over one gets it",
        "objlib/ledger/leases.py",
        'conn.execute("DELETE FROM leases WHERE name = ? AND run_id = ? AND at = ?", lease)',
        'conn.execute("DELETE FROM leases WHERE name = ?", lease[:1])',
        f"{LEASES}::test_of_two_that_take_a_lease_over_one_gets_it",
    ),
    Mutant(
        "the turn of a run that lives is waited for",
        "objlib/engine/scan/turn.py",
        "host=app.ledger.machine) is True",
        "host=app.ledger.machine) is None",
        f"{TURN}::test_who_waits_uploads_what_is_known_and_says_who_scans",
    ),
    Mutant(
        "while another run scans, a run that prunes sends nothing before its own scan was accepted",
        "objlib/engine/upload/run.py",
        "partial(_upload_known, run) if accept is None else None",
        "partial(_upload_known, run)",
        f"{TURN}::test_a_sync_that_prunes_sends_nothing_before_its_own_scan",
    ),
    Mutant(
        "a scan that lost its notes looks again",
        "objlib/engine/scan/scan.py",
        "            if losses > MAX_LOSSES:\n",
        "            if losses:\n",
        f"{TURN}::test_a_scan_whose_connection_breaks_looks_again",
    ),
    Mutant(
        "a run gives its heartbeat between the steps of a comparison",
        "objlib/ledger/scan/session.py",
        """        for step in diff.STEPS:
            await self._read(step, self.tables)
""",
        """        await self._read(lambda conn: [step(conn, self.tables) for step in diff.STEPS] and None)
""",
        f"{TURN}::test_a_comparison_that_takes_minutes_keeps_its_turn",
    ),
    Mutant(
        "what another run records amid a comparison lets it be done again",
        "objlib/ledger/scan/diff.py",
        "    if is_outrun(conn, since):\n        return None\n    numbers",
        "    numbers",
        f"{TURN}::test_a_scan_that_is_outrun_in_its_comparison_looks_again",
    ),
    Mutant(
        "a pause that the service asks one run for holds all",
        "objlib/engine/requests/governor.py",
        "            self._closed_until = now + closing.pause\n",
        "",
        f"{CLOSINGS}::test_a_long_pause_holds_the_other_runs_too",
    ),
    Mutant(
        "a quota that one run has used up ends all runs at work",
        "objlib/ledger/closings.py",
        'for part in ("pause", "end"))\n',
        'for part in ("pause", "none"))\n',
        f"{CLOSINGS}::test_a_run_sends_nothing_more_when_another_one_was_refused_for_good",
    ),
    Mutant(
        "a pause is heeded once, whatever the clock says",
        "objlib/ledger/closings.py",
        '    return there if there["number"] > after else {}\n',
        "    return there\n",
        f"{CLOSINGS}::test_a_pause_ends_also_where_the_clock_is_set_back",
    ),
    Mutant(
        "a command that begins while its database restarts waits for it",
        "objlib/postgres/session.py",
        "passing = is_starting(error) or ",
        "passing = ",
        "tests/ledger/test_server.py::test_a_server_that_is_started_meanwhile_is_waited_for",
    ),
    Mutant(
        "a machine without the library does not become a place of it",
        "objlib/engine/bootstrap/library_binding.py",
        " if here else {}",
        "",
        "tests/engine/bootstrap/test_shared_library.py::test_a_machine_without_the_library_recovers_and_says_so",
    ),
)
