"""Listing of the whole store into the ledger, a page at a time, from where an earlier one was interrupted.

A listing is evidence, not truth: pages may overlap, documents come and go between them, and a new document may be
listed seconds late. So each finding is confirmed by asking for the document before anything is done about it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

from objlib.core.events import EventKind, Phase
from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH, KEY_LEDGER, RESERVED_KEYS
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import is_alive
from objlib.gemini import Document, GeminiError
from objlib.ledger import Listed, Listing

LISTING_LIFETIME: Final = 3600.0
"""Seconds after its last page for which an interrupted listing can be resumed."""


@asynccontextmanager
async def listed_store(app: App) -> AsyncIterator[Listing]:
    """A complete listing in the ledger, dropped at the end of the block.

    One that is interrupted stays in the ledger, and the next call resumes it.

    Raises:
        GeminiError: the service does not list its documents.
    """
    listing = await _list(app)
    try:
        yield listing
    finally:
        with trio.move_on_after(10, shield=True):
            await app.ledger.listings.drop(listing.listing_id)


def as_listed(document: Document) -> Listed:
    """A document as the ledger keeps it in a listing, its tags apart from the rest of its metadata."""

    def tag(key: str) -> str | None:
        value = document.metadata.get(key)
        return value if isinstance(value, str) else None

    return Listed(
        document=document.name,
        file_id=tag(KEY_FILE),
        attempt_id=tag(KEY_ATTEMPT),
        ledger_id=tag(KEY_LEDGER),
        content_hash=tag(KEY_HASH),
        state=document.state,
        created=document.create_time,
        display_name=document.display_name,
        size=document.size,
        mime_type=document.mime_type,
        metadata={key: value for key, value in document.metadata.items() if key not in RESERVED_KEYS},
    )


async def _list(app: App) -> Listing:
    now = app.now()
    # A run that may be alive keeps its listing; starting another only costs requests.
    alive = [
        run.run_id
        for run in await app.ledger.runs.all()
        if is_alive(run, now=now, host=app.ledger.machine) is not False
    ]
    listing = await app.ledger.listings.begin(
        store=app.store, run_id=app.run_id, alive=alive, since=now - LISTING_LIFETIME
    )
    if listing.pages:
        app.observer.event(EventKind.LISTING_RESUMED, pages=listing.pages)
    listed = await app.ledger.listings.count(listing.listing_id) if listing.pages else 0
    with app.observer.phase(Phase.LISTING, max(0, (app.store_documents or 0) - listed) or None):
        pages = await _add_pages(app, listing)
    return Listing(listing.listing_id, None, pages)


async def _add_pages(app: App, listing: Listing) -> int:
    """Note every page from the listing's cursor on; returns how many pages it has then."""
    token, count = listing.token, listing.pages
    while True:
        try:
            async for page in app.client.documents.pages(
                app.store, partial(app.retrier.call, Purpose.LIST), token=token
            ):
                token, count = None, count + 1
                await app.ledger.listings.add_page(
                    listing.listing_id,
                    run_id=app.run_id,
                    documents=[as_listed(document) for document in page.documents],
                    token=page.next_page_token,
                )
                app.observer.advance(Phase.LISTING, len(page.documents), 0)
        except GeminiError as error:
            if token is None or error.kind.ends_run or error.kind.transient:
                raise
        else:
            return count
        # The store has forgotten the token of an earlier process, so that the listing starts over.
        await app.ledger.listings.restart(listing.listing_id)
        app.observer.total(Phase.LISTING, app.store_documents or None, None)
        token, count = None, 0
