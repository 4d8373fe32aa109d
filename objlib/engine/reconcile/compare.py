"""Comparing store and ledger both ways. Changes neither."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from objlib.core.lifecycle.drift import REPAIRABLE, SURPLUS, Drift, DriftKind
from objlib.core.lifecycle.repair_plan import Plan
from objlib.engine.app import App
from objlib.engine.reconcile.classification import classify
from objlib.engine.reconcile.listing import as_listed, listed_store
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.ledger import Group

GROUP_PAGE: Final = 500
"""Files that one query of the ledger brings together with their documents."""
MAX_CHECKS: Final = 16
"""Files in progress at once; the governor admits as many questions."""
UNCERTAIN: Final = SURPLUS | {DriftKind.GHOST, DriftKind.BROKEN}
"""Findings that the age of the listing may explain; each is confirmed by asking for the document itself."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences between store and ledger.

    Attributes:
        counts: documents by kind, and ghosts.
        pages: requests that listing them took.
        ledgers: documents of other ledgers by the id of the ledger.
    """

    plan: Plan
    counts: Counter[DriftKind] = field(default_factory=Counter)
    documents: int = 0
    pages: int = 0
    ledgers: Mapping[str, int] = field(default_factory=dict)


async def compare_store(app: App) -> Comparison:
    """Compare the whole store with the ledger.

    Costs one request for 20 documents, and one for each finding that has to be confirmed. Memory holds a page
    of each side and the differences.

    Raises:
        GeminiError: the service did not answer.
    """
    app.retrier.reset()
    counts: Counter[DriftKind] = Counter()
    steps: list[Drift] = []

    async def compare(group: Group) -> None:
        for drift in await _compare_group(app, group):
            counts[drift.kind] += 1
            if drift.kind in REPAIRABLE:
                steps.append(drift)

    async with listed_store(app) as listing:
        documents, after = await app.ledger.listings.count(listing.listing_id), ""
        while page := await app.ledger.comparison.groups(listing.listing_id, after=after, limit=GROUP_PAGE):
            after = page[-1].file_id
            async with fan_out(compare, limit=MAX_CHECKS) as groups:
                for group in page:
                    await groups.start(group)
        counts[DriftKind.FOREIGN] += await app.ledger.comparison.untagged(listing.listing_id)
        owners = await app.ledger.rebuild.owners(listing.listing_id)
    steps.sort(key=lambda drift: (drift.kind, drift.path, drift.document))
    return Comparison(
        Plan(app.store, app.ledger_id, app.now(), tuple(steps)),
        counts,
        documents,
        listing.pages,
        {owner: count for owner, count, _ in owners if owner and owner not in app.owners},
    )


async def _compare_group(app: App, group: Group) -> list[Drift]:
    """Classify the documents of one file; uncertain findings are confirmed."""
    row, listed = group.row, {document.document: document for document, _ in group.documents}
    drifts = []
    for name, listed_kind in classify(row, group.documents, app.owners).items():
        kind = listed_kind
        if kind in UNCERTAIN:
            attempt = listed[name].attempt_id if name in listed else None
            kind, _ = await recheck_document(app, name, group.file_id, attempt)
        path = listed[name].display_name if row is None else row.file_path
        drifts.append(Drift(kind, path, name, group.file_id))
    return drifts


async def recheck_document(
    app: App, name: str, file_id: str, attempt_id: str | None = None
) -> tuple[DriftKind, str | None]:
    """Classify one document as it is at this moment, by asking the store for it and then the ledger.

    In this order, because the ledger knows of every document before the store does.

    Returns:
        The kind, and the attempt that made the document, where that is known.

    Raises:
        GeminiError: the service did not answer.
    """
    document = await app.retrier.find(Purpose.POLL, partial(app.client.documents.get, name))
    listed = None if document is None else as_listed(document)
    attempt = attempt_id if listed is None else listed.attempt_id
    row, standing = await app.ledger.comparison.standing(name, file_id=file_id, attempt_id=attempt)
    documents = [] if listed is None else [(listed, standing)]
    # There is no kind for a document that is gone and that the ledger does not name: all is well.
    return classify(row, documents, app.owners).get(name, DriftKind.OK), attempt
