"""Jupyter notebooks (ipynb) to text: the cells with what they printed, without pictures."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import headings
from objlib.embedded.text.rows import json_text

MAX_NOTEBOOK: Final = 32 * 1024 * 1024
"""Characters of a notebook that is read by its cells; a larger one holds data rather than words."""
MAX_OUTPUT: Final = 20_000
"""Characters of the outputs of one cell: the rest of a long log is left out."""
_AS_TEXT: Final = "the notebook is read as text, not by its cells: {}"


def notebook_text(source: str) -> Extracted:
    """Extract the text of a notebook; a cell is a place, counted from 1 as Jupyter shows them.

    One that is no JSON, has no cells, or is too large, is read as JSON is.
    """
    if len(source) > MAX_NOTEBOOK:
        return _as_json(source, f"it is larger than {MAX_NOTEBOOK >> 20} MiB")
    try:
        notebook = json.loads(source, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return _as_json(source, "it is no valid JSON")
    if not any(True for _ in _cells(notebook)):
        return _as_json(source, "it has no cells")
    builder = TextBuilder()
    pictures = 0
    for number, cell in enumerate(_cells(notebook), 1):
        builder.place("cell", number)
        text = _joined(cell.get("source", cell.get("input")))
        if cell.get("cell_type") in {"markdown", "heading"}:
            outline = headings(text, 0)
            builder.nest(Extracted(text, headings=outline))
        else:
            builder.add(text)
            output, found = _outputs(cell.get("outputs"))
            pictures += found
            if len(output) > MAX_OUTPUT:
                builder.remark(f"the output of cell {number} is read up to its character {MAX_OUTPUT:,}")
            builder.add(output[:MAX_OUTPUT])
    if pictures:
        builder.remark(f"pictures in outputs are not searched: {pictures}")
    metadata = notebook.get("metadata") if isinstance(notebook, dict) else None
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return builder.finish(title if isinstance(title, str) else "")


def _as_json(source: str, reason: str) -> Extracted:
    return replace(json_text(source), remarks=(_AS_TEXT.format(reason),))


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    """The cells of any version of the format: below 4 they stand in worksheets."""
    sheets = [notebook, *_list(notebook, "worksheets")]
    return (cell for sheet in sheets for cell in _list(sheet, "cells") if isinstance(cell, dict))


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _joined(source: Any) -> str:
    """A text that is written as a string or as a list of lines."""
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _outputs(outputs: Any) -> tuple[str, int]:
    """The text of a cell's outputs, and how many of them are pictures."""
    texts, pictures = [], 0
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        bundle = output.get("data")
        data: dict[str, Any] = bundle if isinstance(bundle, dict) else output
        pictures += any(key.startswith("image/") or key in {"png", "jpeg", "svg"} for key in data)
        text = _joined(data.get("text/plain", data.get("text")))
        if output.get("output_type") in {"error", "pyerr"}:
            text = f"{output.get('ename', '')}: {output.get('evalue', '')}"
        if text.strip():
            texts.append(text.strip())
    return "\n".join(texts), pictures
