"""Rewrite the table of constants in ``docs/governor.md`` from the dataclass that holds them: ``just docs``.

It stands between ``<!-- constants -->`` and ``<!-- end -->``. ``tests/house/test_pages.py`` fails when the page and the
dataclass differ.
"""

from dataclasses import fields
from pathlib import Path

from objlib.core.pacing.tuning import TUNING

PAGE = Path(__file__).parent.parent / "docs" / "governor.md"
BEGIN, END = "<!-- constants -->\n", "<!-- end -->"


def table() -> str:
    """One row for each constant, in the order of the source."""
    rows = [
        f"| {each.name} | {getattr(TUNING, each.name):.4g} | {each.metadata['unit']} | "
        f"{each.metadata['range'][0]:g} to {each.metadata['range'][1]:g} | {each.metadata['source']} |"
        for each in fields(TUNING)
    ]
    head = f"The controller has {len(rows)} constants."
    columns = "| constant | value | unit | range | source |\n| --- | --- | --- | --- | --- |"
    return f"{head}\n\n{columns}\n" + "\n".join(rows)


def render(page: str) -> str:
    """The page with the table as the dataclass has it now."""
    before, start, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{PAGE} has no part between {BEGIN.strip()} and {END}; put the two lines back")
    return f"{before}{start}{table()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
