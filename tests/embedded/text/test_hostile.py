"""Documents made to cost their reader more than they weigh; ``just fuzz readers`` measures that the work is linear."""

from collections.abc import Callable

import pytest

from objlib.core.library.decode import UnreadableError
from objlib.embedded.extraction import frames
from objlib.embedded.extraction.frames import DEFAULT_CHUNKING, Chunking, TooMuchTextError, passages_of
from objlib.embedded.text import builder, picture, zipped
from objlib.embedded.text import extract as reading
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.html import html_text
from tests.support.fuzz.documents import HOSTILE, type_of
from tests.support.fuzz.expansions import (
    EXPANDING,
    large_chapter,
    many_descriptions,
    packed_sections,
    shared_pieces,
    shared_text,
    workbook,
)


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_document_has_a_text_or_a_reason_in_one_line(name: str) -> None:
    file_name, make = HOSTILE[name]
    reason = ""
    try:
        extracted = extract(
            make(1_000 if name in EXPANDING else 20_000), mime_type=type_of(file_name), name=file_name
        )
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


@pytest.mark.parametrize(
    ("name", "make"), [("a.xlsx", shared_text), ("a.epub", large_chapter), ("a.doc", shared_pieces)]
)
def test_a_file_that_stands_for_far_more_text_than_it_has_bytes_is_refused(
    name: str, make: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make(6_000)
    assert len(extract(data, mime_type=type_of(name), name=name).text) > 2 * len(data)
    monkeypatch.setattr(reading, "SMALL_TEXT", 3_000)
    monkeypatch.setattr(reading, "GROWTH", 1)
    with pytest.raises(
        UnreadableError, match=r"^The file of [\d,]+ bytes holds .* one of its size may hold .* Split"
    ):
        extract(data, mime_type=type_of(name), name=name)


def test_a_row_of_shared_texts_is_refused_before_it_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_TEXT", 3_000)
    row = "<row>" + '<c t="s"><v>0</v></c>' * 10 + "</row>"
    data = workbook(rows=row, shared=f"<si><t>{' ' * 400}x</t></si>")  # as shown it is ten letters
    with pytest.raises(UnreadableError, match="Split it"):
        extract(data, mime_type=type_of("a.xlsx"), name="a.xlsx")


def test_a_sheet_that_is_named_again_and_again_is_read_a_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = workbook(rows="<row><c><v>1</v></c></row>", sheets='<sheet name="s" r:id="a"/>' * 30)
    assert extract(data, mime_type=type_of("a.xlsx"), name="a.xlsx").text.count("1") == 30
    monkeypatch.setattr(zipped, "MAX_READS", 40)
    with pytest.raises(UnreadableError, match=r"names its parts more than 40 times\. Split it"):
        extract(data, mime_type=type_of("a.xlsx"), name="a.xlsx")


def test_sections_share_one_budget_of_what_they_unpack_to(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed_sections(1_000)
    monkeypatch.setattr(zipped, "MAX_UNPACKED", 500_000)
    with pytest.raises(UnreadableError, match="The Hangul file unpacks to more than"):
        extract(data, mime_type=type_of("a.hwp"), name="a.hwp")


def test_the_descriptions_of_a_picture_have_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_MAX_ALL", 100_000)
    extracted = extract(many_descriptions(3_000), mime_type="image/png", name="a.png")
    assert len(extracted.text) < 200_000
    assert any("only the first" in remark for remark in extracted.remarks)


@pytest.mark.parametrize(
    ("chunking", "reason"),
    [(Chunking(100, 99), "repeat it too often"), (Chunking(1, 0), "more passages than a document can have")],
)
def test_a_document_is_not_multiplied_by_its_chunking(
    chunking: Chunking, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "OVERLAP_TEXT", 10_000)
    monkeypatch.setattr(frames, "MAX_PASSAGES", 950)
    words = Extracted("word " * 1_000)
    assert passages_of(words, Chunking(100, 50))[0].passages == 20 - 1
    with pytest.raises(TooMuchTextError, match=reason):
        passages_of(words, chunking)
