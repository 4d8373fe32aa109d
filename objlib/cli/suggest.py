"""A search to try after an upload, from the library's own file names."""

import os
import re
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

_LOOKED_AT: Final = 500
_WORDS: Final = 4
_PLAIN: Final = frozenset(
    {"readme", "index", "changelog", "license", "notes", "untitled", "document", "new", "copy"}
)


def suggestion(library: Path) -> str:
    """Words to search for, quoted for a shell: the same for the same files, empty when no name says anything."""
    for stem in islice(_stems(library), _LOOKED_AT):
        words = [word for word in re.findall(r"[^\W\d_]+", stem) if len(word) > 2]
        if words and any(word.lower() not in _PLAIN for word in words):
            return shlex.quote(" ".join(words[:_WORDS]).lower())
    return ""


def _stems(library: Path) -> Iterator[str]:
    """Names without suffix in the order of their paths; hidden ones and what cannot be read are left out."""
    for _, folders, files in os.walk(library):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.isprintable():
                yield Path(name).stem
