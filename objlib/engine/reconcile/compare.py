"""Comparing store and ledger both ways. Changes neither."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from objlib.core.lifecycle.drift import (
    REPAIRABLE,
    SURPLUS,
    Actual,
    Drift,
    DriftKind,
    Expected,
    Finding,
    classify,
    digest,
    title,
)
from objlib.core.lifecycle.repair_plan import Plan
from objlib.core.lifecycle.table import State
from objlib.core.remote import DocumentState
from objlib.engine.app import App
from objlib.engine.reconcile.listing import as_listed, listed_store
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.gemini import Document, GeminiError
from objlib.gemini import ErrorKind as Answer
from objlib.gemini.metadata import display_name
from objlib.ledger import FileRow, Group, Listed, Standing

PAGE: Final = 500
AT_ONCE: Final = 16
UNSURE: Final = SURPLUS | {DriftKind.GHOST, DriftKind.BROKEN}
"""Findings that may be owed to the listing's age; each is confirmed by asking for the document itself."""


@dataclass(slots=True)
class Audit:
    """What a comparison found.

    Attributes:
        counts: documents by kind, and ghosts.
        documents: documents in the store.
        pages: requests that listing them took.
    """

    plan: Plan
    counts: Counter[DriftKind]
    documents: int
    pages: int


@dataclass(slots=True)
class _Auditor:
    app: App
    counts: Counter[DriftKind] = field(default_factory=Counter)
    steps: list[Drift] = field(default_factory=list)

    async def group(self, group: Group) -> None:
        """Judge one file and its documents, and confirm what is unsure."""
        expected = None if group.row is None else expected_of(group.row)
        documents = [actual_of(each, group.row, at, self.app.ledger_id) for each, at in group.documents]
        names = {each.document: each for each, _ in group.documents}
        for finding in classify(expected, documents):
            kind = finding.kind
            if kind in UNSURE:
                listed = names.get(finding.document)
                attempt = None if listed is None else listed.attempt_id
                kind, _ = await examine(self.app, finding.document, group.file_id, attempt)
            self.counts[kind] += 1
            if kind in REPAIRABLE:
                path = group.row.file_path if group.row else names[finding.document].display_name
                self.steps.append(Drift(kind, path, finding.document, group.file_id))


async def audit(app: App) -> Audit:
    """Compare the whole store with the ledger.

    Costs one request for 20 documents, and one for each finding that has to be confirmed. Memory holds a page
    of each side and the findings.

    Raises:
        GeminiError: the service did not answer.
    """
    app.retrier.reset()
    work, after = _Auditor(app), ""
    async with listed_store(app) as listing:
        documents = await app.ledger.listings.count(listing.listing_id)
        while page := await app.ledger.comparison.groups(listing.listing_id, after=after, limit=PAGE):
            after = page[-1].file_id
            async with fan_out(work.group, limit=AT_ONCE) as groups:
                for group in page:
                    await groups.start(group)
        unmarked = await app.ledger.comparison.untagged(listing.listing_id)
    work.counts[DriftKind.FOREIGN] += unmarked
    steps = tuple(sorted(work.steps, key=lambda step: (step.kind, step.path, step.document)))
    plan = Plan(app.store, app.ledger_id, app.now(), steps)
    return Audit(plan, work.counts, documents, listing.pages)


async def examine(
    app: App, document: str, file_id: str, attempt_id: str | None = None
) -> tuple[DriftKind, str | None]:
    """What one document is at this moment: the store is asked for it, then the ledger.

    In this order, because the ledger knows of every document before the store does.

    Returns:
        What it is, and the attempt that made it, where that is known.

    Raises:
        GeminiError: the service did not answer.
    """
    found = await fetch(app, document)
    listed = None if found is None else as_listed(found)
    attempt = attempt_id if listed is None else listed.attempt_id
    row, standing = await app.ledger.comparison.standing(document, file_id=file_id, attempt_id=attempt)
    expected = None if row is None else expected_of(row)
    documents = [] if listed is None else [actual_of(listed, row, standing, app.ledger_id)]
    findings = [each for each in classify(expected, documents) if each.document == document]
    # A document that is gone, and that nobody names, is as it should be.
    return (findings or [Finding(document, DriftKind.OK)])[0].kind, attempt


async def fetch(app: App, document: str) -> Document | None:
    """The document; None when the store has none of that name. What passes by itself is waited for."""
    try:
        request = partial(app.client.documents.get, document)
        return await app.retrier.call(Purpose.POLL, request)
    except GeminiError as error:
        if error.kind is Answer.NOT_FOUND:
            return None
        raise


def expected_of(row: FileRow) -> Expected:
    """A row as a comparison sees it."""
    return Expected(
        indexed=row.state is State.INDEXED,
        document=row.document,
        indexed_hash=row.indexed_hash,
        title=display_name(row.file_path),
        metadata=digest(row.metadata),
        missing=row.missing_since is not None,
    )


def actual_of(listed: Listed, row: FileRow | None, standing: Standing, ledger_id: str) -> Actual:
    """A document as a comparison sees it.

    One without a ledger's mark is ours where the ledger knows its file: that is how documents were marked
    before there was one.
    """
    ours = listed.file_id is not None and (
        listed.ledger_id == ledger_id if listed.ledger_id is not None else row is not None
    )
    return Actual(
        name=listed.document,
        state=DocumentState(listed.state),
        content_hash=listed.content_hash,
        title=title(listed.display_name),
        metadata=digest(listed.metadata),
        ours=ours,
        in_flight=standing.in_flight,
        deleting=standing.leaving,
    )
