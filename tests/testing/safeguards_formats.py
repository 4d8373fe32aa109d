"""The safeguards of the readers: what a document may cost, and what it may not reach."""

from typing import Final

from tests.testing.mutant import Mutant

OFFICE: Final = "tests/embedded/text/test_office.py"
MEDIA: Final = "tests/engine/search/test_media.py"

FORMATS: Final = (
    Mutant(
        "what a document unpacks to is counted as it is unpacked",
        "objlib/embedded/text/zipped.py",
        "                    self._left -= len(piece)\n",
        "",
        f"{OFFICE}::test_an_archive_bomb_is_refused_whatever_it_says_of_its_size",
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
        "        if self._length > MAX_TEXT:\n",
        "        if False:\n",
        f"{OFFICE}::test_a_text_without_end_is_refused",
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
