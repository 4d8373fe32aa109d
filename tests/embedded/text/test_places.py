"""Places of structured formats: what they are, how passages are cut at them, and how they are named."""

import json

import pytest

from objlib.embedded.text.chunk import chunks
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import DocumentPlace, Extracted
from objlib.embedded.text.places import place_label
from objlib.embedded.text.rows import json_text, lines_text, table_text
from tests.support.formats import zipped
from tests.support.formats.samples import FILLER


def label(extracted: Extracted, words: str) -> str | None:
    start = extracted.text.index(words)
    return place_label(extracted, start, start + len(words))


def test_a_row_ends_outside_quotation_marks() -> None:
    table = table_text('a,b\r\n1,"x\r\n\r\ny ""z"""\r\n2,w\r\n')
    assert [(place.name, table.text[place.start :][:1]) for place in table.places] == [
        ("1", "a"),
        ("2", "1"),
        ("3", "2"),
    ]
    assert table.headings == ((0, "a, b"),)
    assert label(table, "w") == "row 3"


def test_a_quotation_mark_that_is_left_open_does_not_swallow_the_table() -> None:
    table = table_text('a,5" pipe\n' + "".join(f"{n},x\n" for n in range(5000)))
    assert label(table, "4999,x") == "row 5001"


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ('{"a": 1, "b": {"c": [2]}}', '"c"', "item b"),
        ('{"a": [10, {"x": "y"}], "b": 2}', '"y"', "item a[1]"),
        ("[1, [2], 3]", "3", "item [2]"),
        ('[{"a": "}]"}, {"b": ","}]', '"b"', "item [1]"),
        ('{"a\\"b": 1}', "1", 'item a\\"b'),
        ("[1, 2", "2", "item [1]"),
        ("}}]],{", "{", None),
        ('"only"', "only", None),
    ],
)
def test_an_item_of_json_has_its_path(text: str, words: str, place: str | None) -> None:
    assert label(json_text(text), words) == place


def test_escapes_of_json_are_resolved_and_lines_stay() -> None:
    text = '{"a": "caf\\u00e9 \\ud83d\\ude00 \\\\u0041 \\n \\ud800",\n"b": "x"}'
    found = json_text(text)
    assert found.text == '{"a": "café 😀 \\u0041   \ufffd",\n"b": "x"}'
    assert label(found, '"x"') == "item b"
    assert json.loads(text)["a"].startswith("café 😀")


def test_a_record_of_json_lines_is_its_line() -> None:
    assert label(lines_text('{"a":1}\r\n\r\n{"b":"\\u00e9"}'), "é") == "line 3"


def test_rows_are_kept_whole_and_slides_apart() -> None:
    rows = "".join(f"{n},{' '.join(['word'] * 30)}. Then more.\n" for n in range(40))
    table = table_text("n,words\n" + rows)
    starts = {place.start for place in table.places}
    assert all(chunk.start in starts for chunk in chunks(table))
    deck = extract(
        zipped.pptx([["One", "first"], ["Two", "second"], ["Three", FILLER * 40]]),
        mime_type="application/octet-stream",
        name="a.pptx",
    )
    found = chunks(deck)
    assert [place_label(deck, chunk.start, chunk.stop) for chunk in found[:3]] == [
        "slide 1",
        "slide 2",
        "slide 3",
    ]
    assert [chunk.page for chunk in found[:3]] == [1, 2, 3]


def test_a_short_last_passage_does_not_join_another_place() -> None:
    text = f"{FILLER} {FILLER}\nend"
    apart = Extracted(
        text,
        places=(
            DocumentPlace(0, "slide", "1", "", alone=True),
            DocumentPlace(len(text) - 3, "slide", "2", "", alone=True),
        ),
    )
    assert [(chunk.start, chunk.stop) for chunk in chunks(apart)] == [
        (0, len(text) - 4),
        (len(text) - 3, len(text)),
    ]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (
            DocumentPlace(0, "row", "2", "sheet A"),
            DocumentPlace(5, "row", "9", "sheet A"),
            "sheet A, rows 2 to 9",
        ),
        (DocumentPlace(0, "row", "2", "sheet A"), DocumentPlace(5, "row", "9", "sheet B"), "sheet A, row 2"),
        (DocumentPlace(0, "at", "00:00:01"), DocumentPlace(5, "at", "00:00:09"), "at 00:00:01"),
        (DocumentPlace(0, "chapter", "Dawn"), DocumentPlace(10, "chapter", "Dusk"), "chapter Dawn"),
        (DocumentPlace(0, "comment", "", "sheet A"), DocumentPlace(9, "x", ""), "sheet A, comment"),
    ],
)
def test_a_label_names_the_first_and_the_last_place(
    first: DocumentPlace, last: DocumentPlace, expected: str
) -> None:
    assert place_label(Extracted("x" * 20, places=(first, last)), 0, 8) == expected
