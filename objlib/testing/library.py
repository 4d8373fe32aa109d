"""A library on disk with typical edits, and a count of every content ever written."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from objlib.core.ids import content_hash

EDITS: Final = ("new", "change", "same size", "rename", "replace", "swap", "delete", "copy", "back", "empty")
"""Kinds of edits; see :meth:`LibraryFiles.edit`."""

_OLDEST: Final = 1_600_000_000
"""First modification time of a file (Unix seconds); one second apart, so that a scan notices every edit."""


@dataclass
class LibraryFiles:
    """The files below ``root``.

    Attributes:
        written: how often each content (by SHA-256) was written to a new place.
    """

    root: Path
    written: Counter[str] = field(default_factory=Counter)
    edits: int = 0
    _past: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)

    def files(self) -> list[Path]:
        """List the files, sorted."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def contents(self) -> dict[str, str]:
        """Map each file's relative path to its SHA-256."""
        return {
            path.relative_to(self.root).as_posix(): content_hash(path.read_bytes()) for path in self.files()
        }

    def fill(self, number: int) -> None:
        """Write that many files, in folders of a hundred."""
        for each in range(number):
            self._write(
                f"part {each // 100}/note {each}.txt", f"Note {each} of many, about its number {each}.\n"
            )

    def edit(self, kind: str, seed: int) -> str:
        """Make one edit, drawn from ``seed``; returns a description for the user."""
        rng, files = Random(f"edit {seed}"), self.files()
        self.edits += 1
        if not files or kind == "new":
            folder = rng.choice(["", "Ethics", "Ethics/Year 2021", "Politics & Law"])
            name = f"{folder}/lecture {self.edits}.{rng.choice(['txt', 'md'])}".lstrip("/")
            return self._write(name, f"Lecture {self.edits}.\n" + _prose(rng))
        path = rng.choice(files)
        name = path.relative_to(self.root).as_posix()
        other = rng.choice(files)
        match kind:
            case "change":
                return self._write(name, path.read_text() + f"Afterthought {self.edits}. {_prose(rng)}")
            case "same size":
                text = path.read_text()
                letter = chr(ord("a") + self.edits % 26)
                return self._write(name, letter * min(3, len(text)) + text[3:])
            case "rename":
                path.rename(path.with_name(f"renamed {self.edits}{path.suffix}"))
                return f"rename {name} to renamed {self.edits}{path.suffix}"
            case "replace" if other != path:
                # The file with this content is another one now, so the content is uploaded again.
                self._count(path.read_text())
                path.replace(other)
                return f"replace {other.name} by {name}"
            case "swap" if other != path:
                # Both are renames, unless the ledger has another content of one of them.
                self._count(path.read_text())
                self._count(other.read_text())
                temporary = path.with_name("aside.tmp")
                path.rename(temporary)
                other.rename(path)
                temporary.rename(other)
                return f"swap {name} and {other.name}"
            case "delete" if len(files) > 1:
                self._past.append((name, path.read_text()))
                path.unlink()
                return f"delete {name}"
            case "copy":
                return self._write(f"copy {self.edits}{path.suffix}", path.read_text())
            case "back" if self._past:
                name, text = self._past[rng.randrange(len(self._past))]
                return self._write(name, text)
            case "empty" if rng.random() < 0.3:
                return self._write(name, "")
            case _:
                return self._write(name, path.read_text() + f"Postscript {self.edits}.\n")

    def _write(self, name: str, text: str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._past.append((name, path.read_text()))
        path.write_text(text, encoding="utf-8")
        os.utime(path, (_OLDEST + self.edits, _OLDEST + self.edits))
        self._count(text)
        return f"write {name} ({len(text)} characters)"

    def _count(self, text: str) -> None:
        self.written[content_hash(text.encode())] += 1


def _prose(rng: Random) -> str:
    words = "virtue habit reason law custom promise stranger debt power consent".split()
    return " ".join(rng.choice(words) for _ in range(rng.randint(3, 30))) + ".\n"
