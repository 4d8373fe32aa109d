"""Bytes to text: encodings, Markdown, HTML, and everything that cannot be read."""

import codecs
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.chunk import chunks
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.html import html_text


def text_of(data: bytes, mime_type: str = "text/plain", name: str = "a.txt") -> str:
    return extract(data, mime_type=mime_type, name=name).text


SENTENCE = "Die Würde des Menschen ist unantastbar — Ελλάδα."


@pytest.mark.parametrize(
    "data",
    [
        SENTENCE.encode(),
        codecs.BOM_UTF8 + SENTENCE.encode(),
        codecs.BOM_UTF16_LE + SENTENCE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + SENTENCE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + SENTENCE.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + SENTENCE.encode("utf-32-be"),
    ],
    ids=["utf8", "utf8-bom", "utf16le", "utf16be", "utf32le", "utf32be"],
)
def test_a_byte_order_mark_decides_the_encoding(data: bytes) -> None:
    assert text_of(data) == SENTENCE


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_western_utf16_needs_no_byte_order_mark(encoding: str) -> None:
    assert text_of("Plain words, no mark.".encode(encoding)) == "Plain words, no mark."


def test_invalid_utf8_is_read_as_a_western_encoding() -> None:
    assert text_of("Müller\u2019s café".encode("cp1252")) == "Müller\u2019s café"


def test_the_stated_charset_applies_to_bytes_that_are_not_utf8() -> None:
    russian = "Война и мир"
    assert text_of(russian.encode("koi8-r"), "text/plain; charset=KOI8-R") == russian
    assert text_of("naïve".encode(), "text/plain; charset=latin-1") == "naïve"
    assert text_of("naïve".encode("latin-1"), 'text/plain; charset="no-such-code"') == "naïve"


FRONT = """---
title: "Walden \\"or\\" Life"
author: 'Thoreau'
tags: [a]
---

# The Village

Words.
""".replace("\n", "\r\n")


def test_front_matter_names_the_document_and_is_not_body() -> None:
    got = extract(FRONT.encode(), mime_type="text/markdown", name="a.md")
    assert (got.title, got.author) == ('Walden "or" Life', "Thoreau")
    assert got.text == FRONT
    assert got.text[got.body_start :].lstrip().startswith("# The Village")
    assert got.headings == ((FRONT.index("# The"), "The Village"),)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("title: Walden", "Walden"),
        ("Title: 'it''s'", "it's"),
        ("title: 1984", "1984"),
        ("title: 2.50", "2.50"),
        ("title: true", "true"),
        ("title: [one, two]", "one, two"),
        ("title: C# # the language", "C#"),
        ('title: "one \\\\ two" # three', "one \\ two"),
        ('title: "never closed', '"never closed'),
        ("title:\n  - one\n  - two", "one, two"),
        ("title:\n  of: the book", ""),
        ("title: >\n  folded\n  text", "folded text"),
        ("title: On lying: a study", "On lying: a study"),
        ('title: "a\\0b"', "a b"),
    ],
)
def test_a_title_is_the_text_of_its_line_in_the_front_matter(line: str, title: str) -> None:
    got = extract(f"---\n{line}\nn: 1\n---\nBody.".encode(), mime_type="text/markdown", name="a.md")
    assert (got.title, got.text[got.body_start :]) == (title, "Body.")


def test_a_rule_is_not_front_matter() -> None:
    got = extract(b"---\n\nSome text.\n", mime_type="text/markdown", name="a.md")
    assert got.body_start == 0
    assert got.title == ""
    got = extract(b"---\n\nSome text: it is.\n\n---\n\nMore.", mime_type="text/markdown", name="a.md")
    assert got.body_start == 0 or got.text[: got.body_start].strip() == ""


def test_headings_are_found_outside_code() -> None:
    text = "# One #\n\ntext\n\nTwo\n===\n\n```sh\n# a comment\n```\n\n## Three\n\n#hashtag\n\n# C#\n\n# #\n"
    got = extract(text.encode(), mime_type="text/markdown", name="a.md")
    assert [heading for _, heading in got.headings] == ["One", "Two", "Three", "C#"]
    assert got.title == "One"


