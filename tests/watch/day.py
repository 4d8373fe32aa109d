"""A day of ``objlib watch`` in virtual time: ``python -m tests.watch.day --seeds 20``, or ``just watch-day``.

A user writes, edits, renames, removes and restores files at random. Meanwhile the network goes, the service fails, the
daily quota is used up, the disk is unplugged, and the watcher misses events. At the end the store has exactly what the
disk has; the history of requests says whether anything else was asked for on the way.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from objlib.api import Library, open_library
from objlib.core.config.settings import Settings
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.testing import Faults, RecordingObserver, run_virtual
from objlib.testing.actions import DAILY_QUOTA, DOWN, LOST, Action, Refuse
from objlib.testing.databases import read_database
from objlib.testing.history import Request
from objlib.threads import inline_runner
from objlib.watch.loop import Watch
from tests.support.engine import live_documents
from tests.support.library import library_settings

DAY: Final = 86_400.0
GRACE: Final = 3600.0
START: Final = 1_800_000_000.0
"""2027-01-15 08:00 UTC: midnight where daily quotas are counted, so that a day holds one renewal, at its end."""


@dataclass
class Day:
    """One day, and the truth about it.

    Attributes:
        there: the SHA-256 of each file on disk, by its path.
        seen: for each content that was ever on disk, when it came and went; seconds of the day.
        gone: the files of before, by path, which may be restored.
        quota_from, quota_until: between these the daily quota is used up; seconds of the day.
        outages: (from, until, what happens to requests).
        unplugged: (from, until) of the disk.
    """

    chance: random.Random
    root: Path
    actions: int
    there: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    quota_from: float = 0.0
    outages: list[tuple[float, float, Action]] = field(default_factory=list)
    unplugged: tuple[float, float] = (0.0, 0.0)
    serial: int = 0

    def plan(self) -> None:
        """Choose when what is away."""
        for _ in range(4):
            begin = self.chance.uniform(0, DAY - 3 * 3600)
            action: Action = self.chance.choice((Refuse(), DOWN))
            self.outages.append((begin, begin + self.chance.uniform(60, 3600), action))
        self.quota_from = self.chance.uniform(0.6, 0.9) * DAY
        begin = self.chance.uniform(0.1, 0.5) * DAY
        self.unplugged = (begin, begin + self.chance.uniform(600, 5400))

    def act(self, kind: str, count: int) -> Action | None:
        """The script of the service."""
        now = trio.current_time()
        for begin, until, action in self.outages:
            if begin <= now < until:
                return action
        if kind == "start" and self.quota_from <= now < DAY:
            return DAILY_QUOTA
        return LOST if kind in {"send", "delete"} and count % 23 == 11 else None

    def step(self) -> None:
        """Do one thing to a file."""
        names = sorted(self.there)
        deed = self.chance.choices(["new", "edit", "rename", "remove", "restore"], [3, 3, 2, 2, 1])[0]
        if deed == "restore" and self.gone:
            name = self.chance.choice(sorted(self.gone))
            if name not in self.there:
                self._write(name, self.gone.pop(name))
        elif deed == "new" or not names:
            self.serial += 1
            self._write(f"{self.chance.randrange(5)}/{self.serial}.md", self._text())
        elif deed == "rename":
            old, self.serial = self.chance.choice(names), self.serial + 1
            new = f"{self.chance.randrange(5)}/renamed {self.serial}.md"
            (self.root / new).parent.mkdir(exist_ok=True)
            (self.root / old).rename(self.root / new)
            self.there[new] = self.there.pop(old)
        elif deed == "remove":
            name = self.chance.choice(names)
            self.gone[name] = (self.root / name).read_text("utf-8")
            (self.root / name).unlink()
            self._leave(self.there.pop(name))
        else:
            self._write(self.chance.choice(names), self._text())

    def _text(self) -> str:
        return f"Text {self.serial} {self.chance.random()}.\n"

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if name in self.there:
            self._leave(self.there[name])
        self.there[name] = digest
        self.seen.setdefault(digest, []).append((trio.current_time(), True))

    def _leave(self, digest: str) -> None:
        self.seen[digest].append((trio.current_time(), False))

    def gone_for(self, digest: str, moment: float) -> float:
        """For how long a content had not been on disk then; 0 where it was there."""
        at, there = [each for each in self.seen[digest] if each[0] <= moment][-1]
        return 0.0 if there else moment - at


async def play(day: Day, settings: Settings, faults: Faults) -> list[str]:
    """Live through the day, and the calm after it; what is wrong at its end."""
    overrides = Overrides(
        now=lambda: START + trio.current_time(),
        runner=inline_runner,
        options=Options(middleware=(faults.middleware(),)),
        signals=False,
    )
    observer = RecordingObserver()
    async with open_library(settings, observer=observer, overrides=overrides) as library:
        watch = Watch(library, prune=True, observer=observer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            await _live(day, watch)
            await trio.sleep_until(DAY + 3 * GRACE)
            nursery.cancel_scope.cancel()
        return [*await _compare(day, library), *_judge(day, faults.history, _documents(settings))]


async def _live(day: Day, watch: Watch) -> None:
    """Do the user's actions; one in twenty goes unseen, and none while the disk is away."""
    away = day.root.with_name("unplugged")
    moments = sorted(day.chance.uniform(0, DAY) for _ in range(day.actions))
    begin, until = day.unplugged
    for moment in sorted([*moments, begin, until]):
        await trio.sleep_until(moment)
        if moment == begin:
            day.root.rename(away)
        elif moment == until:
            away.rename(day.root)
        elif begin < moment < until:
            continue
        else:
            day.step()
        if day.chance.random() > 0.05:
            watch.changed()
    await trio.sleep_until(DAY)


