"""Rich Text Format to text: paragraphs, tables, footnotes and text boxes (RTF specification 1.9.1).

One pass over the tokens; the bytes of pictures and embedded objects are stepped over.
"""

import codecs
import re
from dataclasses import dataclass, field, replace
from typing import Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted

_NO_RTF: Final = (
    "The file is no RTF: it does not begin with {\\rtf. Open it in its program and save it again."
)
_TOKEN: Final = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|[\r\n]+|([^\\{}\r\n]{1,65536})",
    re.DOTALL,
)
_SKIPPED: Final = frozenset(
    """
    atnid atnref bkmkend bkmkstart buptim category colortbl comment company creatim datastore doccomm docvar falt
    fldinst filetbl fontemb footer footerf footerl footerr generator header headerf headerl headerr hlinkbase
    keywords latentstyles listoverridetable listtable manager nonesttables objclass objdata objname operator
    password picprop pict pntext printim private revtbl revtim rsidtbl rxe shppict sn sp stylesheet subject tc
    template themedata txe userprops xe xmlnstbl
    """.split()
)
"""Groups whose text is about the document and not in it."""
_KEPT: Final = frozenset({"shpinst", "shptxt", "footnote", "annotation", "fldrslt", "nesttableprops"})
"""Groups that are read although programs may ignore them: what a text box holds."""
_CHARACTERS: Final = {
    "tab": "\t", "line": "\n", "emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "lquote": "\u2018",
    "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_SYMBOLS: Final = {b"~": "\u00a0", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}"}
_CHARSETS: Final = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""Encodings by the number of a font's character set."""
_BREAKS: Final = frozenset({"par", "sect", "page", "row", "nestrow", "cell", "nestcell"})
_PAGES: Final = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}


@dataclass(slots=True)
class _Group:
    """The state that a closing brace takes back."""

    skipped: bool = False
    target: str = ""
    codec: str = "cp1252"
    unicode_skip: int = 1


@dataclass(slots=True)
class _State:
    """A document as it is read."""

    builder: TextBuilder = field(default_factory=TextBuilder)
    group: _Group = field(default_factory=_Group)
    groups: list[_Group] = field(default_factory=list)
    codec: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    font: int = 0
    waiting: bytearray = field(default_factory=bytearray)
    line: list[str] = field(default_factory=list)
    info: dict[str, list[str]] = field(default_factory=lambda: {"title": [], "author": []})
    to_skip: int = 0
    heading: bool = False
    in_table: bool = False
    paragraphs: int = 0
    starred: bool = False


def rtf_text(data: bytes) -> Extracted:
    """Extract the text of an RTF file, its title and author; headings are paragraphs with an outline level.

    Raises:
        UnreadableError: it is no RTF.
    """
    start = data.find(b"{\\rtf", 0, 1024)
    if start < 0:
        raise UnreadableError(_NO_RTF)
    state = _State()
    position = start
    while token := _TOKEN.match(data, position):
        position = token.end()
        word, number, code, symbol, brace, text = token.groups()
        if word is not None:
            value = int(number) if number else None
            if word == b"bin":
                position += max(0, value or 0)
            else:
                _word(state, word.decode(), value)
        elif code is not None:
            _bytes(state, bytes.fromhex(code.decode()))
        elif text is not None:
            _bytes(state, text)
        elif symbol is not None:
            _symbol(state, symbol)
        elif brace == b"{":
            _flush(state)
            state.to_skip = 0
            state.groups.append(replace(state.group))
        elif brace == b"}":
            _flush(state)
            state.to_skip = 0
            if not state.groups:
                break
            state.group = state.groups.pop()
            if not state.groups:
                break  # what follows the document is not part of it
    _paragraph(state)
    return state.builder.finish("".join(state.info["title"]), "".join(state.info["author"]))


def _word(state: _State, word: str, value: int | None) -> None:
    """Obey a control word."""
    starred, state.starred = state.starred, False
    group = state.group
    if word in _SKIPPED or (starred and word not in _KEPT):
        _flush(state)
        group.skipped = True
        return
    if word in {"fonttbl", "info"} or (group.target == "info" and word in state.info):
        _flush(state)
        group.target = word
        return
    if group.target == "fonttbl":
        _font(state, word, value)
    elif word == "u" and value is not None:
        _flush(state)
        _write(state, chr(value % 0x10000))
        state.to_skip = group.unicode_skip
    elif word in _CHARACTERS:
        _flush(state)
        _write(state, _CHARACTERS[word])
    elif word in _BREAKS:
        _flush(state)
        if not group.skipped:
            _break(state, word)
    else:
        _format(state, word, value)


def _format(state: _State, word: str, value: int | None) -> None:
    """Obey a control word that says how text is meant."""
    group = state.group
    if word == "uc":
        group.unicode_skip = max(0, min(value or 0, 16))
    elif word == "f" and value is not None:
        _flush(state)
        group.codec = state.fonts.get(value, state.codec)
    elif word == "ansicpg" or word in _PAGES:
        state.codec = group.codec = _codec(_PAGES.get(word, f"cp{value}"))
    elif word == "pard":
        state.heading = state.in_table = False
    elif word == "outlinelevel":
        state.heading = value is not None and value < 9
    elif word in {"intbl", "trowd"}:
        state.in_table = True


def _break(state: _State, word: str) -> None:
    """End a cell, a row or a paragraph."""
    if word in {"cell", "nestcell"}:
        state.line.append("\t")
    elif word == "par" and state.in_table:
        state.line.append(" ")
    else:
        _paragraph(state, row=word in {"row", "nestrow"})


def _font(state: _State, word: str, value: int | None) -> None:
    if word == "f" and value is not None:
        state.font = value
    elif word == "fcharset" and value in _CHARSETS:
        state.fonts[state.font] = _CHARSETS[value]


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return "cp1252"


def _symbol(state: _State, symbol: bytes) -> None:
    if symbol == b"*":
        state.starred = True
    elif symbol in b"\r\n":
        _flush(state)
        _break(state, "par")
    elif symbol in _SYMBOLS:
        _flush(state)
        _write(state, _SYMBOLS[symbol])


def _bytes(state: _State, data: bytes) -> None:
    """Take bytes of text, without those that stand for a character that was written in Unicode."""
    state.starred = False
    if state.to_skip:
        skipped = min(state.to_skip, len(data))
        state.to_skip -= skipped
        data = data[skipped:]
    if not state.group.skipped and state.group.target != "fonttbl":
        state.waiting += data


def _flush(state: _State) -> None:
    """Decode the bytes that wait: two of them may be one character."""
    if state.waiting:
        text = bytes(state.waiting).decode(state.group.codec, "replace")
        state.waiting.clear()
        _write(state, text)


def _write(state: _State, text: str) -> None:
    group = state.group
    if group.skipped or group.target == "fonttbl":
        return
    if group.target in state.info:
        state.info[group.target].append(text)
    elif group.target != "info":
        state.line.append(text)


def _paragraph(state: _State, *, row: bool = False) -> None:
    """Write the collected paragraph, or the row of a table as one line."""
    _flush(state)
    text = "".join(state.line).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    state.line.clear()
    state.paragraphs += 1
    if row:
        text = "\t".join(" ".join(cell.split()) for cell in text.split("\t"))
    state.builder.place("paragraph", state.paragraphs)
    state.builder.add(text, heading=state.heading and not row, separator="\n" if row else None)
    if not row:
        state.builder.gap()