def test_html_gives_the_visible_text() -> None:
    page = """<!doctype html><html><head><title>A &amp; B</title><meta name=author content="C. D.">
    <style>p {color: red}</style><script>var x = "<p>no</p>";</script></head>
    <body><h1>Top &mdash; line</h1><p>One <b>bold</b>\n word.<br>Next&nbsp;line.</p><ul><li>first<li>second</ul>
    <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><pre>x  y\n  z</pre><p>caf&#233;</body></html>"""
    got = extract(page.encode(), mime_type="text/html; charset=utf-8", name="a.html")
    assert (got.title, got.author) == ("A & B", "C. D.")
    assert got.text.split("\n\n")[:-1] == [
        "Top — line",
        "One bold word.\nNext line.",
        "first",
        "second",
        "a\tb\nc",
        "x  y\n  z",
        "café",
    ]
    assert [(got.text[at : at + 3], heading) for at, heading in got.headings] == [("Top", "Top — line")]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        # The rules of XML: any element may close itself, and CDATA is text.
        (
            '<?xml version="1.0"?><html><head><title/><script src="a.js"/></head><body><p>Tide</p></body></html>',
            "Tide",
        ),
        ('<html xmlns="http://www.w3.org/1999/xhtml"><style/><p>Tide</p></html>', "Tide"),
        (
            '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml"><title/>Tide</html>',
            "Tide",
        ),
        (
            '<h:html xmlns:h="http://www.w3.org/1999/xhtml"><h:title>T</h:title><h:p>Tide</h:p></h:html>',
            "Tide",
        ),
        ("<?xml version='1.0'?><html><p><![CDATA[a < b & c]]></p></html>", "a < b & c"),
        ("<?xml version='1.0'?><html><p>a&nbsp;b &copy; &eacute; &lt;</p></html>", "a b © é <"),
        # XHTML that is no XML is read as HTML, but for what only XML can mean.
        (
            "<?xml version='1.0'?><html><title/><p>Tide & <br> ebb<![CDATA[ < flood]]></p></html>",
            "Tide &\nebb < flood",
        ),
        ("<?xml version='1.0'?><html><script/><p>Tide<p a='1' a='2'>\x01ebb", "Tide\n\n\x01ebb"),
        # Pages of the nineties.
        ("<HTML><HEAD><TITLE>T</TITLE><FONT SIZE=7>Tide</FONT> and <B>ebb</B>", "Tide and ebb"),
        ("<HEAD><TITLE>T</TITLE><CENTER>Tide</CENTER>ebb", "Tide\n\nebb"),
        ("<title>T</title>Tide<!-->ebb<!-- x --!>flow", "Tideebbflow"),
        ("<frameset><noframes><body><p>Tide</body></noframes></frameset>", "Tide"),
        ("<textarea>Tide</textarea><xmp>ebb</xmp>", "Tide\n\nebb"),
    ],
)
def test_xhtml_and_old_pages_keep_their_text(page: str, text: str) -> None:
    assert html_text(page).text.strip() == text


BOMB = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 20 if n else 'ha'}'>" for n in range(20))


@pytest.mark.parametrize(
    "declarations",
    [BOMB, "<!ENTITY e19 SYSTEM 'file:///etc/passwd'>", "<!ENTITY e19 'x'> ]><!DOCTYPE html ["],
)
def test_the_entities_of_a_document_are_not_expanded(declarations: str) -> None:
    page = f"<?xml version='1.0'?><!DOCTYPE html [{declarations}]><html><p>tide &e19; ebb</p></html>"
    got = html_text(page).text
    assert "ebb" in got
    assert "root:" not in got
    assert len(got) <= len(page)


