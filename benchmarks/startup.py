"""How long the command line takes to start, as ratios to what cannot be helped.

Times vary with the machine and its load, ratios far less: each round runs every command once, in turn, and the
minimum of each is compared. Targets: ``--version`` at most 1.5 of an empty Python, ``--help`` at most 4.
Run it with ``just bench startup``.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def measure(rounds: int) -> dict[str, float]:
    """Seconds of each command: the minimum of ``rounds``."""
    best = dict.fromkeys(COMMANDS, float("inf"))
    with tempfile.TemporaryDirectory() as empty:
        environ = {"PYTHONPATH": str(ROOT), "HOME": empty, "PATH": "", "NO_COLOR": "1"}
        for _ in range(rounds):
            for name, args in COMMANDS.items():
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
    best = measure(parser.parse_args().rounds)
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
