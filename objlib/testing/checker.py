"""The checker: rules on the promises from the ledger, the store and the history of requests.

It shares only names with the engine: it reads both databases with its own SQL. Each broken promise is one line.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.failures import FailureKind
from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH, content_hash
from objlib.core.lifecycle.table import TABLE, State
from objlib.testing.databases import read_database
from objlib.testing.history import Request

Row = Mapping[str, Any]

_EDGES: Final = {(str(edge.event), str(edge.source), str(edge.target)) for edge in TABLE}


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document in the store; ``file``, ``attempt`` and ``digest`` are our tags, None without them."""

    name: str
    state: str
    updated: float
    file: str | None
    attempt: str | None
    digest: str | None


@dataclass
class Checker:
    """Rules on one ledger and one embedded store.

    Attributes:
        broken: every broken promise so far.
    """

    ledger: Path | LedgerUrl
    store: Path
    broken: list[str] = field(default_factory=list)
    _foreign: dict[str, StoredDocument] = field(default_factory=dict)

    def note_foreign(self) -> None:
        """Keep the documents without our tags; they must not change from here on."""
        self._foreign = {one.name: one for one in self.documents() if one.file is None}

    def documents(self) -> list[StoredDocument]:
        """Read the documents from the store's own file."""
        with read_database(self.store) as db:
            return [
                _document(*cells)
                for cells in db.execute(
                    "SELECT name, state, update_time, metadata FROM documents ORDER BY name"
                )
            ]

    async def watch(self, request: Request) -> None:
        """Rule on a delete right before the service acts on it."""
        if request.kind == "delete":
            self._rule_on_delete(request)
        await trio.lowlevel.checkpoint()

    def _rule_on_delete(self, request: Request) -> None:
        documents = self.documents()
        target = next((one for one in documents if one.name == request.target), None)
        if target is None:
            return
        where = f"request {request.number} deletes {target.name}"
        if target.file is None:
            self.broken.append(f"deleted a foreign document: {where}")
            return
        with read_database(self.ledger) as db:
            intent = db.execute("SELECT 1 FROM intents WHERE document_name = ?", (target.name,)).fetchone()
            was_indexed = db.execute(
                "SELECT 1 FROM attempts JOIN files USING (file_id)"
                " WHERE document_name = ? AND outcome = 'indexed' AND missing_since IS NULL",
                (target.name,),
            ).fetchone()
        if intent is None:
            self.broken.append(f"no intent on record: {where}")
        others = [
            one
            for one in documents
            if one.file == target.file and one.state == "ACTIVE" and one.name != target.name
        ]
        if was_indexed and target.state == "ACTIVE" and not others:
            self.broken.append(f"the only searchable document of a file: {where}")

    def rule_on_edges(self) -> None:
        """Rule on the log: each event is an edge of the table, versions have no gaps, and states follow."""
        with read_database(self.ledger) as db:
            rows = db.execute("SELECT file_id, gemini_state, version FROM files").fetchall()
            events = db.execute(
                "SELECT file_id, event, from_state, to_state FROM events WHERE outcome = 'success'"
                " ORDER BY event_id"
            ).fetchall()
        at: dict[str, str] = {}
        moves: Counter[str] = Counter()
        for file_id, event, source, target in events:
            moves[file_id] += 1
            if (event, source, target) not in _EDGES:
                self.broken.append(f"no edge of the table: {event} from {source} to {target} of {file_id}")
            if at.get(file_id, State.UNTRACKED) != source:
                self.broken.append(f"{file_id}: {event} from {source}, but it was {at.get(file_id)}")
            at[file_id] = target
        for file_id, state, version in rows:
            if at.get(file_id, State.UNTRACKED) != state or moves[file_id] != version:
                self.broken.append(
                    f"the log does not explain {file_id}: {state} in version {version}, after"
                    f" {moves[file_id]} moves to {at.get(file_id)}"
                )

    def rule_on_quiescence(self, disk: Mapping[str, str], written: Mapping[str, int]) -> None:
        """Rule on disk, ledger and store at rest.

        Args:
            disk: SHA-256 of each file by relative path.
            written: how often each content (SHA-256) was written; see :class:`~objlib.testing.library.Library`.
        """
        documents = self.documents()
        with read_database(self.ledger) as db:
            cursor = db.execute("SELECT * FROM files")
            names = [column for column, *_ in cursor.description]
            rows = [dict(zip(names, cells, strict=True)) for cells in cursor]
            (intents,) = db.execute("SELECT count(*) FROM intents WHERE done_at IS NULL").fetchone()
            sessions = db.execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()[0]
            sent = db.execute(
                "SELECT content_hash, count(*) FROM attempts WHERE outcome = 'indexed' GROUP BY 1"
            ).fetchall()
            superseded = db.execute("SELECT count(*) FROM files WHERE superseded_document IS NOT NULL")
            old = superseded.fetchone()[0]
        if intents or sessions or old:
            self.broken.append(
                f"not at rest: {intents} open intents, {sessions} open attempts, {old} superseded documents"
            )
        live = {row["file_path"]: row for row in rows if row["missing_since"] is None}
        self._rule_on_disk(live, disk)
        self._rule_on_store(rows, documents)
        for digest, times in sent:
            if times > written.get(digest, 0):
                self.broken.append(
                    f"an unchanged file was uploaded again: {digest[:8]} {times} times, "
                    f"written {written.get(digest, 0)} times"
                )
        now = {one.name: one for one in documents if one.file is None}
        if now != self._foreign:
            self.broken.append("foreign documents have changed")

    def _rule_on_disk(self, live: Mapping[str, Row], disk: Mapping[str, str]) -> None:
        for path in disk.keys() ^ live.keys():
            self.broken.append(f"lost: {path} is {'on disk' if path in disk else 'in the ledger'} only")
        for path in disk.keys() & live.keys():
            row = live[path]
            if row["gemini_state"] == State.FAILED:
                failure = json.loads(row["failure_info"])
                empty = failure["kind"] == FailureKind.EMPTY and disk[path] == content_hash(b"")
                if not empty:  # no other file of the library is unfit
                    self.broken.append(f"failed without need: {path}: {row['last_error']}")
            elif row["gemini_state"] != State.INDEXED:
                self.broken.append(f"not settled: {path} is {row['gemini_state']}: {row['last_error']}")
            elif not row["indexed_hash"] == row["content_hash"] == disk[path]:
                self.broken.append(f"wrong bytes: {path} is indexed with {row['indexed_hash'][:8]}")

    def _rule_on_store(self, rows: Iterable[Row], documents: Iterable[StoredDocument]) -> None:
        ours: defaultdict[str, list[StoredDocument]] = defaultdict(list)
        for document in documents:
            if document.file is not None:
                ours[document.file].append(document)
        for row in rows:
            tagged = ours.pop(row["file_id"], [])
            about = f"{row['file_path']} ({row['gemini_state']})"
            current = [one for one in tagged if one.name == row["gemini_document"]]
            self.broken += [
                f"duplicate or orphan: {about} has {one.name}, {one.state}"
                for one in tagged
                if one not in current
            ]
            if row["gemini_document"] is not None and not current:
                self.broken.append(f"lost: {about} has no document {row['gemini_document']}")
            for one in current:
                if row["gemini_state"] == State.INDEXED and (one.state, one.digest) != (
                    "ACTIVE",
                    row["indexed_hash"],
                ):
                    self.broken.append(f"wrong `indexed`: {about} has {one}")
        self.broken += [f"orphan: {one.name} of no file" for tagged in ours.values() for one in tagged]


def _document(name: str, state: str, updated: float, metadata: str) -> StoredDocument:
    tags = json.loads(metadata)
    return StoredDocument(name, state, updated, tags.get(KEY_FILE), tags.get(KEY_ATTEMPT), tags.get(KEY_HASH))