def test_xml_declares_its_encoding() -> None:
    feed = '<?xml version="1.0" encoding="koi8-r"?><feed><p a="б">Мир</p></feed>'
    assert text_of(feed.encode("koi8-r"), "text/xml", "a.xml") == feed
    page = '<?xml version="1.0" encoding="windows-1250"?><html><p>Žluť</p></html>'
    assert text_of(page.encode("cp1250"), "text/html", "a.xhtml").strip() == "Žluť"
    assert text_of(page.encode("cp1250"), "application/xml", "a.xml").strip() == "Žluť"


PICTURE = "iVBORw0KGgo" * 2000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"# Tide\n\n![a](data:image/png;base64,{PICTURE})\n\nEbb", "# Tide\n\n![a](data:image/png)\n\nEbb"),
        (
            f"Tide\n\n[image1]: <data:image/png;base64,{PICTURE}>\nEbb",
            "Tide\n\n[image1]: <data:image/png>\nEbb",
        ),
        (
            f"Tide <img src='data:image/svg+xml;utf8,{'%3Csvg%20' * 40}'> Ebb",
            "Tide <img src='data:image/svg+xml'> Ebb",
        ),
        ("the data: one/two, three", "the data: one/two, three"),
    ],
)
def test_a_picture_inside_a_text_is_no_text(before: str, after: str) -> None:
    got = extract(before.encode(), mime_type="text/markdown", name="a.md")
    assert got.text == after
    assert before.count("\n") == after.count("\n")
    assert len(chunks(got)) == 1


def test_a_picture_in_a_notebook_is_no_text() -> None:
    cell = f'{{"data": {{"image/png": "{PICTURE}", "text/plain": "Tide"}}}}'
    assert text_of(cell.encode(), "application/vnd.jupyter", "a.ipynb") == cell.replace(PICTURE, "")


@pytest.mark.parametrize(
    "between",
    ["<textarea>{}</textarea>", "<button>{}</button>", "<dialog>{}</dialog>", "<select><option>{}</select>",
     "<video>{}</video>", "<xmp>{}</xmp>", "<table><caption>{}</caption></table>", "<noembed>{}</noembed>"],
)  # fmt: skip
def test_words_of_neighbours_in_a_page_do_not_run_together(between: str) -> None:
    page = f"<p>marmot{between.format('weasel')}otter"
    assert extract(page.encode(), mime_type="text/html", name="a.html").text.split() == [
        "marmot",
        "weasel",
        "otter",
    ]


def test_html_declares_its_charset() -> None:
    page = b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>' + "Мир".encode("koi8-r")
    assert text_of(page, "text/html", "a.html").strip() == "Мир"


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<pre>",
        "</div>",
        "<h1>",
        "<script>",
        "</script>",
        "a <",
        "&amp",
        "]]>",
        "\n",
        "<!",
        "x",
    ]
)


@pytest.mark.parametrize(
    "page", ["<head><title>T</title><p>Seen", "<head><body>Seen", "<p>Seen<svg><p>no</svg>"]
)
def test_an_open_head_hides_nothing(page: str) -> None:
    assert html_text(page).text.strip() == "Seen"


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "hex", "undefined", "\\0", "x y"])
def test_an_odd_charset_is_ignored(charset: str) -> None:
    text_of(b"\\ud800 caf\xe9", f"text/plain; charset={charset}").encode()


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ('<a href="x>y">link</a>', "link"),
        ("<a title='a\"b'>link</a>", "link"),
        ('seen<a href="never closed>link', "seen"),
        ("one <!-- two --> three", "one three"),
        ("one <!-- two", "one"),
        ("one <!-- two > three", "one"),
        ("one <!--> two", "one two"),
        ("one <!---> two", "one two"),
        ("one <![CDATA[x]]> two", "one two"),
        ("seen<![x", "seen"),
        ("<?xml version='1'?>one", "one"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("one < two", "one < two"),
        ("a</>b</ >c", "abc"),
        ("<SCRIPT>if (a<b) '</p>'</Script>seen", "seen"),
        ("<style>never closed <p>", ""),
        ("<svg/>seen", "seen"),
        ("<p>&lt;b&gt; &amp;amp; &nbsp;x&#x41;", "<b> &amp; xA"),
    ],
)
def test_malformed_html_gives_its_visible_text(page: str, seen: str) -> None:
    assert html_text(page).text.strip() == seen


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "</",
        "<![",
        '<b "',
        "<a b='>",
        "```\n# a\n",
        " ",
        "\n",
        "a\n---\n",
        "<div>",
        "<b></i>",
        "<li>",
        "<b><p>",
        "<table>",
        "<![CDATA[",
        "<?xml?>",
        "<!DOCTYPE [",
        "&",
        "<title/>",
        "data:",
        "data:a/b,",
        '"image/a": "',
        "---\n",
    ],
)
def test_extraction_takes_linear_time(piece: str) -> None:
    """Each of these once took minutes; the whole suite would."""
    data = f"x {piece * (200_000 // len(piece))} y".encode()
    for kind, start in (
        ("text/html", b""),
        ("text/html", b"<?xml version='1.0'?><html>"),
        ("text/markdown", b""),
    ):
        assert chunks(extract(start + data, mime_type=kind, name="a"))


