"""Letters as they are compared: one form for those that people type in more than one way."""

import re
import unicodedata
from functools import cache
from typing import Final

# Scripts written without spaces, Thai to Khmer, Chinese and Japanese among them: a run of them is no word. A Korean
# word stands with its particles, so it is found by its characters too.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe"
    "\uaa60-\uaa7f\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and the like, which are no letters to Python and make a word another word.
SIGNS: Final = (
    "\u07a6-\u07b0\u0816-\u082d\u0859-\u085b\u0900-\u0963\u0981-\u09e3\u09fe-\u0a75\u0a81-\u0ae3\u0afa-\u0b63"
    "\u0b82-\u0bd7\u0c00-\u0c63\u0c81-\u0c83\u0cbc-\u0d4d\u0d57-\u0d63\u0d81-\u0df3\u0f18\u0f19\u0f35\u0f37\u0f39"
    "\u0f3e-\u0f84\u0f86-\u0fbc\u0fc6\u1712-\u1734\u1752-\u1773\u17dd\u1885-\u193b\u1a17-\u1a1b\u1a55-\u1a7f"
    "\u1b00-\u1b44\u1b6b-\u1b73\u1b80-\u1bf3\u1c24-\u1c37\u1cd0-\u1cd2\u1cd4-\u1cf9\u302a-\u302f\u3099\u309a"
    "\ua802-\ua827\ua82c\ua880-\ua8c5\ua8e0-\ua8f1\ua8ff-\ua92d\ua947-\ua953\ua980-\ua9c0\uaa29-\uaa4d\uaaeb-\uaaef"
    "\uaaf5\uaaf6\uabe3-\uabea\uabec\uabed\u2d7f\ua6f0\ua6f1\uaa7b-\uaac1"
)
# Letters with marks, ligatures and widths of their own, beyond ASCII and before punctuation such as curly quotes.
_MARKED = re.compile(
    "[\u00a0-\u1fff\u200b-\u200d\u2060-\u2fff\u302a-\u302f\u3099-\u309c\u3130-\u318f\u3200-\u33ff\ua620-\ua629"
    "\ua640-\uabff\uf900-\uffef\U0001d400-\U0001d7ff\U0002f800-\U0002fa1f]"
)
# Accents and tones above and below letters; the points of Hebrew, Arabic and Syriac, and the stroke that stretches
# Arabic; the dot that makes a letter of India one of a foreign word; and signs that only say where a line or a
# ligature may break.
_MARK: Final = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07eb-\u07f3\u07fd\u0898-\u089f"
    "\u08ca-\u08e1\u08e3-\u08ff\u093c\u0a3c\u0abc\u0cbc\u135d-\u135f\u180b-\u180f\u1ab0-\u1ace\u1dc0-\u1dff"
    "\u20d0-\u20f0\u2cef-\u2cf1\u2de0-\u2dff\ua66f-\ua672\ua674-\ua67d\ua69e\ua69f\u00ad\u200c\u200d\u2060\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]"
)
# A space of no width between characters of a script without spaces only says where a line may break.
_BREAK: Final = f"(?<=[{UNSPACED}])\u200b+(?=[{UNSPACED}])"

_SPACED_VOICE = {0x309B: "\u3099", 0x309C: "\u309a"}
"""Japanese marks of a voiced sound that stand behind their letter, as some keyboards write them."""
_LETTERS: Final = {
    "\u03c2": "\u03c3",  # Greek sigma at the end of a word
    "\u0131": "i",  # Turkish i without its dot
    "\u0111": "d",  # letters with a stroke, which is no mark of its own
    "\u0110": "d",
    "\u00f0": "d",
    "\u00d0": "d",
    "\u0142": "l",
    "\u0141": "l",
    "\u00f8": "o",
    "\u00d8": "o",
    "\u0127": "h",
    "\u0126": "h",
    "\u0167": "t",
    "\u0166": "t",
    "\u00df": "ss",
    "\u1e9e": "ss",
    "\u00e6": "ae",
    "\u00c6": "ae",
    "\u0153": "oe",
    "\u0152": "oe",
    "\u00fe": "th",
    "\u00de": "th",
    "\u0671": "\u0627",  # Arabic alif with wasla
    "\u0649": "\u064a",  # yeh without its dots, and the Persian one
    "\u06cc": "\u064a",
    "\u0629": "\u0647",  # teh marbuta
    "\u06a9": "\u0643",  # Persian and Urdu letters beside their Arabic ones
    "\u06c1": "\u0647",
    "\u06d5": "\u0647",
    "\u0491": "\u0433",  # Ukrainian ghe
    "\u0490": "\u0433",
    "\u0901": "\u0902",  # Hindi nasal signs
}
_ZEROS: Final = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u1090"
    "\u17e0\u1810\u1946\u19d0\u1a80\u1a90\u1b50\u1bb0\u1c40\u1c50\ua620\ua8d0\ua900\ua9d0\ua9f0\uaa50\uabf0"
)
"""The digit nought of each script; the others follow it."""


@cache
def pattern(source: str) -> re.Pattern[str]:
    """The pattern, compiled when it is first needed: large classes of characters take milliseconds."""
    return re.compile(source)


@cache
def _same() -> dict[int, str]:
    digits = {chr(ord(zero) + digit): str(digit) for zero in _ZEROS for digit in range(10)}
    return str.maketrans(_LETTERS | digits)


def fold(text: str) -> str:
    """The text without accents, points, ligatures and widths, with one form of each letter and digit."""
    if text.isascii() or not _MARKED.search(text):
        return text
    bare = pattern(_MARK).sub("", unicodedata.normalize("NFKD", text.translate(_SPACED_VOICE)))
    folded = unicodedata.normalize("NFC", bare).translate(_same())
    return pattern(_BREAK).sub("", folded) if "\u200b" in folded else folded


def lower(text: str) -> str:
    """A folded text in lower case. Python writes a sigma at the end of a word in another way again."""
    return text.lower() if text.isascii() else text.lower().replace("\u03c2", "\u03c3")
