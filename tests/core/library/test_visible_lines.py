"""Words of pages and subtitles stand on the lines of their source."""

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.library.visible_lines import visible_lines


def line_of(word: str, source: str, name: str = "a.html") -> int:
    text = visible_lines(source, "text/html" if name.endswith("html") else "text/plain", name)
    assert text.count(word) == 1, text
    return text.count("\n", 0, text.index(word)) + 1


PAGE = """<!DOCTYPE html>
<!-- a comment
  of two lines with a word: hidden -->
<html><head><title>hidden</title>
<style>
  p > hidden { }
</style><script>if (1 < 2) { hidden() }</script></head>
<body class='a>b'
  data-x="1 > 0">
<p>One &lt;two&gt; th&#114;ee,<br>
a < b &amp; c&nbsp;d<a href="x?a>b">four</a>
</p><SCRIPT>hidden</script ><p>five
"""


def test_each_word_of_a_page_has_the_line_of_its_source() -> None:
    places = {"One": 10, "<two>": 10, "three": 10, "a < b & c": 11, "four": 11, "five": 12}
    assert {word: line_of(word, PAGE) for word in places} == places
    text = visible_lines(PAGE, "text/html", "a.html")
    assert "hidden" not in text
    assert ">" not in text.replace("<two>", "")
    assert line_of("five", PAGE.replace("\n", "\r\n")) == 12


def test_only_what_stands_on_its_own_ends_a_word() -> None:
    text = visible_lines("<li>one<li>t<b>w</b>o<td>three<td>f<!-- x -->our", "text/html", "a.html")
    assert text.split() == ["one", "two", "three", "four"]


def test_a_line_break_that_is_written_as_a_reference_is_no_line() -> None:
    assert line_of("end", "<p>a&#10;b&#13;&#10;c end\n") == 1


def test_the_content_of_cdata_is_text() -> None:
    assert line_of("word", "<p>\n<![CDATA[a\nword]]></p>", "a.xhtml") == 3


def test_words_of_subtitles_have_the_lines_of_their_cues() -> None:
    cues = "1\n00:00:01,000 --> 00:00:02,000\nfirst\n\n2\n00:00:03,000 --> 00:00:04,000\n<i>second</i> 3\n"
    assert line_of("second 3", cues, "a.SRT") == 7
    assert "-->" not in visible_lines(cues, "text/plain", "a.srt")
    assert visible_lines(cues, "text/plain", "a.txt") == cues


@given(st.text(alphabet="<>/!-\"'&;#ap \r\nscript", max_size=80))
def test_no_source_loses_or_gains_a_line(source: str) -> None:
    text = visible_lines(source, "text/html", "a.html")
    assert text.replace("\r\n", "\n").replace("\r", "\n").count("\n") == source.replace("\r\n", "\n").replace(
        "\r", "\n"
    ).count("\n")


def test_a_hostile_page_takes_linear_work() -> None:
    """Each of these would take hours where a search to the end were repeated for every tag."""
    for piece in ('<a "', "<a '", "<!--", "<script>", "<", "<a", "<a b=\"'>", "&", "<svg/>"):
        source = piece * 200_000
        assert visible_lines(source, "text/html", "a.html").count("\n") == 0
