"""Anything may happen to a library between two scans; a dictionary says what has to come of it."""

import os
import shutil
import tempfile
from pathlib import Path

import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from objlib.core.ids import content_hash
from objlib.core.lifecycle.table import State
from objlib.core.reports.upload import ScanReport
from objlib.ledger import FileRow
from objlib.testing.databases import raw
from tests.support.scan import Desk, open_desk

PATHS = st.sampled_from([f"{folder}{name}.txt" for folder in ("", "x/", "z/") for name in "ab"])
FOLDERS = st.sampled_from(["x", "z", "w"])
CONTENTS = st.sampled_from(["", "one", "two", "three", "\0"])
STATES = st.sampled_from(list(State))


class Library(RuleBasedStateMachine):
    """A library on a real disk.

    ``disk`` is what is there now, ``known`` what was there at the last scan, ``hashes`` the content of all rows
    since then, those of missing files among them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "library"
        self.root.mkdir()
        self.disk: dict[str, str] = {}
        self.known: dict[str, tuple[str, FileRow]] = {}
        self.hashes: list[str] = []
        self.kept: dict[str, Path] = {}
        self.number = 0
        self.time = 1000.0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(paths=st.lists(PATHS, max_size=6, unique=True))
    def begin(self, paths: list[str]) -> None:
        for number, path in enumerate(paths):
            self.write(path, f"content {number}")
        self.scan()

    @rule(path=PATHS, content=CONTENTS)
    def write(self, path: str, content: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        self.disk[path] = content
        self._age(target)

    @rule(path=PATHS)
    def write_something_new(self, path: str) -> None:
        self.number += 1
        self.write(path, f"something new {self.number}")

    @rule(old=PATHS, new=PATHS)
    def rename(self, old: str, new: str) -> None:
        if old not in self.disk:
            return
        (self.root / new).parent.mkdir(parents=True, exist_ok=True)
        (self.root / old).replace(self.root / new)
        self.disk[new] = self.disk.pop(old)

    @rule(first=PATHS, second=PATHS)
    def swap(self, first: str, second: str) -> None:
        if first in self.disk and second in self.disk and first != second:
            self.rename(first, "aside.txt")
            self.rename(second, first)
            self.rename("aside.txt", second)

    @rule(old=FOLDERS, new=FOLDERS)
    def rename_folder(self, old: str, new: str) -> None:
        if (self.root / new).exists() or not (self.root / old).exists() or new.startswith(old):
            return
        (self.root / new).parent.mkdir(parents=True, exist_ok=True)
        (self.root / old).rename(self.root / new)
        self.disk = {
            f"{new}/{path.removeprefix(f'{old}/')}" if path.startswith(f"{old}/") else path: content
            for path, content in self.disk.items()
        }

    @rule(old=PATHS, new=PATHS)
    def copy(self, old: str, new: str) -> None:
        if old in self.disk and old != new:
            self.write(new, self.disk[old])

    @rule(path=PATHS)
    def touch(self, path: str) -> None:
        if path in self.disk:
            self._age(self.root / path)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        if self.disk.pop(path, None) is not None:
            self.number += 1
            self.kept[path] = (self.root / path).rename(self.folder / f"kept {self.number}")

    @rule(path=PATHS)
    def restore(self, path: str) -> None:
        if path in self.kept and path not in self.disk:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            target = self.kept.pop(path).rename(self.root / path)
            self.disk[path] = target.read_text()

    @rule(path=PATHS, state=STATES)
    def bring(self, path: str, state: State) -> None:
        trio.run(self._bring, path, state)

    async def _bring(self, path: str, state: State) -> None:
        async with open_desk(self.folder) as desk:
            row = (await desk.rows()).get(path)
            if row is not None and row.state is State.UNTRACKED:
                row = await desk.bring(path, state)
                self.known[path] = (self.known[path][0], row)

    @rule()
    def scan(self) -> None:
        trio.run(self._scan)

    @rule()
    def scan_soon_again(self) -> None:
        """Scans are the point: twice as likely as anything else."""
        self.scan()

    async def _scan(self) -> None:
        async with open_desk(self.folder) as desk:
            desk.clock.time = self.time = self.time + 10
            if not self.disk and any(row.document for _, row in self.known.values()):
                return
            plan = await desk.scan(dry_run=True)
            before = {row.file_id: row for row in await desk.ledger.files.page()}
            report = await desk.scan()
            rows = await desk.rows()
            self._check_rows(rows)
            self._check_report(plan, report)
            self._check_identities(rows)
            await self._check_history(desk)
            for row in await desk.ledger.files.page():
                if row.missing_since is not None and row.file_id in before:
                    assert row.state is before[row.file_id].state
            again = await desk.scan()
            assert (again.unchanged, again.hashed, again.missing) == (len(self.disk), 0, 0)
            assert await desk.rows() == rows
            self.known = {path: (self.disk[path], row) for path, row in rows.items()}
            self.hashes = [row.content_hash for row in await desk.ledger.files.page()]

    def _check_rows(self, rows: dict[str, FileRow]) -> None:
        """Each file on disk has one live row that says what it is."""
        assert rows.keys() == self.disk.keys()
        for path, row in rows.items():
            status = (self.root / path).stat()
            assert row.content_hash == content_hash(self.disk[path].encode())
            assert (row.size, row.mtime_ns, row.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)
            unfit = self.disk[path] in {"", "\0"}
            if row.state is State.INDEXED:
                assert row.content_hash == row.indexed_hash
            if unfit and row.state is State.FAILED:
                assert row.failure is not None
            assert not (unfit and row.state is State.UNTRACKED)

    def _check_report(self, plan: ScanReport, report: ScanReport) -> None:
        """The dry run told what was then done, and every file was counted once."""
        counts = (
            report.new,
            report.changed,
            report.renamed,
            report.returned,
            report.missing,
            report.unchanged,
        )
        assert counts == (
            plan.new, plan.changed, plan.renamed, plan.returned, plan.missing, plan.unchanged,
        )  # fmt: skip
        assert sum(counts) - report.missing == report.scanned == len(self.disk)
        assert len(plan.changes) == sum(counts) - report.unchanged

    def _check_identities(self, rows: dict[str, FileRow]) -> None:
        """A file that stayed is the same file, and so is one whose content can have gone to one place only."""
        now = list(self.disk.values())
        for old_path, (content, old) in self.known.items():
            if self.disk.get(old_path) == content:
                assert rows[old_path].file_id == old.file_id
                assert rows[old_path].version == old.version
            elif self.hashes.count(old.content_hash) == now.count(content) == 1:
                (new_path,) = (path for path, text in self.disk.items() if text == content)
                if new_path not in self.known:
                    assert rows[new_path].file_id == old.file_id
                    assert rows[new_path].version == old.version

    async def _check_history(self, desk: Desk) -> None:
        """The version counts the successful events, and nothing else moved a state."""
        wrong = await raw(desk.ledger).read(
            lambda conn: conn.execute(
                "SELECT file_path FROM files f WHERE version <>"
                " (SELECT count(*) FROM events e WHERE e.file_id = f.file_id AND outcome = 'success')"
            ).fetchall()
        )
        assert wrong == []

    def _age(self, target: Path) -> None:
        self.number += 1
        stamp = 1_500_000_000_000_000_000 + self.number
        os.utime(target, ns=(stamp, stamp))


Library.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLibrary = Library.TestCase
