"""The rules files that scans used. Without one that is gone, files would be sent that it kept private."""

import json
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from objlib.core.advice import quote
from objlib.core.errors import RefusedError
from objlib.core.library.ignore import GIT_FILE
from objlib.core.library.paths import readable
from objlib.engine.app import App
from objlib.engine.scan.scope import Scope
from objlib.ledger import Lease

RULES_FILES_KEY: Final = "rules_files"
"""Setting of the ledger that keeps the rules files of the last scan, as JSON."""
NAMED: Final = 5
"""Files that a refusal names."""


async def refuse_missing_rules(app: App, scope: Scope, present: Iterable[str]) -> list[str]:
    """Refuse to scan without a rules file that the last scan used; a file without rules in its place will do.

    A rules file whose folder is gone too, or that is of git while its rules are not asked for, is not missed.

    Args:
        app: the open application.
        scope: of the library.
        present: disk paths of the rules files that this scan used, relative to the library.

    Returns:
        What to remember of this scan.

    Raises:
        RefusedError: one is gone, or cannot be reached any more, while its folder can.
    """
    present = {*present, *map(str, scope.rules_above)}
    remembered: list[str] = json.loads(await app.ledger.settings.get(RULES_FILES_KEY) or "[]")
    asleep = [path for path in remembered if _is_asleep(scope, path)]
    candidates = [path for path in remembered if path not in present and path not in asleep]
    missing = await app.files(partial(_missing, scope.root, candidates))
    if missing:
        names = ", ".join(readable(os.fsencode(path)) for path in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        files = " ".join(quote(str(scope.root / path)) for path in missing[:NAMED])
        raise RefusedError(
            f"{names}{more} had rules in the last scan, and is gone; nothing was changed: put it back or, if "
            f"what it left out may be sent, put an empty file there: touch {files}"
        )
    return sorted({*present, *asleep})


async def remember_rules(app: App, files: list[str], lease: Lease | None) -> None:
    """Keep the rules files of a scan, which holds ``lease``, for the next one."""
    text = json.dumps(files)  # with escapes for names that are not valid Unicode
    if text != (await app.ledger.settings.get(RULES_FILES_KEY) or "[]"):
        await app.ledger.settings.set_under(lease, RULES_FILES_KEY, text)


def _is_asleep(scope: Scope, path: str) -> bool:
    """Whether a rules file does not count for this scan: one of git, or above the library, that is not asked for."""
    if Path(path).is_absolute():
        return GIT_FILE not in scope.rules.files
    return Path(path).name not in scope.rules.files


def _missing(root: Path, paths: list[str]) -> list[str]:
    return [path for path in paths if _is_missing(root, path)]


def _is_missing(root: Path, path: str) -> bool:
    """Whether a file is gone from a folder that is still there, in the library or around it."""
    file = root / path
    if Path(path).is_absolute():
        # A library that moved has other folders above it.
        folder = file.parent if file.name == GIT_FILE else file.parent.parent.parent
        if not root.is_relative_to(folder):
            return False
    return file.parent.is_dir() and not os.path.lexists(file)