def test_long_runs_of_spaces_take_linear_time() -> None:
    text = "---\na: b" + " " * 100_000 + "c\n---\n# a" + " " * 100_000 + "b\n\nwords" + " " * 100_000 + "."
    got = extract(text.encode(), mime_type="text/markdown", name="a.md")
    assert len(chunks(got)) >= 1


@given(st.lists(TAGS))
def test_any_html_has_a_text(parts: list[str]) -> None:
    got = html_text("".join(parts))
    assert all(got.text[at:].startswith(heading[:1]) for at, heading in got.headings)


@pytest.mark.parametrize(
    ("mime_type", "name"),
    [
        ("application/json", "a.json"),
        ("text/csv", "a.csv"),
        ("text/x-python", "a.py"),
        ("application/vnd.api+json", "a"),
        ("application/x-sh", "a.sh"),
        ("TEXT/PLAIN; charset=utf-8", "a"),
        ("application/octet-stream", "notes.txt"),
        ("", "script.py"),
    ],
)
def test_a_text_type_is_decoded(mime_type: str, name: str) -> None:
    assert text_of(b'{"a": 1}', mime_type, name) == '{"a": 1}'


@pytest.mark.parametrize(
    ("data", "mime_type", "name", "says"),
    [
        (b"", "text/plain", "a.txt", "empty"),
        (b" \n\t ", "text/markdown", "a.md", "empty"),
        (b"---\ntitle: only\n---\n\n", "text/markdown", "a.md", "empty"),
        (b"<html><script>1</script></html>", "text/html", "a.html", "empty"),
        (b"abc\0def", "text/plain", "a.txt", "binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "text/plain", "a.txt", "binary"),
        (bytes(range(1, 32)) * 9, "text/plain", "a.txt", "binary"),
        (b"PK\3\4", "application/zip", "a.zip", "archive is not opened"),
        (b"abc", "application/octet-stream", "a.xyz", "application/octet-stream"),
        (b"abc", "", "a", "without a type"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(data: bytes, mime_type: str, name: str, says: str) -> None:
    with pytest.raises(UnreadableError, match=says) as caught:
        extract(data, mime_type=mime_type, name=name)
    assert "\n" not in str(caught.value)


def test_plain_text_has_no_title_of_its_own() -> None:
    assert extract(b"# not Markdown", mime_type="text/plain", name="a.txt") == Extracted("# not Markdown")


def test_a_large_text_is_in_memory_once_beside_its_bytes() -> None:
    section = "# Of bees\n\n" + "The hive \u2014 a city.\n\n" * 100
    data = b"---\ntitle: Bees\n---\n" + section.encode() * 400
    tracemalloc.start()
    extracted = extract(data, mime_type="text/markdown", name="bees.md")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * sys.getsizeof(extracted.text)  # it was 3.5
