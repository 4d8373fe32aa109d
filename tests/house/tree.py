"""Files of this repository, as the house rules read them."""

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def files(*patterns: str) -> list[Path]:
    """List every file that is tracked or could be committed next, as git sees it, in order.

    Args:
        patterns: git pathspecs; everything when there is none.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    paths = {ROOT / name.decode() for name in listed.split(b"\0") if name}
    return sorted(path for path in paths if path.is_file())


def read(name: str) -> str:
    """Read one file of the repository, by its path from the root."""
    return (ROOT / name).read_text("utf-8")


def lines(path: Path) -> list[tuple[str, str]]:
    """List the lines of a text file, each with its place as an editor opens it; none of a binary file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return []
    name = path.relative_to(ROOT)
    return [(f"{name}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
