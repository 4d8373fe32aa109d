"""A newcomer's day, through the real entry point: every line that is printed, every exit code, and no second copy."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objlib.testing.databases import read_database
from tests.cli.conftest import Objlib

_CHANGING = (
    (re.compile(r"\b\d+\.\d s\b"), "T"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"objlib-(\w+)-[0-9a-f]{6}(-[a-z0-9]{12})?"), r"STORE-\1"),
    (re.compile(r"libraries/(\w+)-[0-9a-f]{8,12}"), r"libraries/\1"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"/\S*python\S* -m objlib"), "objlib"),
    (re.compile(r"uv tool install \S+"), "uv tool install SOURCE"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?"), "WHEN"),
)


class Day:
    """One user's shell."""

    def __init__(self, objlib: Objlib, root: Path) -> None:
        self._objlib = objlib
        self.root = root

    def says(self, command: str, *lines: str, code: int = 0, cwd: str = "") -> list[str]:
        """Run a command as it is typed in ``cwd``, and expect exactly these lines, stderr first."""
        words = [word.replace("~", str(self.root)) for word in shlex.split(command)]
        folder = Path(cwd) if cwd.startswith("/") else self.root / cwd
        done = self._objlib(*words, cwd=folder)
        printed = [self.constant(line) for line in (done.err + done.out).splitlines() if line]
        assert (done.code, printed) == (code, list(lines)), json.dumps(printed, indent=1, ensure_ascii=False)
        return (done.err + done.out).splitlines()

    def constant(self, line: str) -> str:
        """A line without what is different on each day."""
        line = line.replace(str(self.root), "~")
        for pattern, text in _CHANGING:
            line = pattern.sub(text, line)
        return line


def write(root: Path, **texts: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


def copies(root: Path) -> Counter[tuple[str, str, str]]:
    """Documents by store file, store and name."""
    found: Counter[tuple[str, str, str]] = Counter()
    for store in root.rglob("*store.db"):
        with read_database(store) as db:
            found.update(
                (str(store), name, title)
                for name, title in db.execute(
                    "SELECT s.name, d.display_name FROM documents d JOIN stores s USING (store_id)"
                )
            )
    return found


@contextmanager
def served(environ: dict[str, str], root: Path) -> Iterator[str]:
    """The address of a store that is served from a file of its own."""
    args = ["serve", "--port", "0", "--embedded-store", str(root / "served-store.db"), "--json", "-q"]
    with subprocess.Popen(
        [sys.executable, "-m", "objlib", *args], env=environ, cwd=root, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            yield str(json.loads(child.stdout.readline())["url"])
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(30)


def test_a_newcomers_day(objlib: Objlib, environ: dict[str, str], tmp_path: Path) -> None:
    day = Day(objlib, tmp_path)
    environ["OBJLIB_EMBED_SECONDS"] = "0"
    notes = write(
        tmp_path / "notes",
        walnut="The walnut tree stands by the gate.\n",
        secret="The salary of the gardener.\n",
        plan="Plant one more walnut in March.\n",
    )
    (notes / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    (notes / "later.md").touch()
    write(tmp_path / "papers", oak="An oak grows slowly.\n", elm="An elm may fall ill.\n")
    day.says("upload notes")