async def _compare(day: Day, library: Library) -> list[str]:
    """Differences of disk, ledger and store."""
    wrong = []
    status = await library.status()
    if status.states["indexed"] != len(day.there) or status.removable or status.failures:
        wrong.append(f"{len(day.there)} files on disk, and the ledger says {status}")
    if drift := (await library.verify(sample=None)).drift:
        wrong.append(f"the audit finds {drift}")
    documents = sorted(str(digest) for _, digest, _ in live_documents(library.settings))
    if documents != sorted(day.there.values()):
        wrong.append(
            f"the store has {len(documents)} documents, the disk {len(day.there)} files, or other bytes"
        )
    return wrong


def _documents(settings: Settings) -> dict[str, tuple[str, str]]:
    """(file id, SHA-256) of every document that was ever made, by its name."""
    with read_database(settings.ledger) as db:
        rows = db.execute("SELECT document_name, file_id, content_hash FROM attempts").fetchall()
    return {document: (file_id, digest) for document, file_id, digest in rows if document}


def _judge(day: Day, history: Sequence[Request], known: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Requests that no change of the user accounts for, and documents that went too early."""
    made: dict[str, tuple[str, str, float]] = {}
    gone: dict[str, float] = {}
    refused = 0
    for request in history:
        refused += request.action.startswith("429")
        if request.acted is None or request.status is None or request.status >= 400:
            continue
        if request.document and request.kind == "send":
            made[request.document] = (*known.get(request.document, ("", "")), request.acted)
        elif request.kind == "delete":
            gone.setdefault(next(each for each in made if each in request.target), request.acted)
    for document, moment in gone.items():
        file_id, digest, _ = made[document]
        newer = any(each[0] == file_id and each[1] != digest and each[2] < moment for each in made.values())
        if not newer and (gone_for := day.gone_for(digest, moment)) < GRACE:
            yield f"{document} was deleted at {moment:.0f}, {gone_for:.0f} s after its file: inside the grace"
    alive: Counter[tuple[str, str]] = Counter()
    for moment, document, step in sorted(
        [(each[2], name, 1) for name, each in made.items()] + [(at, name, -1) for name, at in gone.items()]
    ):
        alive[made[document][:2]] += step
        if alive[made[document][:2]] > 1:
            yield f"at {moment:.0f} a content had two documents of one file: {document}"
    if unknown := {digest for _, digest, _ in made.values()} - set(day.seen):
        yield f"contents were sent that no file had: {unknown}"
    if len(made) - len(gone) != len(day.there):
        yield f"{len(made)} documents were made and {len(gone)} deleted, for {len(day.there)} files"
    if refused > 2 * 16:
        yield f"{refused} requests were sent although the daily quota was used up"


def live_a_day(seed: int, actions: int, folder: Path) -> tuple[list[str], Faults]:
    """Play the day of a seed in ``folder``; what is wrong at its end, and the history."""
    settings = library_settings(folder, {}, prune_grace=GRACE)
    faults = Faults()

    async def main() -> list[str]:
        day = Day(random.Random(seed), settings.library, actions)
        day.plan()
        faults.script = day.act
        return await play(day, settings, faults)

    return run_virtual(main, seed=seed), faults


def main() -> int:
    """Play the days of many seeds."""
    parser = argparse.ArgumentParser(prog="python -m tests.watch.day", description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many days (default 5)")
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--actions", type=int, default=500, help="changes of the user a day (default 500)")
    options = parser.parse_args()
    failed = 0
    for seed in [options.seed] if options.seed is not None else range(options.seeds):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            wrong, faults = live_a_day(seed, options.actions, Path(folder))
        failed += bool(wrong)
        sys.stdout.write(
            f"seed {seed}: {len(faults.history):,} requests, {time.perf_counter() - began:.0f} s"
            f"{'' if not wrong else ', WRONG: ' + '; '.join(wrong)}\n"
        )
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
