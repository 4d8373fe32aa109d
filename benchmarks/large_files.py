"""How much memory a file of 50 MB takes while it is read, by format and by the widest character in it.

::

    just bench large-files
    just bench large-files --formats html json --size 100

The text is that of the library beside the checkout. The process here does the service's part, and hands the file to a
reader as the service does. Both are looked at every few milliseconds; the highest sum, beyond what both take when
idle, is set beside the size of the file. A peak between two looks is not seen, so the reader's own highest mark, which
the kernel keeps, is printed too. Linux only.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from html import escape
from itertools import cycle
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_lab.tasks import DATA
from objlib.embedded.extraction.frames import DEFAULT_CHUNKING
from objlib.embedded.extraction.process import ReaderProcess

LOOK_SECONDS = 0.005
PART = 1024 * 1024
EXTRAS = {"ASCII": "", "dashes, quotes": " \u2013 \u201cso\u201d", "emoji": " \U0001f600"}


def _row(paragraph: str) -> str:
    cell = paragraph[:80].replace('"', "").replace("\n", " ")
    return f'{len(paragraph)},"{cell}",open\n'


FORMATS: dict[str, tuple[str, str, Callable[[str], str], str]] = {
    "markdown": ("text/markdown", "# Notes\n\n", lambda text: f"{text}\n\n", ""),
    "plain": ("text/plain", "", lambda text: f"{text}\n\n", ""),
    "html": ("text/html", "<html><body>", lambda text: f"<p>{escape(text)}</p>\n", "</body></html>"),
    "csv": ("text/csv", "id,words,state\n", _row, ""),
    "json": ("application/json", "[", lambda t: json.dumps({"t": t}, ensure_ascii=False) + ",\n", "{}]"),
    "jsonl": ("application/jsonl", "", lambda t: json.dumps({"t": t}, ensure_ascii=False) + "\n", ""),
    "xml": ("text/xml", "<doc>", lambda text: f"<p>{escape(text)}</p>\n", "</doc>"),
    "python": ("text/x-python", "", lambda text: f"def f():\n    '''{text}'''\n", ""),
}


def write_file(path: Path, paragraphs: list[str], name: str, extra: str, size: int) -> None:
    """Write a file of about ``size`` bytes; the whole of it is never here."""
    _, head, unit, tail = FORMATS[name]
    with path.open("wb") as file:
        file.write(head.encode())
        for paragraph in cycle(paragraphs):
            file.write(unit(extra + paragraph).encode())
            if file.tell() >= size:
                break
        file.write(tail.encode())


def parts_of(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(iter(lambda: file.read(PART), b""))


def kilobytes(pid: int | str, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


async def watch(pid: int, sums: list[int]) -> None:
    while True:
        sums.append(kilobytes("self", "VmRSS") + kilobytes(pid, "VmRSS"))
        await trio.sleep(LOOK_SECONDS)


async def read_all(reader: ReaderProcess, parts: list[bytes], kind: str, name: str) -> int:
    """The number of passages."""
    outline = await reader.begin(parts, kind, name, DEFAULT_CHUNKING)
    while await reader.batch():
        pass
    return outline.passages


async def measure(paragraphs: list[str], name: str, extra: str, size: int) -> None:
    kind, head, _, tail = FORMATS[name]
    reader = ReaderProcess()
    await read_all(reader, [f"{head}words{tail}".encode()], kind, name)  # imports what the format takes
    process = reader._process
    assert process is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_file(path, paragraphs, name, EXTRAS[extra], size)
        idle, before = kilobytes(process.pid, "VmHWM"), kilobytes("self", "VmRSS")
        parts = parts_of(path)
    size = sum(map(len, parts))
    sums: list[int] = []
    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, process.pid, sums)
        passages = await read_all(reader, parts, kind, name)
        nursery.cancel_scope.cancel()
    both = 1024 * (max(sums) - before - idle) / size
    own = 1024 * (kilobytes(process.pid, "VmHWM") - idle) / size
    print(
        f"  {name:10} {extra:16} {size / 1e6:5.0f} MB   reader {own:5.2f}   both {both:5.2f} times the size"
        f"   {passages:7,} passages   {time.perf_counter() - begun:5.1f} s",
        flush=True,
    )
    await reader.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the memory that a large file takes.")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--characters", nargs="+", choices=EXTRAS, default=list(EXTRAS))
    parser.add_argument("--size", type=int, default=50, help="megabytes")
    chosen = parser.parse_args()
    text = "\n\n".join(path.read_text() for path in sorted((DATA / "library").rglob("*.md"))[:40])
    plain = text.encode("ascii", "ignore").decode()
    paragraphs = [paragraph for paragraph in plain.split("\n\n") if paragraph.strip()]
    for name in chosen.formats:
        for extra in chosen.characters:
            trio.run(measure, paragraphs, name, extra, chosen.size * 1_000_000)


if __name__ == "__main__":
    main()
