"""Cost of a scan, beside programs that list or hash the same files.

The first scan reads and hashes every file and records it; the next one compares what ``stat`` says. ``sha256sum``,
``openssl`` and ``rclone hashsum`` only hash, ``find`` only lists, and ``rclone check --size-only`` compares with a copy
of the library. A program that is not installed is left out. ``--large`` takes 32 files of 64 MB, and
``--before FOLDER`` adds another checkout of objlib. Run it with ``just bench scan``.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.lab.measure import Row, finish, interleave, objlib, parser, report

PIECE: Final = 1_000_000
LARGE_FILES: Final = 32
LARGE_SIZE: Final = 64_000_000
FIRST: Final = {("cpu", "rclone hashsum"): 0.8}
NOTHING_CHANGED: Final = {("cpu", "rclone check --size-only"): 1.2}
LARGE: Final = {("cpu", "find and openssl"): 1.1}


def fill(folder: Path, files: int, size: int) -> None:
    """Make a library of 500 files to a folder."""
    line = b"Nothing is in the understanding that was not earlier in the senses.\n"
    for number in range(files):
        place = folder / f"{number // 500:04}"
        place.mkdir(parents=True, exist_ok=True)
        write(place / f"{number:06}.txt", b"%06d " % number, line, size)


def write(path: Path, head: bytes, line: bytes, size: int) -> None:
    """Write a file of lines, a piece at a time: a measured process inherits the peak of memory of this one."""
    with path.open("wb") as file:
        file.write(head[:size])
        for start in range(len(head), size, PIECE):
            length = min(PIECE, size - start)
            file.write((line * (length // len(line) + 1))[:length])


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


def rows(home: Path, before: str, *, large: bool) -> list[Row]:
    """The rows to measure; a second scan follows the first on the same ledger."""
    library = str(home / "library")
    measured: list[Row] = []
    for name, program in (("objlib", ""), *((("objlib, before", before),) if before else ())):
        environ = {"PYTHONPATH": program} if program else {}
        command, fresh = scanning(home, f"state-{len(measured)}")
        first = {} if program else LARGE if large else FIRST
        again = {} if program or large else NOTHING_CHANGED
        measured += [
            Row(f"{name} scan, first", command, fresh, bars=first, environ=environ),
            Row(f"{name} scan, nothing changed", command, bars=again, environ=environ),
        ]
    each = f"find '{library}' -type f -print0 | xargs -0"
    peers = [
        Row("find and sha256sum", ["sh", "-c", f"{each} sha256sum"]),
        Row("find and openssl", ["sh", "-c", f"{each} openssl dgst -sha256"]),
        Row("find -printf", ["find", library, "-type", "f", "-printf", "%p %s %T@ %C@ %i\n"]),
        Row("rclone hashsum", ["rclone", "hashsum", "sha256", library]),
        Row("rclone check --size-only", ["rclone", "check", "--size-only", library, str(home / "copy")]),
    ]
    return measured + [peer for peer in peers if all(map(shutil.which, needed(peer)))]


def needed(row: Row) -> list[str]:
    """The programs that a row of another program runs."""
    words = " ".join(row.command).replace("'", " ").split()
    return [name for name in ("find", "sha256sum", "openssl", "rclone") if name in words]


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--size", type=int, default=2_000, help="bytes of each file")
    options.add_argument("--large", action="store_true", help="32 files of 64 MB instead")
    options.add_argument("--before", default="", help="another checkout of objlib, to compare with")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files, size = (LARGE_FILES, LARGE_SIZE) if args.large else (args.files, args.size)
        fill(home / "library", files, size)
        shutil.copytree(home / "library", home / "copy", copy_function=os.link)
        measured = rows(home, args.before, large=args.large)
        samples = interleave(measured, args.rounds, home)
    title = f"scan of {files:,} files of {size:,} bytes"
    return finish([report(title, measured, samples, units=files, unit="file")], args)


if __name__ == "__main__":
    sys.exit(main())
