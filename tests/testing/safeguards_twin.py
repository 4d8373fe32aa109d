"""The safeguards of the served embedded store: no connection and no page of another site can harm it."""

from typing import Final

from tests.testing.mutant import Mutant

CONNECTION: Final = "tests/embedded/server/test_connection.py"
LISTENER: Final = "tests/embedded/server/test_listener.py"
ROUTES: Final = "tests/embedded/api/test_routes.py"
PROCESS: Final = "tests/embedded/extraction/test_process.py"
INDEXING: Final = "tests/embedded/test_indexing.py"
GUARD: Final = "tests/embedded/server/test_guard.py"

TWIN: Final = (
    Mutant(
        "an error of one connection ends no other",
        "objlib/embedded/server/listener.py",
        '        _log.exception("a connection failed; the others go on")\n',
        "        raise\n",
        f"{LISTENER}::test_an_unforeseen_error_of_one_connection_ends_nothing_else",
    ),
    Mutant(
        "a stalled body ends with its time",
        "objlib/embedded/server/connection.py",
        "event = await self._body_event(self._limits.body)",
        "event = await self._body_event(1e9)",
        f"{CONNECTION}::test_a_stalled_body_is_refused_and_the_app_told",
    ),
    Mutant(
        "a head that trickles ends with its time",
        "objlib/embedded/server/connection.py",
        "                deadline = trio.current_time() + self._limits.head\n",
        "                deadline = trio.current_time() + 1e9\n",
        f"{CONNECTION}::test_a_head_that_trickles_is_refused",
    ),
    Mutant(
        "a client that reads nothing is given up",
        "objlib/embedded/server/connection.py",
        "with trio.fail_after(self._limits.write):",
        "with trio.fail_after(1e9):",
        f"{CONNECTION}::test_a_client_that_reads_nothing_loses_its_connection",
    ),
    Mutant(
        "a refused body is read before the connection closes",
        "objlib/embedded/server/connection.py",
        "            await self._linger()\n",
        "            pass\n",
        f"{CONNECTION}::test_a_large_refused_body_is_read_to_its_end",
    ),
    Mutant(
        "the longest silent connection gives way to a new one",
        "objlib/embedded/server/silence.py",
        '                oldest.cancel(reason="a new connection needs the place")\n',
        "                pass\n",
        f"{CONNECTION}::test_a_new_connection_takes_the_place_of_the_longest_silent_one",
    ),
    Mutant(
        "a host that is not ours is refused",
        "objlib/embedded/server/guard.py",
        'if host is not None and not hosts.allows(host, scope["server"][0]):',
        "if host is None:",
        f"{GUARD}::test_another_host_never_reaches_the_app",
    ),
    Mutant(
        "a page of another origin is refused",
        "objlib/embedded/server/guard.py",
        'if origin is not None and not _same(origin, host or ""):',
        "if False:",
        f"{GUARD}::test_a_page_of_another_origin_never_reaches_the_app",
    ),
    Mutant(
        "an answer cannot be embedded by another site",
        "objlib/embedded/server/guard.py",
        'if site not in {"none", "same-origin"} and not opened:',
        "if False:",
        f"{GUARD}::test_a_browser_may_open_an_address_but_not_embed_it",
    ),
    Mutant(
        "a JSON body of another type is refused",
        "objlib/embedded/api/request.py",
        '        check_json_type(request.headers.get("content-type", ""))\n',
        "        pass\n",
        f"{ROUTES}::test_a_json_body_of_another_type_is_refused",
    ),
    Mutant(
        "JSON nested without end is refused",
        "objlib/embedded/wire/lenient.py",
        "        if self._depth > MAX_DEPTH:\n",
        "        if False:\n",
        f"{ROUTES}::test_numbers_and_nesting_beyond_the_bounds_are_refused",
    ),
    Mutant(
        "a reader past its time is killed",
        "objlib/embedded/extraction/process.py",
        "        if scope.cancelled_caught:\n            await self.close()\n",
        "        if scope.cancelled_caught:\n            pass\n",
        f"{PROCESS}::test_a_reader_past_its_time_is_killed",
    ),
    Mutant(
        "a reader has a limit of memory",
        "objlib/embedded/extraction/child.py",
        "        resource.setrlimit(resource.RLIMIT_AS, (size, size))\n",
        "",
        f"{PROCESS}::test_a_reader_past_its_memory_says_so",
    ),
    Mutant(
        "a large document is hidden until its last part",
        "objlib/embedded/indexing.py",
        "_HIDDEN: Final = 1e18\n",
        "_HIDDEN: Final = 0.0\n",
        f"{INDEXING}::test_the_parts_of_a_document_are_hidden_until_the_last",
    ),
    Mutant(
        "the parts of a document need its lease",
        "objlib/embedded/indexing.py",
        " WHERE doc_id = ? AND state = 'PENDING' AND claim = ?",
        " WHERE doc_id = ? AND state = 'PENDING' AND claim >= ''  OR claim = ?",
        f"{INDEXING}::test_a_document_that_another_process_took_over_is_left_alone",
    ),
    Mutant(
        "the overlap of two passages is smaller than a passage",
        "objlib/embedded/wire/chunking.py",
        "    if not 0 <= overlap < words:\n",
        "    if False:\n",
        "tests/embedded/api/test_upload_protocols.py::test_chunking_out_of_range_is_refused_for_upload_and_import",
    ),
    Mutant(
        "a strict store looks into its own answers",
        "objlib/embedded/api/strict.py",
        "        if found:\n            _log",
        "        if False:\n            _log",
        "tests/embedded/api/test_strict.py::test_an_answer_that_does_not_fit_is_an_error_of_ours",
    ),
    Mutant(
        "a document that is JSON is not read as a request",
        "objlib/embedded/api/strict.py",
        ' or "upload_id" in request.query_params or _is_raw(request):',
        ' or "upload_id" in request.query_params:',
        "tests/embedded/api/test_strict.py::test_a_document_that_is_json_is_not_read_as_a_request",
    ),
)
