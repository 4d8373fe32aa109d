"""The safeguards of the readers: what a document may cost, and what it may not reach."""

from typing import Final

from tests.testing.mutant import Mutant

OFFICE: Final = "tests/embedded/text/test_office.py"
HOSTILE: Final = "tests/embedded/text/test_hostile.py"
MEDIA: Final = "tests/engine/search/test_media.py"

FORMATS: Final = (
    Mutant(
        "what a document unpacks to is counted as it is unpacked",
        "objlib/embedded/text/zipped.py",
        "                    self._budget.take(len(piece))\n",
        "",
        f"{OFFICE}::test_an_archive_bomb_is_refused_whatever_it_says_of_its_size",
    ),
    Mutant(
        "the entities of a page have a bound together",
        "objlib/embedded/text/entities.py",
        "            if self.added > MAX_EXPANSION:\n",
        "            if False:\n",
        "tests/embedded/text/test_entities.py::test_a_bomb_is_left_as_it_is_and_named[repeated]",
    ),
    Mutant(
        "a document that declares entities is refused",
        "objlib/embedded/text/zipped.py",
        "mark in data for mark in _ENTITIES\n",
        "False for mark in _ENTITIES\n",
        f"{OFFICE}::test_a_document_that_declares_entities_is_refused",
    ),
    Mutant(
        "the text of a packed document has a bound",
        "objlib/embedded/text/builder.py",
        "    if length > MAX_TEXT:\n",
        "    if False:\n",
        f"{OFFICE}::test_a_text_without_end_is_refused",
    ),
    Mutant(
        "a document's text is in proportion to its bytes",
        "objlib/embedded/text/extract.py",
        "    if (length := len(extracted.text)) > limit:\n",
        "    if (length := len(extracted.text)) > limit * 10**6:\n",
        f"{HOSTILE}::test_a_file_that_stands_for_far_more_text_than_it_has_bytes_is_refused",
    ),
    Mutant(
        "a row of texts that are shared is measured before it is put together",
        "objlib/embedded/text/sheets.py",
        "        check_length(sum(map(len, cells)))",
        "        check_length(0)",
        f"{HOSTILE}::test_a_row_of_shared_texts_is_refused_before_it_is_put_together",
    ),
    Mutant(
        "the parts of a document are looked up a number of times",
        "objlib/embedded/text/zipped.py",
        "        self._reads += 1\n",
        "",
        f"{HOSTILE}::test_a_sheet_that_is_named_again_and_again_is_read_a_number_of_times",
    ),
    Mutant(
        "the sections of a Hangul file share a budget",
        "objlib/embedded/text/compound.py",
        "    budget.take(len(section))\n",
        "",
        f"{HOSTILE}::test_sections_share_one_budget_of_what_they_unpack_to",
    ),
    Mutant(
        "the descriptions of a picture have a bound together",
        "objlib/embedded/text/picture.py",
        "        if length > _MAX_ALL:\n",
        "        if False:\n",
        f"{HOSTILE}::test_the_descriptions_of_a_picture_have_one_bound",
    ),
    Mutant(
        "passages that overlap have a bound together",
        "objlib/embedded/extraction/frames.py",
        "    if overlap and sum(",
        "    if not overlap and sum(",
        f"{HOSTILE}::test_a_document_is_not_multiplied_by_its_chunking",
    ),
    Mutant(
        "a store that exists is not used with another embedding model",
        "objlib/engine/bootstrap/store_binding.py",
        "    if asked and store.embedding_model and asked != ",
        "    if False and asked != ",
        f"{MEDIA}::test_a_store_keeps_the_model_that_it_was_made_with",
    ),
)
"""The bounds of a document, each with the edit that removes it."""
