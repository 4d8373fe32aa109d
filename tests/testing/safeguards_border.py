"""The safeguards of the border: dry runs, documents that are read, links, devices, modes, and what a terminal gets."""

from typing import Final

from tests.testing.mutant import Mutant

PLAN: Final = "tests/engine/plan/test_run.py"
DRY: Final = "tests/cli/test_dry_runs.py"
SCOPE: Final = "objlib/engine/scan/scope.py"
WALK: Final = "tests/engine/scan/test_walk.py"
MATTER: Final = "tests/core/library/test_front_matter.py"
IGNORE: Final = "objlib/core/library/ignore.py"
TEST_IGNORE: Final = "tests/core/library/test_ignore.py"
GONE: Final = "tests/cli/test_control_files.py"
CONTROL: Final = "objlib/core/library/control_text.py"
PRIVATE: Final = "objlib/sqlite/private.py"
PATTERNS: Final = "objlib/ledger/scan/patterns.py"
LOST: Final = "tests/cli/test_ledger_lost.py"
TEST_PRIVATE: Final = "tests/sqlite/test_private.py"

DRY_RUNS: Final = (
    Mutant(
        "a dry run sends nothing that changes anything",
        "objlib/gemini/transport.py",
        "        if self._read_only and call.changes:\n",
        "        if False:\n",
        f"{PLAN}::test_a_client_of_a_dry_run_refuses_to_change_anything",
    ),
    Mutant(
        "a dry run makes no store",
        "objlib/engine/bootstrap/store_binding.py",
        "    if app.dry_run:\n",
        "    if False:\n",
        f"{PLAN}::test_a_plan_sends_nothing_and_makes_nothing",
    ),
    Mutant(
        "a dry run records in a copy of the ledger",
        "objlib/ledger/connection.py",
        "copy_privately if private else connection.connect\n",
        "connection.connect\n",
        f"{PLAN}::test_a_plan_sends_nothing_and_makes_nothing",
    ),
    Mutant(
        "a dry run changes no mode",
        "objlib/cli/runner.py",
        "    if changes:\n",
        "    if True:\n",
        f"{DRY}::test_dry_runs_in_a_used_home_change_nothing",
    ),
    Mutant(
        "a reading that another process disturbs begins again",
        "objlib/sqlite/private_copy.py",
        "        if self.before is not None and self.before != _status(self.path):\n",
        "        if False:\n",
        "tests/sqlite/test_private_copy.py::test_a_copy_begins_again_when_another_process_opens_the_file",
    ),
    Mutant(
        "a log without its index is read in a copy",
        "objlib/sqlite/private_copy.py",
        "        if lost_index(path):\n",
        "        if False:\n",
        "tests/sqlite/test_private_copy.py::test_a_dead_process_leaves_a_log_that_is_read_and_kept",
    ),
)

READERS: Final = (
    Mutant(
        "front matter is nested to a bound only",
        "objlib/core/library/front_matter.py",
        "    if depth > _MAX_DEPTH:\n        raise",
        "    if False:\n        raise",
        f"{MATTER}::test_a_value_that_cannot_be_read_is_left_out_alone",
    ),
    Mutant(
        "a tag of front matter is not obeyed",
        "objlib/core/library/front_matter.py",
        'has no meaning here") if event.tag else value',
        'has no meaning here") if False else value',
        f"{MATTER}::test_a_value_that_cannot_be_read_is_left_out_alone",
    ),
    Mutant(
        "front matter is read key by key to a bound only",
        "objlib/core/library/front_matter.py",
        "zip(starts[:_MAX_KEYS],",
        "zip(starts,",
        f"{MATTER}::test_front_matter_that_is_no_yaml_has_a_bound_on_its_keys",
    ),
    Mutant(
        "binary bytes are no text",
        "objlib/core/library/decode.py",
        "    if not is_text(data):\n        raise",
        "    if False:\n        raise",
        "tests/core/library/test_decode.py::test_binary_bytes_are_not_decoded",
    ),
    Mutant(
        "bytes of an unknown encoding are refused",
        "objlib/core/library/decode.py",
        "        if codec is not None and _is_readable(guess := _with_strays(data, codec)):\n",
        "        if codec is not None and (guess := _with_strays(data, codec)):\n",
        "tests/core/library/test_decode.py::test_bytes_of_no_encoding_are_refused",
    ),
)

