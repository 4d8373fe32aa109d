"""Text on its way to the user: escapes, widths, units, streams."""

import io
import subprocess
import sys
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.cli.console.terminal import (
    Terminal,
    about,
    columns,
    duration,
    moment,
    safe,
    safe_block,
    size,
    table,
    terminal_of,
    wrap,
)
from objlib.core.counting import plural


class Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def tty(encoding: str = "utf-8") -> Tty:
    return Tty(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain name.txt", "plain name.txt"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\nb\r\tc", r"a\x0ab\x0d\x09c"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b31m", r"\x9b31m"),
        ("日本 é 👩\u200d💻", "日本 é 👩\u200d💻"),
    ],
)
def test_a_character_that_acts_on_the_terminal_is_escaped(raw: str, text: str) -> None:
    assert safe(raw) == text


@given(st.text(st.characters()))
def test_nothing_that_is_safe_can_act(text: str) -> None:
    once = safe(text)
    assert "\x1b" not in once
    assert "\n" not in once
    once.encode("utf-8")
    assert safe(once) == once


def test_a_block_keeps_its_lines() -> None:
    assert safe_block("a\r\nb\tc\x1b[2J\rd") == "a\nb   c\\x1b[2J\nd"


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(4, 60))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_wide_characters_count_double() -> None:
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert wrap("日本語日本語", 6) == ["日本語", "日本語"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (94_321_000, "94.3 MB"),
        (999_600, "1.0 MB"),
        (250_000_000_000, "250 GB"),
        (10**18, "1000000 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1 / 12, "0.083"), (4.0, "4"), (3.91234, "3.9"), (9.96, "10"), (119.7, "120"), (1234.5, "1,200")],
)
def test_measured_numbers(number: float, text: str) -> None:
    assert about(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.42, "0.4 s"),
        (9.9, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_moments_have_a_zone_and_never_fail() -> None:
    assert moment(0, UTC) == "1970-01-01 00:00:00 UTC"
    assert moment(0, timezone(timedelta(hours=2), "EET")) == "1970-01-01 02:00:00 EET"
    assert moment(1e20) == "100000000000000000000 (Unix seconds)"
    assert len(moment(1_700_000_000).split()) == 3


def test_plurals_and_tables() -> None:
    assert plural(1, "file") == "1 file"
    assert plural(1200, "entry", "entries") == "1,200 entries"
    assert table([("a", "1"), ("日本", "2"), ("b", "")]) == ["  a     1", "  日本  2", "  b"]


@pytest.mark.parametrize(
    ("environ", "color"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_on_a_terminal(environ: dict[str, str], color: bool) -> None:
    assert terminal_of(tty(), environ).color is color


def test_no_colours_in_a_file() -> None:
    assert not terminal_of(io.StringIO(), {}).color
    closed = io.StringIO()
    closed.close()
    assert not terminal_of(closed, {}).color


def test_symbols_have_stand_ins_where_the_encoding_has_none() -> None:
    assert terminal_of(tty(), {}).sign("✓", "ok") == "✓"
    assert terminal_of(tty("ascii"), {}).sign("✓", "ok") == "ok"
    assert terminal_of(tty("latin-1"), {}).sign("✓", "ok") == "ok"


def test_paint_is_only_put_on_text() -> None:
    assert Terminal(color=True).red("x") == "\x1b[31mx\x1b[0m"
    assert Terminal(color=True).red("") == ""
    assert Terminal().red("x") == "x"


def test_streams_that_were_closed_are_written_to_in_safety() -> None:
    program = (
        "import sys; sys.stdout = sys.stderr = None\n"
        "from objlib.cli.console.terminal import steady_streams; steady_streams()\n"
        "print('gone'); sys.stderr.write('gone')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == done.stderr == b""
