"""How long the command line takes to start, as ratios to what cannot be helped.

Times vary with the machine and its load, ratios far less: each round runs every command once, in turn, and the
minimum of each is compared. Targets: ``--version`` at most 1.5 of an empty Python, ``--help`` at most 4.
``--files N`` adds ``objlib status`` of a library of N files, each of which a scan has recorded.
Run it with ``just bench startup``.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.scan import fill

ROOT = Path(__file__).parent.parent
# As an installed console script does it; `python -m` adds what runpy takes.
SCRIPT = "import sys; sys.argv[0] = 'objlib'; from objlib.__main__ import main; sys.exit(main())"
COMMANDS: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import trio": ["-c", "import trio"],
    "objlib --version": ["-c", SCRIPT, "--version"],
    "objlib --help": ["-c", SCRIPT, "--help"],
    "objlib upload --help": ["-c", SCRIPT, "upload", "--help"],
    "objlib status": ["-c", SCRIPT, "status"],
}
TARGETS = [
    ("objlib --version", "python -c pass", 1.5),
    ("objlib --help", "python -c pass", 4.0),
    ("objlib upload --help", "import trio", None),
    ("objlib status", "import trio", None),
]


def measure(rounds: int, files: int) -> dict[str, float]:
    """Seconds of each command: the minimum of ``rounds``."""
    with tempfile.TemporaryDirectory() as empty:
        environ = {"PYTHONPATH": str(ROOT), "HOME": empty, "PATH": "", "NO_COLOR": "1"}
        commands = dict(COMMANDS)
        if files:
            fill(Path(empty) / "library", files, 20)
            options = ("--library", "library", "--ledger", "ledger.db", "--backend", "embedded")
            scan = [sys.executable, "-c", SCRIPT, "scan", *options]
            subprocess.run(scan, cwd=empty, env=environ, capture_output=True, check=True)
            commands[f"status, {files:,} files"] = ["-c", SCRIPT, "status", *options]
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(rounds):
            for name, args in commands.items():
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, *args], cwd=empty, env=environ, capture_output=True, check=False
                )
                best[name] = min(best[name], time.perf_counter() - began)
    return best


def main() -> int:
    """Measure, print a table, and exit with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--files", type=int, default=0, help="files of a library whose status is asked for")
    args = parser.parse_args()
    best = measure(args.rounds, args.files)
    for name, seconds in best.items():
        print(f"{name:24} {seconds * 1000:7.1f} ms")
    missed = False
    for name, floor, most in TARGETS:
        ratio = best[name] / best[floor]
        bound = "" if most is None else f"  (at most {most})"
        missed = missed or (most is not None and ratio > most)
        print(f"{name:24} {ratio:7.2f} x {floor}{bound}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