CONTROLS: Final = (
    Mutant(
        "rules that cannot be read close their folder",
        SCOPE,
        '            raise RulesError(errno.EACCES, f"its {name} cannot be used: {_reason(error)}") from error\n',
        "            continue\n",
        f"{WALK}::test_rules_that_cannot_be_understood_close_their_folder",
    ),
    Mutant(
        "what git keeps is not taken in for that",
        IGNORE,
        "                decision = None  # what git keeps may still be hidden, or a backup\n",
        "                pass\n",
        f"{TEST_IGNORE}::test_rules_of_git_count_on_request_and_take_in_nothing",
    ),
    Mutant(
        "no rule in a file overrules an exclusion of the call",
        IGNORE,
        "        return replace(self, _layers=(*strong, *layers, *rest))\n",
        "        return replace(self, _layers=(*layers, *strong, *rest))\n",
        f"{TEST_IGNORE}::test_an_exclusion_of_the_call_is_stronger_than_any_rule",
    ),
    Mutant(
        "rules of git above the library that cannot be read refuse the command",
        SCOPE,
        '            raise UsageError(f"{file} cannot be used: {_reason(error)}; leave out --gitignore") from error\n',
        "            continue\n",
        "tests/engine/scan/test_scope.py::test_rules_of_git_that_cannot_be_read_are_no_rules_to_go_without",
    ),
    Mutant(
        "rules of two encodings are refused",
        CONTROL,
        '    if "\\0" in text or (',
        "    if False and (",
        f"{WALK}::test_rules_that_cannot_be_understood_close_their_folder",
    ),
    Mutant(
        "a byte order mark inside hides no rule",
        CONTROL,
        '    return _MARK.sub("", text)\n',
        "    return text\n",
        f"{WALK}::test_a_byte_order_mark_inside_hides_no_rule",
    ),
    Mutant(
        "a rules file that is gone stops the scan",
        "objlib/engine/scan/rules_files.py",
        "    if missing:\n",
        "    if False:\n",
        f"{GONE}::test_a_rules_file_that_is_gone_stops_the_next_scan",
    ),
    Mutant(
        "a configuration that is gone stops what would send",
        "objlib/sources.py",
        "    if missing is not None and place in",
        "    if False and place in",
        f"{GONE}::test_a_remembered_configuration_that_is_gone_stops_what_would_send",
    ),
    Mutant(
        "the configuration of a library counts from any folder, at its first use too",
        "objlib/sources.py",
        "    for file in (_config_above(root, folders), config, last):\n",
        "    for file in (config, last):\n",
        f"{GONE}::test_the_configuration_of_a_library_counts_from_any_folder_at_its_first_use",
    ),
    Mutant(
        "other metadata patterns describe unchanged files anew",
        PATTERNS,
        '        conn.execute("UPDATE files SET mtime_ns = ?", (UNTRUSTED,))\n',
        "",
        "tests/engine/scan/test_scan.py::test_other_patterns_describe_unchanged_files_anew_once",
    ),
    Mutant(
        "patterns that were replaced do not come back from another machine",
        PATTERNS,
        '        if text not in history["replaced"]:\n',
        "        if True:\n",
        "tests/engine/scan/test_scan.py::test_machines_with_other_patterns_do_not_read_all_files_in_turns",
    ),
    Mutant(
        "looking at a library without its configuration does not forget it",
        "objlib/engine/bootstrap/library_binding.py",
        "settings.config or settings.missing_config\n",
        "settings.config\n",
        f"{GONE}::test_a_remembered_configuration_that_is_gone_stops_what_would_send",
    ),
    Mutant(
        "a library's mark names a lost ledger without the catalog",
        "objlib/data_folder.py",
        "        elif entry is None and marked:",
        "        elif False:",
        f"{LOST}::test_a_ledger_that_is_lost_with_the_catalog_is_made_again[store2-False]",
    ),
    Mutant(
        "an empty ledger does not stand for the lost one of a mark",
        "objlib/data_folder.py",
        "for library in found.values() for ledger in library.ledgers if ledger.store}",
        "for library in found.values() for ledger in library.ledgers}",
        f"{LOST}::test_a_ledger_that_is_lost_with_the_catalog_is_made_again[store2-False]",
    ),
    Mutant(
        "a store tells whose it is by its name",
        "objlib/data_folder.py",
        "        if documents_named(file, name):\n",
        "        if False:\n",
        f"{LOST}::test_a_ledger_that_is_lost_with_the_catalog_is_made_again[store0-True]",
    ),
    Mutant(
        "a folder that moved is known by the store of its lost ledger",
        "objlib/engine/scan/moved.py",
        "    if ledger.is_lost(identify(ledger.path)):\n",
        "    if False:\n",
        f"{LOST}::test_a_library_that_moved_and_lost_its_ledger_is_not_sent_again",
    ),
    Mutant(
        "a scan in the place of a lost ledger does not make the catalog forget it",
        "objlib/engine/bootstrap/library_binding.py",
        "    if settings.lost and pinned is None:\n",
        "    if False:\n",
        "tests/cli/test_ledger_lost.py::test_a_lost_ledger_stops_every_command_and_is_made_again",
    ),
)

