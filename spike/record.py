"""Putting what a harness printed into its page, so that no number there is typed by hand."""

from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- what the harness printed: begin -->"
END: Final = "<!-- what the harness printed: end -->"


def record(page: Path, lines: list[str]) -> None:
    """Replace what stands between the two marks of ``page``.

    Raises:
        ValueError: the page has no marks.
    """
    text = page.read_text("utf-8")
    before, marker, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not marker or not closed:
        raise ValueError(f"{page.name} has no marks for the output of its harness")
    printed = "\n".join(line.rstrip() for text in lines for line in text.splitlines() or [""])
    new = f"{before}{BEGIN}\n```text\n{printed}\n```\n{END}{after}"
    beside = page.with_suffix(".new")
    beside.write_text(new, "utf-8")
    beside.replace(page)
