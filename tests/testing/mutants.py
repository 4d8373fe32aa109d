"""``python -m tests.testing.mutants``: take a safeguard out, and see that the test named for it fails.

Each mutant is one edit of one file, made in a copy of the tree. A mutant that its test does not notice is
printed and makes the exit status 1; so does an edit that no longer fits the code. ``--docs`` writes the table of
docs/reliability.md anew instead.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.testing.mutant import Mutant
from tests.testing.safeguards_border import BORDER
from tests.testing.safeguards_compaction import COMPACTION
from tests.testing.safeguards_doubt import DOUBTS
from tests.testing.safeguards_fleet import FLEET
from tests.testing.safeguards_formats import FORMATS
from tests.testing.safeguards_lock import LOCKS
from tests.testing.safeguards_pace import PACE
from tests.testing.safeguards_pages import PAGES
from tests.testing.safeguards_prune import PRUNES
from tests.testing.safeguards_repair import REPAIRS
from tests.testing.safeguards_search import SEARCH
from tests.testing.safeguards_stores import STORES
from tests.testing.safeguards_twin import TWIN
from tests.testing.safeguards_upload import UPLOAD
from tests.testing.safeguards_verdict import VERDICTS
from tests.testing.safeguards_wire import WIRE

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
MUTANTS: Final = (
    *UPLOAD,
    *VERDICTS,
    *DOUBTS,
    *PRUNES,
    *COMPACTION,
    *LOCKS,
    *FLEET,
    *STORES,
    *PAGES,
    *REPAIRS,
    *TWIN,
    *SEARCH,
    *FORMATS,
    *WIRE,
    *BORDER,
    *PACE,
)

_TABLE: Final = re.compile(
    r"(safeguards from a copy of the tree; the named test catches all )\d+( edits\.\n\n)(?:\|[^\n]*\n)+"
)


def render(page: str) -> str:
    """``page`` with the table of safeguards as it is now.

    Raises:
        ValueError: the page has no such table.
    """
    rows = ["| removed safeguard | test that fails |", "| --- | --- |"]
    for mutant in MUTANTS:
        path, _, name = mutant.test.partition("::")
        rows.append(f"| {mutant.name} | [`{name}`](../{path}) |")
    table = "".join(f"{row}\n" for row in rows)
    drawn, count = _TABLE.subn(lambda match: f"{match[1]}{len(MUTANTS)}{match[2]}{table}", page)
    if count != 1:
        raise ValueError("the page has no table of safeguards")
    return drawn


def survives(mutant: Mutant, folder: Path) -> str:
    """Why the mutant was not caught; empty if it was."""
    path = folder / mutant.file
    sound = path.read_text("utf-8")
    if sound.count(mutant.old) != 1:
        return f"its text stands {sound.count(mutant.old)} times in {mutant.file}"
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.test.split()],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(sound, encoding="utf-8")
    return "" if done.returncode == 1 else f"pytest ended with {done.returncode}: {done.stdout[-300:]}"


def main(arguments: list[str] | None = None) -> int:
    """Try each mutant whose name has the given words in it; the exit status is 1 if one survived."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name has these words")
    parser.add_argument(
        "--docs", action="store_true", help="write the table of docs/reliability.md, try nothing"
    )
    options = parser.parse_args(arguments)
    if options.docs:
        PAGE.write_text(render(PAGE.read_text("utf-8")), encoding="utf-8")
        return 0
    survived = 0
    with tempfile.TemporaryDirectory(prefix="objlib-mutants-") as name:
        folder = Path(name) / "tree"
        leave_out = shutil.ignore_patterns(".git", ".venv", "__pycache__", "*.db", "spike", "benchmarks")
        shutil.copytree(ROOT, folder, ignore=leave_out)
        for mutant in MUTANTS:
            if all(word in mutant.name for word in options.words):
                why = survives(mutant, folder)
                survived += bool(why)
                sys.stdout.write(
                    f"{'SURVIVED' if why else 'caught  '} {mutant.name}{': ' + why if why else ''}\n"
                )
                sys.stdout.flush()
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
