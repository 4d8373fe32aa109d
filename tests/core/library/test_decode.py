"""Bytes to text: encodings, line ends, and data that is no text."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.decode import LINE_END, UnreadableError, decode, is_text, without_inline_data
from objlib.core.library.mime import SNIFF


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", True),
        (b"plain", True),
        ("caf\u00e9 \u4f60\u597d".encode(), True),
        ("caf\u00e9, na\u00efve, \u00fcber".encode("latin-1"), True),
        ("text".encode("utf-16"), True),
        (b"with a NUL\0", False),
        (b"\x1f\x8b\x08\x01" + bytes(range(1, 256)), False),
        (b"a" * SNIFF + b"\0", True),
        (b"kernel: fan 2 stopped\n" * 60 + b"\0" * 4096 + b"kernel: fan 2 started\n", True),
        (b"\0" * 3000 + b"the log was cut while it was written to\n" * 9, True),
        (b"one \0 two\0" + b"a line of a log\n" * 80, True),
        (b"\0" * 500, False),
        (b"notes.txt".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0") + b"some notes\n" * 700, False),
        (b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0" + b"\0" * 4000, False),
    ],
)
def test_text_is_distinguished_from_binary(head: bytes, expected: bool) -> None:
    assert is_text(head) is expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), st.integers(0, 3))
def test_utf8_is_text_wherever_it_is_cut(text: str, more: int) -> None:
    data = ("x" * more + text * (SNIFF // len(text.encode("utf-8", "replace")) + 1)).encode(
        "utf-8", "replace"
    )
    assert is_text(data)
    assert is_text(data[: SNIFF // 2])


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_unreadable(data: bytes) -> None:
    try:
        text = decode(data).text
    except UnreadableError as error:
        text = str(error)
        one_line = "\n" not in text
    else:
        one_line = True
        text.encode()
    assert one_line
    assert "\0" not in text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_utf8_round_trips(text: str) -> None:
    assert decode(text.encode()).text == text.removeprefix("\ufeff")


TEXTS = {
    "cp1252": "La fenêtre donne sur la forêt, où le garçon a passé l\u2019été.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy, a potom šel spát do stáje za vsí.",
    "cp1251": "Над морем летит чайка, и рыбаки смотрят ей вслед.",
    "koi8-r": "Над морем летит чайка, и рыбаки смотрят ей вслед.",
    "cp1253": "Η θάλασσα είναι ήσυχη σήμερα το πρωί.",
    "cp1255": "המגדלור עומד על החוף ומאיר את הים.",
    "cp1256": "المنارة تضيء البحر كل ليلة.",
    "shift_jis": "灯台は毎晩海を照らしています。",
    "euc_jp": "灯台は毎晩海を照らしています。",
    "iso2022_jp": "灯台は毎晩海を照らしています。",
    "gb18030": "灯塔每天晚上照亮大海，渔民都很高兴。",
    "big5": "燈塔每天晚上照亮大海，漁民都很高興。",
    "euc_kr": "등대는 매일 밤 바다를 비춥니다.",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_encoding_is_detected_and_the_guess_is_said(encoding: str) -> None:
    text = "Line\n" * 50 + TEXTS[encoding] + "\nLine" * 50
    got = decode(text.encode(encoding))
    assert got.text == text
    assert got.remarks == (() if encoding == "iso2022_jp" else (f"the encoding is a guess: {got.encoding}",))


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "koi8-r", "cp1250", "shift_jis", "gb18030"])
@pytest.mark.parametrize(
    "declaration",
    [
        '<?xml version="1.0" encoding="{}"?>\n',
        "<html><meta charset={}>\n",
        '<meta http-equiv="Content-Type" content="text/html; charset={}">\n',
        "# -*- coding: {} -*-\n",
        '@charset "{}";\n',
    ],
)
def test_a_declared_encoding_is_read_without_a_guess(encoding: str, declaration: str) -> None:
    text = declaration.format(encoding) + TEXTS[encoding][:6]
    assert decode(text.encode(encoding)).text == text
    assert decode(text.encode(encoding)).remarks == ()


def test_what_is_utf8_is_read_as_utf8_whatever_it_declares() -> None:
    text = "<meta charset=iso-8859-1>naïve"
    assert decode(text.encode()).text == text


def test_the_names_of_the_web_mean_the_sets_of_windows() -> None:
    assert decode(b"<meta charset=iso-8859-1>\x93a\x94 b").text == "<meta charset=iso-8859-1>\u201ca\u201d b"


def test_a_few_stray_bytes_do_not_make_utf8_another_encoding() -> None:
    got = decode("née à Besançon\r\nélevée".encode() + b" \xff\xfe" + "là".encode())
    assert got.text == "née à Besançon\r\nélevée \ufffd\ufffdlà"
    assert (got.encoding, got.remarks) == ("utf-8", ("2 bytes are not UTF-8, first in line 2",))


def test_the_start_of_a_text_may_end_inside_a_character() -> None:
    assert decode("aaaé".encode()[:-1], cut=True).text == "aaa"
    assert decode("Müller é".encode()[:-1], cut=True).remarks == ()


@pytest.mark.parametrize("nuls", [1, 4, 64, 4096])
@pytest.mark.parametrize("at", [0, 30, 5000, 20_000])
def test_the_nuls_of_a_broken_log_are_left_out_and_said(nuls: int, at: int) -> None:
    log = "pump 3: pressure 4.2 bar\n" * 1000
    data = log.encode()[:at] + b"\0" * nuls + log.encode()[at:]
    assert is_text(data[:SNIFF])
    got = decode(data)
    assert got.text == log
    assert got.remarks == (f"{nuls} NULs are left out",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_count_alike_in_all_encodings(encoding: str, end: str) -> None:
    text = decode(end.join(["один", "два", "три"]).encode(encoding)).text
    assert LINE_END.split(text) == ["один", "два", "три"]


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(UnreadableError, match="encoding"):
        decode(bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D]) * 200)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf", codecs.BOM_UTF16_LE, b""])
def test_a_mark_alone_is_an_empty_text(data: bytes) -> None:
    assert decode(data).text == ""


@pytest.mark.parametrize(
    "text", ["data:a/" + "a" * 2_000_000, "data:image/" + "b;" * 1_000_000], ids=["one word", "parameters"]
)
def test_a_data_uri_without_an_end_takes_linear_time(text: str) -> None:
    assert without_inline_data(text) == text  # in quadratic time this test would run for hours


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\x03" * 40, bytes(range(32)) * 9])
def test_binary_bytes_are_not_decoded(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="binary"):
        decode(data)
