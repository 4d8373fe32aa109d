"""A search to try after an upload, from the library's own file names."""

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from objlib.core.config.settings import Settings
from objlib.core.reports.failed_files import FailedFile

_MAX_FILES: Final = 500
"""Files whose names are tried, so that a large library costs no time."""
_MAX_WORDS: Final = 5
"""Words of a query: a longer one is more than a file's subject."""
_MEANINGLESS: Final = frozenset(
    {"readme", "index", "changelog", "license", "notes", "untitled", "document", "new", "copy"}
)


class _Candidate(NamedTuple):
    """A file on disk, as the rules of a library look at it."""

    file_path: str
    path_bytes: bytes | None = None


def suggestion(settings: Settings, failures: Iterable[FailedFile] = ()) -> str:
    """A query to try: the words of a file's name.

    The same for the same files; empty when no name says anything. Files that failed, were skipped or left out cannot
    be found, so their names are not used.
    """
    from objlib.engine.scan.scope import Scope

    failed = {failure.path for failure in failures}
    scope = Scope.of(settings)
    for path in islice(_paths(settings.library), _MAX_FILES):
        candidate = _Candidate(path.relative_to(settings.library).as_posix())
        words = re.findall(r"[^\W\d_]+", path.stem)
        if candidate.file_path in failed or not any(
            len(word) > 3 and word.lower() not in _MEANINGLESS for word in words
        ):
            continue
        if scope.absent(candidate) is None:
            return " ".join(words[:_MAX_WORDS]).lower()
    return ""


def _paths(library: Path) -> Iterator[Path]:
    """Files in the order of their paths; hidden ones and what cannot be read are left out."""
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.isprintable():
                yield Path(folder, name)
