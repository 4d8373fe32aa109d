"""Adoption: files take over the documents that another tool uploaded for them, and nothing is sent twice."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.errors import RefusedError
from objlib.core.lifecycle.adoption import LooseDocument, Matches, digests, match_documents
from objlib.core.reports.stores import AdoptionReport
from objlib.engine.app import App
from objlib.engine.reconcile.listing import listed_store
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.engine.scan.turn import scan_in_turn
from objlib.gemini import GeminiError

_TEMPORARY: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
"""The id of a temporary file, after which the service names a document that was imported from it."""
MAX_QUESTIONS: Final = 8
"""Temporary files that are asked for at once."""


async def adopt_documents(app: App, *, by_name: int | None = None) -> AdoptionReport:
    """Let files that have no document take over documents without any mark of ours; nothing is sent or deleted.

    Documents with the bytes of a file are taken over at once. Those that have its name and size alone are only
    reported, unless the caller says how many there are, as the sign that it looked at them. From then on they are
    this ledger's: replaced when the file changes, and removed with it.

    Costs one request for 20 documents, and one for each document that was imported from a temporary file.

    Args:
        app: the open application, with its store.
        by_name: the number of documents that are to be taken over by their name and size.

    Raises:
        RefusedError: another number of documents fit by name and size.
        GeminiError: the service did not answer.
    """
    await scan_in_turn(app)
    async with listed_store(app) as listing:
        documents = await app.ledger.adoptions.documents(listing.listing_id)
    documents = await _described(app, documents)
    files = await app.ledger.adoptions.files()
    matches = match_documents(documents, files)
    if by_name is not None and by_name != len(matches.by_name):
        raise RefusedError(
            f"by name and size a document fits {plural(len(matches.by_name), 'file')}, and --by-name says "
            f"{by_name:,}: nothing was taken over; to look at them: `{advise('stores --dry-run --all', 'adopt')}`"
        )
    return await _take_over(app, matches, len(documents), len(files), by_name=by_name is not None)


async def _take_over(
    app: App, matches: Matches, documents: int, files: int, *, by_name: bool
) -> AdoptionReport:
    if await app.ledger.settings.pinned() is None:
        await app.ledger.settings.pin(app.store, app.settings.store, ledger=app.ledger.path)
    pairs = (*matches.by_content, *(matches.by_name if by_name else ()))
    adopted = await app.ledger.adoptions.adopt(pairs, run_id=app.run_id)
    return AdoptionReport(
        store=app.store,
        documents=documents,
        files=files,
        adopted=adopted,
        by_content=matches.by_content,
        by_name=matches.by_name,
        ambiguous=matches.ambiguous,
        unmatched=len(matches.unmatched),
        requests=app.requests,
        dry_run=app.dry_run,
    )


async def _described(app: App, documents: Iterable[LooseDocument]) -> list[LooseDocument]:
    """The documents, with the name and the digest of the temporary file that some were imported from.

    Such a file is there for 48 hours; afterwards the document is what it is.
    """
    described = {each.document: each for each in documents}

    async def describe(document: LooseDocument) -> None:
        ask = partial(app.client.files.describe, f"files/{document.display_name}")
        try:
            file = await app.retrier.find(Purpose.POLL, ask)
        except GeminiError as error:
            if error.kind.ends_run:
                raise
            return
        if file is not None:
            described[document.document] = replace(
                document, original=file.display_name, digests=digests([file.digest])
            )

    async with fan_out(describe, limit=MAX_QUESTIONS) as questions:
        for document in list(described.values()):
            if not document.digests and _TEMPORARY.fullmatch(document.display_name):
                await questions.start(document)
    return list(described.values())
