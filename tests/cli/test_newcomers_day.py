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
from tests.cli.conftest import Objlib, an_objlib

_CHANGING = (
    (re.compile(r"\b\d+\.\d s\b"), "T"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\bobjlib-([a-z]+)-[0-9a-f]{6}(-[a-z0-9]{12})?"), r"STORE-\1"),
    (re.compile(r"libraries/(\w+)-[0-9a-f]{8,12}"), r"libraries/\1"),
    (re.compile(r"ledger-127\.0\.0\.1-\d+"), "ledger-HOST"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"(documents/[\w-]+)-[a-z0-9]{12}\b"), r"\1-ID"),
    (re.compile(r"/\S*python\S* -m objlib"), "objlib"),
    (re.compile(r"uv tool install \S+"), "uv tool install SOURCE"),
    (re.compile(r"such as \w+\.txt"), "such as ONE"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?"), "WHEN"),
)

DATA = "~/home/data/objlib/libraries"
NOTES = f"objlib: embedded store at {DATA}/notes/store.db, offline (no API key set); ledger {DATA}/notes/ledger.db"
BOTH = f"{NOTES}; this library is also in a store at http://HOST"
SERVED = (
    f"objlib: store STORE-notes at http://HOST; ledger {DATA}/notes/ledger-HOST.db; "
    "this library is also in the embedded store"
)
PAPERS = NOTES.replace("notes", "papers")
SKIPPED = (
    "2 files skipped:",
    "  is a picture, and the store takes text alone; a store that is made with",
    "  --embedding-model gemini-embedding-2 takes PNG and JPEG (or list it in .objlibignore)",
    "    photo.jpg",
    "  is empty; it gets in as soon as it has content",
    "    later.md",
)
WALNUT = ("1. walnut.txt:1", "   The walnut tree stands by the gate.")
PLAN = ("plan.txt:1", "   Plant one more walnut in March.")
FOUND = (
    "objlib: 2 passages",
    *WALNUT,
    f"2. {PLAN[0]}",
    PLAN[1],
)
"""A served store searches by meaning a little later, so that the passages without the word are left out."""


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


def listed(root: str, files: int, searchable: int) -> tuple[str, ...]:
    """The lines of one library with one embedded store in the list of all."""
    name = root.rpartition("/")[2]
    return (
        root,
        f"  embedded: {files} files, {searchable} searchable, last run WHEN",
        f"    store   STORE-{name}",
        f"    ledger  {DATA}/{name}/ledger.db",
        f"    file    {DATA}/{name}/store.db",
    )


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


def test_a_newcomers_day(environ: dict[str, str], tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    day = Day(an_objlib(environ, work, fresh=True), tmp_path)
    notes = write(
        tmp_path / "notes",
        walnut="The walnut tree stands by the gate.\n",
        secret="The salary of the gardener.\n",
        plan="Plant one more walnut in March.\n",
    )
    (notes / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    (notes / "later.md").touch()
    papers = write(tmp_path / "papers", oak="An oak grows slowly.\n", elm="An elm may fall ill.\n")
    day.says(
        "upload notes",
        NOTES,
        "✓ Sent 3 files (96 B) in T; 3 of 3 files indexed, 2 skipped.",
        *SKIPPED,
        "Next: objlib search plan",
    )
    day.says("upload papers", PAPERS, "✓ Sent 2 files (42 B) in T; 2 of 2 files indexed.")
    day.says(
        "search walnut",
        "objlib: 2 libraries are known, and ~ is in none of them: ~/notes, ~/papers; name one with --library, "
        "or see `objlib libraries`",
        code=2,
    )
    day.says("search walnut -k 2", NOTES, *FOUND, cwd="notes")
    day.says("libraries", *listed("~/notes", 5, 3), *listed("~/papers", 2, 2))

    # One library moves.
    (tmp_path / "archive").mkdir()
    papers.rename(tmp_path / "archive" / "papers")
    day.says(
        "upload archive/papers",
        PAPERS,
        "objlib: ~/archive/papers looks like the library ~/papers, moved: `objlib move ~/papers "
        "~/archive/papers --library ~/archive/papers`; or, to send its files as those of a new library: "
        "`objlib upload --new --library ~/archive/papers`",
        code=4,
    )
    day.says(
        "move ~/papers ~/archive/papers --library ~/archive/papers",
        "✓ The library ~/papers is ~/archive/papers now; 2 of 2 files looked for are there.",
    )
    day.says("upload archive/papers", PAPERS, "✓ Nothing to send (T); 2 of 2 files indexed.")
    agree = "✓ Disk, ledger and store agree;"
    day.says("verify", PAPERS, f"{agree} 2 of 2 indexed files looked at.", cwd="archive/papers")

    # The ledger of the other is lost.
    (ledger,) = (tmp_path / "home").rglob("libraries/notes*/ledger.db")
    ledger.unlink()
    day.says(
        "upload notes",
        NOTES,
        "objlib: the store fileSearchStores/STORE-notes holds documents of a ledger that is not here, such as ONE: "
        "`objlib rebuild --library ~/notes` makes that ledger again, and nothing is sent twice; to start anew in "
        "another store: `objlib upload --new --library ~/notes`",
        code=4,
    )
    day.says(
        "rebuild --library ~/notes -n",
        NOTES,
        "✓ 3 files found in the store: 3 match the disk.",
        "  skipped   later.md",
        "  skipped   photo.jpg",
        "  matched   plan.txt",
        "  matched   secret.txt",
        "  matched   walnut.txt",
        "nothing was sent, recorded or made (--dry-run)",
    )
    day.says("rebuild --library ~/notes", NOTES, "✓ 3 files found in the store: 3 match the disk.")
    more = "Next: objlib search plan --library ~/notes"
    well = "✓ Nothing to send (T); 3 of 3 files indexed, 2 skipped."
    day.says("upload notes", NOTES, well, *SKIPPED, more)

    # To a served store and back.
    with served(environ, tmp_path) as url:
        day.says(
            f"upload notes --base-url {url}",
            SERVED,
            "✓ Sent 3 files (96 B) in T; 3 of 3 files indexed, 2 skipped.",
            *SKIPPED,
            f"{more} --base-url http://HOST",
        )
        day.says(f"search walnut -k 2 --base-url {url}", SERVED, *FOUND, cwd="notes")
        looked = f"{agree} 3 of 3 indexed files looked at."
        day.says(f"verify --base-url {url}", SERVED, looked, cwd="notes")
    day.says("search walnut -k 2", BOTH, *FOUND, cwd="notes")

    # A rule that comes late, and a folder in the place of a file.
    (notes / ".objlibignore").write_text("secret.txt\n", encoding="utf-8")
    left_out = "1 entry left out by rules; `objlib scan -n -v --library ~/notes` lists them"
    day.says(
        "upload notes",
        BOTH,
        "✓ Nothing to send (T); 2 of 2 files indexed, 2 skipped.",
        left_out,
        *SKIPPED,
        "1 file no longer in the library, and still in the store: objlib status --library ~/notes",
        more,
    )
    (notes / "plan.txt").unlink()
    (notes / "plan.txt").mkdir()
    (notes / "plan.txt" / "march.md").write_text("Buy a spade.\n", encoding="utf-8")
    day.says(
        "verify --library ~/notes -q --sample all", "objlib: 2 differences found by verify", code=5, cwd="/"
    )
    prune = "`objlib sync --prune --library ~/notes` removes its document after the grace"
    day.says(
        "verify --library ~/notes --sample all",
        BOTH,
        "! 2 differences; 3 of 3 indexed files looked at:",
        f"  replaced         plan.txt: something else is in its place; {prune}",
        f"  left out         secret.txt: a rule or a link leaves it out; {prune}",
        code=5,
        cwd="/",
    )
    day.says(
        "explain plan.txt",
        BOTH,
        "plan.txt: indexed",
        "  There is a folder in its place; `objlib sync --prune` removes its document after the",
        "  grace.",
        "  file id   UUID",
        "  size      32 B",
        "  sha256    HASH",
        "  document  fileSearchStores/STORE-notes/documents/plan-txt-ID",
        "3 events:",
        "  run UUID",
        "  WHEN  start_upload: untracked → uploading",
        "  WHEN  adopt: uploading → processing",
        "  WHEN  complete_processing: processing → indexed",
        cwd="notes",
    )
    day.says(
        "sync notes --prune --grace 0 -n --all",
        BOTH,
        "Plan: 1 file to send, 2 to remove; 2 skipped, 1 left out.",
        "  skip      later.md: is empty; it gets in as soon as it has content",
        "  skip      photo.jpg: is a picture, and the store takes text alone; a store that is made with "
        "--embedding-model gemini-embedding-2 takes PNG and JPEG (or list it in .objlibignore)",
        "  delete    plan.txt: there is a folder in its place",
        "  send      plan.txt/march.md (13 B): new",
        "  delete    secret.txt: it is left out by the rule 'secret.txt' in .objlibignore",
        "  left out  secret.txt: the rule 'secret.txt' in .objlibignore",
        "13 B to send, about 4 tokens",
        "at least 5 requests",
        "the store holds 96 B now",
        "nothing was sent, recorded or made (--dry-run)",
    )
    day.says(
        "sync notes --prune --grace 0",
        BOTH,
        "✓ Sent 1 file (13 B) in T; 2 of 2 files indexed, 2 skipped.",
        left_out,
        *SKIPPED,
        "Removed 2 documents of 2 files no longer in the library.",
        "  plan.txt",
        "  secret.txt",
    )
    day.says("verify --library ~/notes -q --sample all", cwd="/")
    both = copies(tmp_path)
    assert set(both.values()) == {1}, "no second copy"
    assert sorted(name for file, _, name in both if "/notes-" in file) == ["plan.txt/march.md", "walnut.txt"]
