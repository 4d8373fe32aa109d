"""Cost of a scan, beside programs that list or hash the same files.

The first scan reads and hashes every file and records it; the next one compares what ``stat`` says. ``sha256sum`` only
hashes and ``find`` only lists. ``--before FOLDER`` adds another checkout of objlib. Run it with ``just bench scan``.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.lab.measure import Row, finish, interleave, objlib, parser, report


def fill(folder: Path, files: int, size: int) -> None:
    """Make a library of 500 files to a folder."""
    line = b"Nothing is in the understanding that was not earlier in the senses.\n"
    for number in range(files):
        place = folder / f"{number // 500:04}"
        place.mkdir(parents=True, exist_ok=True)
        text = b"%06d " % number + line * (size // len(line) + 1)
        (place / f"{number:06}.txt").write_bytes(text[:size])


def scanning(home: Path, name: str) -> tuple[list[str], Callable[[], None]]:
    """The command of a scan with a ledger of its own, and what makes that new."""
    state = home / name
    ledger = str(state / "ledger.db")
    command = objlib("scan", "--library", str(home / "library"), "--ledger", ledger, "--quiet")

    def fresh() -> None:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()

    fresh()
    return [*command, "--backend", "embedded"], fresh


def rows(home: Path, before: str) -> list[Row]:
    """The rows to measure; a second scan follows the first on the same ledger."""
    library = str(home / "library")
    measured = []
    for name, program in (("objlib", ""), *((("objlib, before", before),) if before else ())):
        environ = {"PYTHONPATH": program} if program else {}
        command, fresh = scanning(home, f"state-{len(measured)}")
        measured += [
            Row(f"{name} scan, first", command, fresh, environ=environ),
            Row(f"{name} scan, nothing changed", command, environ=environ),
        ]
    hashing = f"find '{library}' -type f -print0 | xargs -0 sha256sum"
    return [
        *measured,
        Row("find and sha256sum", ["sh", "-c", hashing]),
        Row("find -printf", ["find", library, "-type", "f", "-printf", "%p %s %T@ %C@ %i\\n"]),
    ]


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--size", type=int, default=2_000, help="bytes of each file")
    options.add_argument("--before", default="", help="another checkout of objlib, to compare with")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home / "library", args.files, args.size)
        measured = rows(home, args.before)
        samples = interleave(measured, args.rounds, home)
    title = f"scan of {args.files:,} files of {args.size:,} bytes"
    return finish([report(title, measured, samples, units=args.files, unit="file")], args.json)


if __name__ == "__main__":
    sys.exit(main())
