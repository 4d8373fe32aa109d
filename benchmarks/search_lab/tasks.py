"""Judged queries: the train halves of public sets, and our own questions over the library."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
QUESTIONS = Path(__file__).with_name("questions.tsv")
"""Question, part of the file's path, words of the answer: tab-separated, one a line."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Task:
    """Judged queries over documents.

    Attributes:
        documents: bytes by name.
        queries: text by id.
        grades: of each query, grade by the name of the document; empty where passages are judged.
        answers: of each query, part of the document's name and words that only the right passages contain.
    """

    documents: dict[str, bytes]
    queries: dict[str, str]
    grades: dict[str, dict[str, int]]
    answers: dict[str, tuple[str, str]]

    def half(self, name: str) -> "Task":
        """The queries of one half: ``choose`` to choose constants on, ``judge`` to judge them by, or ``all``."""
        if name == "all":
            return self
        wanted = name == "judge"
        keep = {i: q for i, q in self.queries.items() if hashlib.sha256(i.encode()).digest()[0] % 2 == wanted}
        return Task(self.documents, keep, self.grades, self.answers)

    def within(self, works: str) -> "Task":
        """Of the library the part whose paths contain this (a pattern), with its questions."""
        if not works or not self.answers:
            return self
        documents = {name: data for name, data in self.documents.items() if re.search(works, name)}
        kept = [q for q in self.queries if any(self.answers[q][0] in name for name in documents)]
        return Task(documents, {q: self.queries[q] for q in kept}, self.grades, self.answers)


def read_task(name: str) -> Task:
    """The task of that name: a folder of ``ir``, or ``library``."""
    return _library() if name == "library" else _judged(DATA / "ir" / name)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _judged(folder: Path) -> Task:
    documents = {}
    for row in _lines(folder / "corpus.jsonl"):
        heading = f"# {row['title']}\n\n" if row["title"] else ""
        documents[f"{row['_id']}.md"] = (heading + row["text"]).encode()
    grades: dict[str, dict[str, int]] = {}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for line in path.read_text().splitlines()[1:]:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                grades.setdefault(query, {})[f"{document}.md"] = int(grade)
    queries = {row["_id"]: row["text"] for row in _lines(folder / "queries.jsonl") if row["_id"] in grades}
    return Task(documents, queries, grades, {})


def _library() -> Task:
    root = DATA / "library"
    documents = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.md"))}
    queries, answers = {}, {}
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        question, work, words = line.split("\t")
        queries[question] = question
        answers[question] = (work, plain(words))
    return Task(documents, queries, {}, answers)


def plain(text: str) -> str:
    """The text for a comparison of its words: line ends, quotes and case make no difference."""
    return _SPACE.sub(" ", text).replace("\u2019", "'").lower()
