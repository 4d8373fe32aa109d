"""The built-in questions by which a user's model is checked, each with its passage."""

from pathlib import Path
from typing import Final

_SET: Final = Path(__file__).parents[1] / "encoders" / "check_set.tsv"


def read_set() -> list[tuple[str, str, str]]:
    """(language, question, its passage) of each question."""
    lines = _SET.read_text(encoding="utf-8").splitlines()
    return [(language, question, passage) for language, question, passage in (x.split("\t") for x in lines)]
