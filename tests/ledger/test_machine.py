"""Any history of files, races and remote deletes against an oracle of plain dictionaries."""

import random
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from objlib.core.errors import StaleTransitionError, TransitionNotAllowedError
from objlib.core.ids import AttemptId, FileId, new_attempt_id
from objlib.core.lifecycle.table import TABLE, Event, State
from objlib.ledger import FileRow, Ledger, Move, open_ledger
from objlib.testing.databases import raw
from objlib.threads import inline_runner
from tests.support.ledger import RUN, gather, insert, wanted

T = TypeVar("T")

EDGES = {(edge.source, edge.event): edge.target for edge in TABLE}
NOBODY = AttemptId("")
CLEANING = {Event.COMPLETE_PROCESSING, Event.RETRY, Event.RESET}


@dataclass
class Known:
    """The state of one file in the oracle."""

    content: str
    state: State = State.UNTRACKED
    version: int = 0
    attempts: int = 0
    attempt: AttemptId = NOBODY
    sent: str = ""
    document: str | None = None
    indexed: str | None = None
    superseded: str | None = None
    tries: int = 0
    path: list[State] = field(default_factory=lambda: [State.UNTRACKED])


class LedgerMachine(RuleBasedStateMachine):
    """Each rule opens the ledger anew, so everything that holds between rules holds on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "library.db"
        self.files: dict[FileId, Known] = {}
        self.intents: set[str] = set()
        self.deleted: set[str] = set()

    def teardown(self) -> None:
        self.folder.cleanup()

    def run(self, work: Callable[[Ledger], Awaitable[T]]) -> T:
        """Run ``work`` on the open ledger."""

        async def main() -> T:
            async with open_ledger(self.path, runner=inline_runner, now=lambda: 50.0) as ledger:
                return await work(ledger)

        return trio.run(main)

    def pick(self, data: Any) -> FileId:
        """One of the files."""
        chosen: FileId = data.draw(st.sampled_from(sorted(self.files)))
        return chosen

    @initialize(count=st.integers(1, 4))
    def add(self, count: int) -> None:
        names = [f"{number}.txt" for number in range(count)]
        ids = self.run(lambda ledger: raw(ledger).write(lambda conn: [insert(conn, name) for name in names]))
        self.files = {file_id: Known("h1") for file_id in ids}

    @rule(data=st.data(), content=st.sampled_from(["h1", "h2", "h3"]))
    def edit(self, data: Any, content: str) -> None:
        """The file changes on disk, whatever is under way."""
        file_id = self.pick(data)
        change = "UPDATE files SET content_hash = ? WHERE file_id = ?"
        self.run(
            lambda ledger: raw(ledger).write(lambda conn: conn.execute(change, (content, file_id)).rowcount)
        )
        self.files[file_id].content = content

    @rule(
        data=st.data(), events=st.lists(st.sampled_from(Event), min_size=1, max_size=5), _=st.random_module()
    )
    def race(self, data: Any, events: list[Event], _: random.Random) -> None:
        """Several tasks with the same version of a row each apply another event."""
        self.move(self.pick(data), events)

    @rule(data=st.data(), times=st.integers(1, 3), _=st.random_module())
    def send(self, data: Any, times: int, _: random.Random) -> None:
        """Some tasks do what moves the file on, so that histories grow long."""
        file_id = self.pick(data)
        onward = {
            State.UNTRACKED: Event.START_UPLOAD,
            State.UPLOADING: Event.COMPLETE_UPLOAD,
            State.PROCESSING: Event.COMPLETE_PROCESSING,
            State.INDEXED: Event.RESET,
            State.FAILED: Event.RETRY,
        }
        for _step in range(times):
            self.move(file_id, [onward[self.files[file_id].state]] * 2)

    def move(self, file_id: FileId, events: list[Event]) -> None:
        """All ``events`` at once from the same row: the table decides who may, the ledger who does."""
        known = self.files[file_id]
        attempts = [new_attempt_id() if event is Event.START_UPLOAD else known.attempt for event in events]

        async def act(ledger: Ledger) -> list[FileRow | Exception]:
            row = await ledger.files.get(file_id)
            assert row is not None
            moves = [wanted(event, row, attempt) for event, attempt in zip(events, attempts, strict=True)]
            return await gather(*(partial(ledger.apply, move) for move in moves))

        results = self.run(act)
        legal = [(known.state, event) in EDGES for event in events]
        for result, allowed in zip(results, legal, strict=True):
            assert isinstance(
                result, FileRow | StaleTransitionError if allowed else TransitionNotAllowedError
            )
        won = [number for number, result in enumerate(results) if isinstance(result, FileRow)]
        assert len(won) == any(legal)
        known.tries += len(events)
        for number in won:
            self.happened(known, events[number], attempts[number])

    def happened(self, known: Known, event: Event, attempt: AttemptId) -> None:
        """Apply the winner's event to the oracle."""
        known.state = EDGES[known.state, event]
        known.version += 1
        known.path.append(known.state)
        if event is Event.START_UPLOAD:
            known.attempt, known.sent, known.attempts = attempt, known.content, known.attempts + 1
        if event in CLEANING:
            known.attempts = 0
        if event is Event.COMPLETE_PROCESSING:
            document = wanted_document(attempt)
            if known.document is not None:
                if known.superseded is not None:
                    self.intents.add(known.superseded)
                known.superseded = known.document
            known.document, known.indexed = document, known.sent

    @rule(data=st.data())
    def lose(self, data: Any) -> None:
        """An audit finds that the document of an indexed file is gone."""
        file_id = self.pick(data)
        known = self.files[file_id]
        if known.state is not State.INDEXED:
            return

        async def act(ledger: Ledger) -> FileRow:
            row = await ledger.files.get(file_id)
            assert row is not None
            return await ledger.apply(Move(row, RUN).reset("gone", gone=True))

        self.run(act)
        known.tries += 1
        self.happened(known, Event.RESET, known.attempt)
        known.document = known.indexed = None

    @precondition(lambda self: any(known.superseded for known in self.files.values()))
    @rule(data=st.data())
    def mean_to_delete(self, data: Any) -> None:
        """The superseded document of a file gets its intent."""
        file_id = data.draw(
            st.sampled_from([file_id for file_id, known in self.files.items() if known.superseded])
        )
        document = self.files[file_id].superseded
        assert document is not None
        self.run(lambda ledger: ledger.intents.open(file_id, document, "replaced", RUN))
        self.intents.add(document)

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        """A recovery carries one intent out."""
        document = data.draw(st.sampled_from(sorted(self.intents)))

        async def act(ledger: Ledger) -> None:
            for intent in await ledger.intents.page():
                if intent.document_name == document:
                    await ledger.intents.close(intent.intent_id, "deleted")

        self.run(act)
        self.intents.discard(document)
        self.deleted.add(document)
        for known in self.files.values():
            if known.superseded == document:
                known.superseded = None

    @invariant()
    def the_ledger_says_what_the_oracle_says(self) -> None:
        async def look(ledger: Ledger) -> None:
            rows = await ledger.files.page()
            assert {row.file_id for row in rows} == set(self.files)
            for row in rows:
                known = self.files[row.file_id]
                assert (row.state, row.version, row.attempts) == (known.state, known.version, known.attempts)
                assert (row.document, row.indexed_hash) == (known.document, known.indexed)
                assert (row.superseded, row.content_hash) == (known.superseded, known.content)
                assert row.document not in self.deleted
                events, _ = await ledger.files.history(row.file_id)
                assert len(events) == known.tries
                done = [event for event in events if event.outcome == "success"]
                assert [State.UNTRACKED, *(event.to_state for event in done)] == known.path
            assert {intent.document_name for intent in await ledger.intents.page()} == self.intents
            counts = await ledger.files.counts(now=ledger.now())
            states = [known.state for known in self.files.values()]
            assert counts.states == {state: states.count(state) for state in State}

        self.run(look)


def wanted_document(attempt: AttemptId) -> str:
    """The document that the kit's transitions name."""
    return f"fileSearchStores/s/documents/{attempt}"


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
