"""The deletion of a whole store, with everything in it: whose documents those are is counted first."""

import platform
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from objlib.core.advice import advise
from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Observer
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.core.reports.stores import StoreDeletion, StoreEntry
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.lost_ledger import holder_of
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import is_alive
from objlib.engine.stores.inventory import find_store, ledgers_of
from objlib.gemini import GeminiError
from objlib.ledger import summarize

ANOTHER_TOOL: Final = "another tool"
"""Whose a document without any mark of ours is."""
_PLAN: Final = Command("stores", records=False, store=StoreNeed.SERVICE, dry_run=True)
_DELETE: Final = Command("stores", records=False, store=StoreNeed.SERVICE)


async def plan_deletion(
    settings: Settings, named: str, *, observer: Observer, overrides: Overrides | None = None
) -> StoreDeletion:
    """The store that would be deleted, and whose documents are in it. Changes nothing.

    Lists the store: one request for 20 documents.

    Raises:
        RefusedError: there is no such store, several have that name, or a run is at work on it.
        GeminiError: the service did not answer.
    """
    async with open_app(settings, _PLAN, observer=observer, overrides=overrides) as app:
        return await _count(app, await find_store(app, named))


async def delete_store(
    settings: Settings, named: str, *, others: int, observer: Observer, overrides: Overrides | None = None
) -> StoreDeletion:
    """Delete a store with all its documents. The ledger at hand is put aside if it recorded them.

    Args:
        settings: which service and which ledger.
        named: resource name or display name.
        others: the number of documents of others that the caller agrees to; any other number is refused.
        observer: hears what happens.
        overrides: a test's own clock, threads and faults.

    Raises:
        RefusedError: as for :func:`plan_deletion`, or it holds another number of documents of others.
        GeminiError: the service did not answer; then the store may be gone, and a repetition says so.
    """
    async with open_app(settings, _DELETE, observer=observer, overrides=overrides) as app:
        entry = await find_store(app, named)
        report = await _count(app, entry)
        if report.foreign != others:
            owners = ", ".join(f"{number:,} of {owner}" for owner, number in report.others.items())
            raise RefusedError(
                f"the store {entry.display_name} holds {report.foreign:,} documents that are not of this library"
                f"{f' ({owners})' if owners else ''}, and --others says {others:,}: nothing was deleted; to delete "
                f"those too: `{advise(f'stores --yes --others {report.foreign}', 'delete', entry.name)}`"
            )
        await _delete(app, entry)
        requests = app.requests
    aside = put_aside(settings.ledger) if entry.own else ""
    return replace(report, deleted=True, put_aside=str(aside), requests=requests)


async def _delete(app: App, entry: StoreEntry) -> None:
    delete = partial(app.client.stores.delete, entry.name)
    unanswered: GeminiError | None = None
    try:
        await app.retrier.call(Purpose.DELETE, delete, reconnect=False)
    except GeminiError as error:
        if not error.kind.ambiguous:
            raise
        unanswered = error
    if unanswered is not None:
        # A lost answer says nothing; a store that is gone is what was asked for.
        get = partial(app.client.stores.get, entry.name)
        if await app.retrier.find(Purpose.LIST, get, reconnect=False) is not None:
            raise unanswered


async def _count(app: App, entry: StoreEntry) -> StoreDeletion:
    await app.files(partial(_refuse_alive, app, entry))
    app.observer.note(f"listing the store {entry.display_name} to see whose its documents are")
    adopted = await app.ledger.adoptions.held()
    owners = Counter[str]()
    number = own = 0
    async for page in app.client.documents.pages(entry.name, partial(app.retrier.call, Purpose.LIST)):
        for document in page.documents:
            number += 1
            owner = str(document.metadata.get(KEY_LEDGER, ""))
            tagged = KEY_FILE in document.metadata
            # An older objlib sent no tag of the ledger; then the pinned store says whose it is.
            if document.name in adopted or (
                tagged and ((owner in app.owners and owner) or (not owner and entry.own))
            ):
                own += 1
            else:
                owners[owner if tagged else ANOTHER_TOOL] += 1
    others = Counter[str]()
    for owner, count in owners.items():
        others[owner if owner == ANOTHER_TOOL else await app.files(partial(_whose, app, owner))] += count
    libraries = tuple(root for root in entry.libraries if root != str(app.settings.library))
    return StoreDeletion(
        name=entry.name,
        display_name=entry.display_name,
        documents=number,
        own=own,
        others=dict(sorted(others.items())),
        size=entry.size,
        libraries=libraries,
        requests=app.requests,
    )


def _whose(app: App, owner: str) -> str:
    holder = holder_of(app, owner)
    if holder is not None:
        return f"the library {holder[0].root}"
    return f"a ledger that is not here ({owner or 'without an id'})"


def _refuse_alive(app: App, entry: StoreEntry) -> None:
    for path in ledgers_of(app, entry.name):
        summary = summarize(path)
        for run in () if summary is None else summary.runs:
            if is_alive(run, now=app.now(), host=platform.node()):
                raise RefusedError(
                    f"a run ({run.command}, process {run.pid}) is at work on the store {entry.display_name}; wait "
                    "for its end, or stop it"
                )


def put_aside(ledger: Path) -> Path:
    """Rename a closed ledger whose store is gone, so that the next upload starts anew; its new place."""
    day = time.strftime("%Y%m%d-%H%M%S")
    aside, number = ledger.with_name(f"{ledger.stem}-of-deleted-store-{day}{ledger.suffix}"), 2
    while aside.exists():
        aside = ledger.with_name(f"{ledger.stem}-of-deleted-store-{day}-{number}{ledger.suffix}")
        number += 1
    for end in ("-wal", "-shm", ""):
        beside = ledger.with_name(ledger.name + end)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + end))
    return aside
