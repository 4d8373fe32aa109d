"""Cost of an upload for this process, beside the official SDK's own loop and bare loops on sockets.

Every row uploads the same files to the same service with 16 in flight: ``objlib upload`` as a whole, with its scan, its
ledger and its pace, beside the SDK's asynchronous loop (``--sdk PYTHON`` names a Python that has google-genai), plain
httpx and bare h11. Only the client is measured. Run it with ``just bench upload [--latency S] [--large]``.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.lab.measure import ROOT, Row, environment, finish, interleave, objlib, parser, report
from benchmarks.scan import write


@contextmanager
def service(home: Path, latency: float) -> Iterator[str]:
    """The address of the cheap service, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.lab.service", "--latency", str(latency)]
    with subprocess.Popen(
        command, env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip()
        finally:
            child.stdin.close()


def fill(folder: Path, files: int, size: int) -> None:
    """Make a library of text."""
    folder.mkdir()
    line = b"The owl of Minerva spreads its wings only with the falling of the dusk.\n"
    for number in range(files):
        write(folder / f"{number:06}.txt", b"%06d " % number, line, size)


def rows(url: str, library: Path, home: Path, options: argparse.Namespace) -> list[Row]:
    """The rows to measure."""
    state = home / "state"

    def fresh() -> None:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()

    arguments = [
        "upload",
        "--library",
        str(library),
        "--ledger",
        str(state / "ledger.db"),
        "--quiet",
        "--json",
    ]
    command = objlib(*arguments, "--base-url", url, "--store", "bench", "--backend", "gemini")
    peers = str(ROOT / "benchmarks" / "lab" / "uploaders.py")
    small = {("cpu", "google-genai"): 0.75, ("cpu", "bare h11"): 5.0}
    bars = {("cpu", "google-genai"): 0.8} if options.large else small
    measured = [
        Row("objlib upload", command, fresh, bars),
        Row("plain httpx", [sys.executable, peers, "httpx", url, str(library)]),
        Row("bare h11", [sys.executable, peers, "h11", url, str(library)]),
    ]
    if options.sdk is not None:
        measured.append(Row("google-genai", [options.sdk, peers, "genai", url, str(library)]))
    if options.before:
        environ = {"PYTHONPATH": options.before}
        measured.append(Row("objlib upload, before", command, fresh, environ=environ))
    return measured


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=None, help="2000 small files, or 50 large ones")
    options.add_argument("--large", action="store_true", help="files of 20 MB instead of 10 kB")
    options.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    options.add_argument("--sdk", default=None, help="a Python that has google-genai")
    options.add_argument("--before", default="", help="another checkout of objlib, to compare with")
    args = options.parse_args()
    files = args.files or (50 if args.large else 2000)
    size = 20_000_000 if args.large else 10_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home / "library", files, size)
        with service(home, args.latency) as url:
            measured = rows(url, home / "library", home, args)
            samples = interleave(measured, args.rounds, home)
    title = f"upload of {files:,} files of {size:,} bytes, answers after {args.latency:g} s, 16 in flight"
    return finish([report(title, measured, samples, units=files, unit="file")], args)


if __name__ == "__main__":
    sys.exit(main())
