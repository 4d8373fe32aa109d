"""Documents made to cost their reader more than they weigh; ``just fuzz readers`` measures that the work is linear."""

import pytest

from objlib.core.library.decode import UnreadableError
from objlib.embedded.extraction.frames import DEFAULT_CHUNKING, passages_of
from objlib.embedded.text.extract import extract
from objlib.embedded.text.html import html_text
from tests.support.fuzz.documents import HOSTILE, type_of


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_document_has_a_text_or_a_reason_in_one_line(name: str) -> None:
    file_name, make = HOSTILE[name]
    reason = ""
    try:
        extracted = extract(make(20_000), mime_type=type_of(file_name), name=file_name)
    except UnreadableError as error:
        reason = str(error)
    else:
        outline, passages = passages_of(extracted, DEFAULT_CHUNKING)
        assert outline.passages == sum(1 for _ in passages) > 0
    assert not reason or (reason.endswith(".") and "\n" not in reason)


def test_a_page_of_open_document_types_is_looked_at_once() -> None:
    page = "<?xml version='1.0'?>" + "<!DOCTYPE html [" * 100_000
    assert html_text(page).text == ""
    closed = "<?xml version='1.0'?><!doctype html [ <!ELEMENT a ANY> ]><html><body>words</body></html>"
    assert html_text(closed).text == "words\n\n"
