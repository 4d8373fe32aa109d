"""The safeguards of the pages and of the watch: who sees a library, what may write, and what waits."""

from typing import Final

from tests.testing.mutant import Mutant

GUARD: Final = "objlib/web/guard.py"
ACTIONS: Final = "objlib/web/actions.py"
TEST_PAGES: Final = "tests/web/test_pages.py"
TEST_ATTEMPTS: Final = "tests/web/test_actions.py::test_an_attempt_that_is_not_ours_writes_and_shows_nothing"

PAGES: Final = (
    Mutant(
        "what a run counted is added to the totals once",
        "objlib/core/totals.py",
        "        numbers, self._numbers = self._numbers, defaultdict(float)\n",
        "        numbers = self._numbers\n",
        "tests/test_metrics.py::test_totals_are_added_up",
    ),
    Mutant(
        "the totals of a run are those of all runs before it and its own",
        "objlib/ledger/totals.py",
        "            totals.merge(more)\n",
        "            totals = RunTotals(more)\n",
        "tests/test_api.py::test_a_monitor_is_told_what_all_runs_did",
    ),
    Mutant(
        "the token of the pages is good for one visit",
        GUARD,
        '            self.token = ""\n',
        "            pass\n",
        f"{TEST_PAGES}::test_the_token_is_good_for_one_visit",
    ),
    Mutant(
        "no other site sends the cookie of the pages",
        GUARD,
        'httponly=True, samesite="strict")',
        'httponly=False, samesite="lax")',
        f"{TEST_PAGES}::test_the_token_is_good_for_one_visit",
    ),
    Mutant(
        "pages beside the API leave it its own paths",
        GUARD,
        'str(scope["path"])[1:].partition("/")[0] in self._roots',
        'str(scope["path"])[1:].startswith(tuple(self._roots))',
        f"{TEST_PAGES}::test_pages_and_the_api_share_a_port",
    ),
    Mutant(
        "other machines see no pages",
        "objlib/cli/commands/serve.py",
        "    has_pages = is_loopback_host(host) and ledger_exists(settings.ledger)\n",
        "    has_pages = ledger_exists(settings.ledger)\n",
        "tests/cli/commands/test_serve.py::test_serve_has_the_pages_of_a_library_with_a_ledger",
    ),
    Mutant(
        "a browser without the session sees no page",
        GUARD,
        '        if not self._sessions.admits(request.cookies.get(self._cookie, "")):\n',
        "        if False:\n",
        f"{TEST_PAGES}::test_the_token_is_good_for_one_visit",
    ),
    Mutant(
        "a form names the pages as its origin",
        GUARD,
        '        if request.method == "POST" and not _from_our_page(request):\n',
        "        if False:\n",
        TEST_ATTEMPTS,
    ),
    Mutant(
        "a form has the token of a page of this session",
        ACTIONS,
        '        if not self.sessions.signed(_one(form, "form_token")):\n',
        "        if False:\n",
        TEST_ATTEMPTS,
    ),
    Mutant(
        "no GET writes",
        "objlib/web/app.py",
        'actions.post, methods=["POST"]))\n',
        'actions.post, methods=["GET", "POST"]))\n',
        TEST_ATTEMPTS,
    ),
    Mutant(
        "pages without --write take no form",
        "objlib/web/app.py",
        "    if actions is not None:\n        routes.append(",
        "    actions = actions or Actions(library, runs, sessions)\n    if True:\n        routes.append(",
        "tests/web/test_actions.py::test_pages_that_only_show_take_no_form_and_offer_none",
    ),
    Mutant(
        "a page runs no script but its own, and is framed by no other",
        GUARD,
        "script-src 'self'; ",
        "script-src 'self' 'unsafe-inline'; ",
        f"{TEST_PAGES}::test_a_page_runs_no_script_but_its_own_and_is_framed_by_none",
    ),
    Mutant(
        "no text of a document becomes markup",
        "objlib/web/view.py",
        "        autoescape=True,\n",
        "        autoescape=False,\n",
        f"{TEST_PAGES}::test_no_text_of_a_document_becomes_markup",
    ),
    Mutant(
        "a monitor reads the metrics with its own token",
        GUARD,
        '        return bool(self.metrics_token) and _same(authorization, f"Bearer {self.metrics_token}")\n',
        '        return _same(authorization, f"Bearer {self.metrics_token}")\n',
        f"{TEST_PAGES}::test_without_a_token_no_monitor_reads_the_metrics",
    ),
    Mutant(
        "a page deletes a store whose name was typed",
        ACTIONS,
        '        if not name or _one(form, "typed").strip() != display_name.strip():\n',
        "        if not name:\n",
        "tests/web/test_stores.py::test_a_store_goes_when_its_name_was_typed",
    ),
    Mutant(
        "a page deletes documents of others whose number was typed",
        ACTIONS,
        '        others = _typed_number(form, "others", "typed_others") if _one(form, "others") != "0" else 0\n',
        '        others = int(_one(form, "others"))\n',
        "tests/web/test_stores.py::test_documents_of_others_go_only_with_their_number",
    ),
    Mutant(
        "an answer that was lost half-way is taken back",
        "objlib/engine/search/ask.py",
        "        if pieces:\n            listener.again()\n",
        "",
        "tests/engine/search/test_ask.py::test_a_lost_answer_is_heard_again_from_its_start",
    ),
    Mutant(
        "an answer that breaks off is no answer",
        "objlib/gemini/stream.py",
        "        if not reasons and blocked is None:\n",
        "        if False:\n",
        "tests/gemini/test_stream.py::test_a_stream_without_its_end_is_no_answer",
    ),
    Mutant(
        "the completion of a line makes no file beside the ledger",
        "objlib/hints.py",
        'mode = "mode=ro" if log.exists() and index.exists() else "immutable=1"',
        'mode = "mode=rwc"',
        "tests/cli/test_complete.py::test_it_leaves_no_trace_and_never_fails",
    ),
    Mutant(
        "a name with a line break is no candidate",
        "objlib/hints.py",
        "if isinstance(text, str) and text.isprintable()]",
        "]",
        "tests/cli/test_complete.py::test_paths_of_the_ledger_are_completed_behind_any_switch",
    ),
    Mutant(
        "no text of a model ends an event of a page",
        "objlib/web/streamed.py",
        'self._events.send_nowait(_event("piece", json.dumps(piece)))\n',
        'self._events.send_nowait(f"event: piece\\ndata: {piece}\\n\\n")\n',
        "tests/web/test_streamed.py::test_a_lost_answer_begins_anew_and_an_escape_stays_text",
    ),
    Mutant(
        "no more of an answer is shown than can be taken back",
        "objlib/cli/console/streamed.py",
        "[-self._rows :])",
        ")",
        "tests/cli/console/test_streamed.py::test_no_more_is_shown_than_can_be_taken_back",
    ),
    Mutant(
        "a watch waits until a daily quota is back",
        "objlib/watch/loop.py",
        "        if report.stopped is StopReason.DAILY_QUOTA:\n",
        "        if False:\n",
        "tests/watch/test_loop.py::test_a_day_of_edits_and_outages_ends_in_step_and_asks_for_nothing_else",
    ),
    Mutant(
        "a watch keeps the document of a file that is gone for the grace",
        "objlib/watch/loop.py",
        "            return (await self._library.sync(prune=True)).upload\n",
        "            return (await self._library.sync(prune=True, grace=60)).upload\n",
        "tests/watch/test_loop.py::test_a_run_inside_the_grace_keeps_the_document",
    ),
)
"""In the order in which they matter."""
