"""Safeguards of the embedded search index."""

from typing import Final

from tests.testing.mutant import Mutant

RANKING: Final = "tests/embedded/index/test_ranking.py"
MOVE: Final = "tests/embedded/index/test_move_older.py"
MODELS: Final = "tests/embedded/test_service.py"
FOLDING: Final = "tests/embedded/index/test_folding.py"
CONFIDENCE: Final = "tests/embedded/index/test_confidence.py"
WRITER: Final = "tests/embedded/index/test_writer.py"

SEARCH: Final = (
    Mutant(
        "a sentence has no number that the passages it cites have not",
        "objlib/core/reports/cited_text.py",
        "    if not set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(text)):\n        return False\n",
        "",
        "tests/core/reports/test_cited_text.py::test_labelled_sentences_are_told_apart",
    ),
    Mutant(
        "a model without passages is not asked",
        "objlib/engine/search/written.py",
        "    if not passages:\n",
        "    if False:\n",
        "tests/test_writer.py::test_an_answer_is_written_from_the_passages_and_checked",
    ),
    Mutant(
        "no file that came with documents says where passages go",
        "objlib/core/config/registry.py",
        '        "chat completions server of a model that writes the answers, /v1 included",\n        in_file=False,\n',
        '        "chat completions server of a model that writes the answers, /v1 included",\n',
        "tests/core/config/test_resolve.py::test_a_file_does_not_say_where_passages_go",
    ),
    Mutant(
        "a removed passage takes its words along",
        "objlib/embedded/index/postings.py",
        "            if data[at] | data[at + 1] << 8 not in places\n",
        "            if data[at] not in places or data[at + 1]\n            or True\n",
        f"{RANKING}::test_after_any_history_the_index_answers_like_a_fresh_one",
    ),
    Mutant(
        "the slot of a removed passage has no vector",
        "objlib/embedded/index/vectors.py",
        "        write_sign_bits(db, ((slot, None) for slot in slots), vector_set)\n",
        "",
        f"{WRITER}::test_the_tables_agree_after_any_history",
    ),
    Mutant(
        "passages of an older index are found until they are moved",
        "objlib/embedded/index/lexical.py",
        "    old = legacy_words.holds_documents(db)\n",
        "    old = False\n",
        f"{MOVE}::test_a_store_of_an_older_objlib_answers_before_while_and_after_it_is_moved",
    ),
    Mutant(
        "vectors of an older index are compared until they are moved",
        "objlib/embedded/index/sign_codes.py",
        "    if rows:\n        more",
        "    if False:\n        more",
        f"{MOVE}::test_a_store_of_an_older_objlib_answers_before_while_and_after_it_is_moved",
    ),
    Mutant(
        "the old vectors answer until those of another model are whole",
        "objlib/embedded/index/vector_sets.py",
        '    if coming is None or db.execute("SELECT 1 FROM next_pending LIMIT 1").fetchone() is not None:\n',
        "    if coming is None:\n",
        f"{MODELS}::test_another_model_is_made_beside_the_one_that_answers_until_it_is_whole",
    ),
    Mutant(
        "a deleted document leaves the vectors of a coming model too",
        "objlib/embedded/index/vectors.py",
        '    for vector_set in sets(db):\n        db.executemany(\n            f"DELETE',
        '    for vector_set in (ANSWERING,):\n        db.executemany(\n            f"DELETE',
        f"{MODELS}::test_a_document_that_is_deleted_meanwhile_leaves_both_sets",
    ),
    Mutant(
        "a folder that is no model is refused before a store is made",
        "objlib/embedded/service.py",
        "    _check_models(options)\n",
        "",
        f"{MODELS}::test_a_folder_that_is_no_model_is_refused_before_a_store_is_made",
    ),
    Mutant(
        "a vector of numbers that are none is refused",
        "objlib/embedded/encoders/sentence_encoder.py",
        "        if not np.isfinite(lengths).all():\n",
        "        if False:\n",
        "tests/embedded/encoders/test_sentence_encoder.py::test_graphs_that_cannot_be_used_are_refused_in_one_line",
    ),
    Mutant(
        "a command that only searches does not tidy the index",
        "objlib/embedded/worker.py",
        "        if wait > 0:\n            return min",
        "        if wait > TIDY_SECONDS:\n            return min",
        "tests/embedded/test_embedding_worker.py::test_the_index_is_tidied_after_a_quiet_second_and_not_before",
    ),
    Mutant(
        "a passage with every word of the query is never weak",
        "objlib/embedded/index/confidence.py",
        "    whole = WEAK if share == 1 else 0.0\n",
        "    whole = 0.0\n",
        f"{CONFIDENCE}::test_a_passage_with_every_word_is_never_weak",
    ),
    Mutant(
        "cosines of a user's model are brought to the scale of the model that ships",
        "objlib/embedded/index/confidence.py",
        "    fit = scale.usual(cosine) + ",
        "    fit = cosine + ",
        f"{CONFIDENCE}::test_a_model_of_another_range_comes_to_the_same_scale",
    ),
    Mutant(
        "no answer is made of passages that all are weak",
        "objlib/embedded/index/quote.py",
        "    if hits and all(",
        "    if not hits and all(",
        "tests/embedded/index/test_quote.py::test_passages_that_all_are_weak_give_no_answer",
    ),
    Mutant(
        "a search makes no vectors while an upload goes on",
        "objlib/embedded/api/generate.py",
        "    quiet = context.now() - context.indexed_at >= QUIET_SECONDS\n",
        "    quiet = True\n",
        "tests/embedded/api/test_generate.py::test_a_search_makes_missing_vectors_and_keeps_them",
    ),
    Mutant(
        "the table of upload sessions does not grow",
        "objlib/embedded/resources/upload_sessions.py",
        "    if row is not None:\n        _delete(db, \"status = 'final'",
        "    if False:\n        _delete(db, \"status = 'final'",
        "tests/embedded/resources/test_upload_sessions.py::test_only_the_newest_sessions_that_are_over_are_kept",
    ),
    Mutant(
        "a large text is not copied to be looked at",
        "objlib/core/library/decode.py",
        "    if text.isascii() or not _SURROGATE.search(text):\n",
        "    if text.isascii():\n",
        "tests/embedded/text/test_extract.py::test_a_large_text_is_in_memory_once_beside_its_bytes",
    ),
    Mutant(
        "the bytes of a large page are gone once they are text",
        "objlib/embedded/text/extract.py",
        "        held = [source]\n        del source\n",
        "        held = [source]\n",
        "tests/embedded/text/test_memory.py::test_no_more_of_a_large_file_than_its_bytes_and_its_text_is_in_memory",
    ),
    Mutant(
        "the line ends of a large table are looked at one by one",
        "objlib/embedded/text/rows.py",
        "    for end in chain(LINE_END.finditer(text), (None,)):\n",
        "    for end in (*LINE_END.finditer(text), None):\n",
        "tests/embedded/text/test_memory.py::test_no_more_of_a_large_file_than_its_bytes_and_its_text_is_in_memory",
    ),
    Mutant(
        "a document whose terms are half brought up to date is removed by those it has",
        "objlib/embedded/index/writer.py",
        "(form < FORM and chunk_id > folded) is is_older",
        "(form < FORM) is is_older",
        f"{FOLDING}::test_a_document_leaves_nothing_wherever_its_folding_has_come_to",
    ),
    Mutant(
        "a slot whose passage gets new terms stays taken",
        "objlib/embedded/index/postings.py",
        '    db.executemany("DELETE FROM free_slots WHERE slot = ?", ((slot,) for slot in slots))\n',
        "",
        f"{FOLDING}::test_a_store_of_an_older_folding_gets_the_terms_of_now_step_by_step",
    ),
)