LINKS: Final = (
    Mutant(
        "a link out of the library is not followed",
        SCOPE,
        '            return "" if self.follow_links else',
        '            return "" if True else',
        f"{WALK}::test_links_to_files_outside_are_followed_only_when_asked",
    ),
    Mutant(
        "a link is no way past a rule",
        SCOPE,
        "        if absent is not None and absent.kind in {Absence.LEFT_OUT, Absence.UNREADABLE}:\n",
        "        if False:\n",
        f"{WALK}::test_a_link_is_no_way_past_a_rule",
    ),
    Mutant(
        "a folder is entered once, whatever links lead to it",
        "objlib/engine/scan/walk.py",
        "        if identity in self._entered or",
        "        if False or",
        f"{WALK}::test_a_fan_out_of_links_is_entered_once",
    ),
    Mutant(
        "a pipe or a device is not opened",
        "objlib/engine/scan/read_file.py",
        "    if stat.S_ISREG(status_of(path).st_mode):\n",
        "    if True:\n",
        "tests/engine/scan/test_read_file.py::test_only_a_regular_file_is_opened",
    ),
)

OUTSIDE: Final = (
    Mutant(
        "the telemetry of the vector runtime is off",
        "objlib/embedded/encoders/session.py",
        '    os.environ["ORT_DISABLE_TELEMETRY"] = "1"\n',
        "",
        "tests/embedded/index/test_telemetry.py::test_the_vector_runtime_opens_no_socket_and_writes_no_file",
    ),
    Mutant(
        "a database is its owner's alone",
        PRIVATE,
        "os.O_WRONLY, 0o600))",
        "os.O_WRONLY, 0o644))",
        f"{TEST_PRIVATE}::test_a_new_database_with_its_sidecars_and_folders_is_its_owners_alone",
    ),
    Mutant(
        "the folder of a database is its owner's alone",
        PRIVATE,
        "folder.mkdir(mode=0o700, exist_ok=True)",
        "folder.mkdir(mode=0o755, exist_ok=True)",
        f"{TEST_PRIVATE}::test_a_new_database_with_its_sidecars_and_folders_is_its_owners_alone",
    ),
    Mutant(
        "what was open to others is taken from them",
        PRIVATE,
        "        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)\n",
        "        pass\n",
        f"{TEST_PRIVATE}::test_what_was_open_to_others_is_taken_from_them_and_named",
    ),
    Mutant(
        "a library that vanishes under a run is not taken for deleted",
        "objlib/engine/upload/file_task.py",
        "        if self._run.root not in {None, await",
        "        if False and self._run.root not in {None, await",
        "tests/engine/upload/test_file_task.py"
        "::test_a_library_that_vanishes_under_a_run_stops_it_and_nothing_counts_as_deleted",
    ),
    Mutant(
        "a ledger that is removed under a command is named",
        "objlib/engine/bootstrap/open_app.py",
        "            if kept[path] != (",
        "            if False and kept[path] != (",
        "tests/cli/test_printed_advice.py"
        "::test_advice_works_in_the_situation_that_prints_it[a_ledger_that_is_removed_while_it_is_used]",
    ),
    Mutant(
        "a log is its owner's alone",
        "objlib/cli/console/log_file.py",
        "os.O_APPEND, 0o600)",
        "os.O_APPEND, 0o644)",
        "tests/cli/test_privacy.py::test_every_file_that_a_command_writes_is_its_owners_alone",
    ),
    Mutant(
        "a saved plan is its owner's alone",
        "objlib/cli/commands/store_sync.py",
        "opener=partial(os.open, mode=0o600)",
        "opener=partial(os.open, mode=0o644)",
        "tests/cli/test_privacy.py::test_every_file_that_a_command_writes_is_its_owners_alone",
    ),
    Mutant(
        "control characters do not reach the terminal",
        "objlib/cli/console/terminal.py",
        "    return _UNSAFE.sub(_escape, text)\n",
        "    return text\n",
        "tests/cli/console/test_terminal.py::test_nothing_that_is_safe_can_act",
    ),
    Mutant(
        "control characters do not reach the terminal in JSON",
        "objlib/cli/console/output.py",
        're.compile("[\\x7f-',
        're.compile("[\\x00-\\x00]" or "[\\x7f-',
        "tests/cli/console/test_output.py::test_json_holds_no_character_that_acts_on_a_terminal",
    ),
)

BORDER: Final = (*DRY_RUNS, *READERS, *CONTROLS, *LINKS, *OUTSIDE)
