"""The deletion of a whole store, with everything in it: whose documents those are is counted first."""

import platform
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from objlib.core.advice import advise
from objlib.core.config.default_paths import ASIDE
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Observer
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.core.reports.stores import StoreDeletion, StoreEntry
from objlib.core.reports.upload import RecoverReport
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.lost_ledger import holder_of
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.bootstrap.store_deletion import execute_store_deletion
from objlib.engine.recover import STORE_REASON
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import is_alive
from objlib.engine.stores.inventory import find_store, ledgers_of
from objlib.ledger import StoreIntent, identify, ledger_exists, run_at_work, summarize
from objlib.threads import thread_runner

ANOTHER_TOOL: Final = "another tool"
"""Whose a document without any mark of ours is."""
_PLAN: Final = Command("stores", records=False, store=StoreNeed.SERVICE, disk=False, dry_run=True)
_DELETE: Final = Command("stores-delete", records=True, store=StoreNeed.SERVICE, disk=False)
_FINISH: Final = Command("recover", records=True, store=StoreNeed.SERVICE, create_ledger=False, disk=False)


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

    The deletion is on record in the ledger before it is sent: :func:`finish_deletion` and the next recovery go on
    with one that was killed. Without a ledger nothing is recorded, since nothing on this machine depends on the store.

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
    overrides = overrides or Overrides()
    run = overrides.runner or thread_runner(1)
    recorded = await run(partial(ledger_exists, settings.ledger))
    command = replace(_DELETE, records=recorded)
    async with open_app(settings, command, observer=observer, overrides=overrides) as app:
        intent = await _begun(app, named)
        if intent is None:
            entry = await find_store(app, named)
            _refuse_shared_ledger(app, entry)
            report = await _count(app, entry)
            _refuse_others(report, others)
            intent = await app.ledger.store_deletions.open(
                entry.name, entry.display_name, force=True, documents=report.documents, run_id=app.run_id
            )
        else:
            report = StoreDeletion(intent.store, intent.display_name, intent.documents, 0)
        own = await _execute(app, intent)
        requests = app.requests
    aside = await run(partial(put_aside, settings.ledger_file)) if own else ""
    return replace(report, deleted=True, put_aside=str(aside), requests=requests)


async def finish_deletion(
    settings: Settings, *, observer: Observer, overrides: Overrides | None = None, dry_run: bool = False
) -> RecoverReport | None:
    """Go on with the deletion of the ledger's own store, and put the ledger aside; None where none was begun.

    Raises:
        RefusedError: a run is at work on the store.
        GeminiError: the service did not answer; the deletion stays on record.
    """
    overrides = overrides or Overrides()
    run = overrides.runner or thread_runner(1)
    identity = await run(partial(identify, settings.ledger))
    if identity is None or not identity.deleting:
        return None
    command = replace(_FINISH, records=not dry_run, dry_run=dry_run)
    async with open_app(settings, command, observer=observer, overrides=overrides) as app:
        intent = await app.ledger.store_deletions.get(identity.store)
        if intent is None:  # another process was faster
            return RecoverReport(dry_run=dry_run)
        await app.files(partial(_refuse_alive, app, intent.store))
        if not dry_run:
            await _execute(app, intent)
    actions = [(intent.display_name, "deleted", STORE_REASON)]
    if not dry_run:
        aside = await run(partial(put_aside, settings.ledger_file))
        actions.append(
            (str(settings.ledger), "put aside", f"it recorded the documents of this store: {aside}")
        )
    return RecoverReport(
        found=1, stores=1, actions=tuple(actions), actions_total=len(actions), dry_run=dry_run
    )


async def _begun(app: App, named: str) -> StoreIntent | None:
    """The record of a deletion that was begun and whose store is gone; one that is there is counted again."""
    for intent in await app.ledger.store_deletions.all():
        if named in {intent.store, intent.display_name}:
            get = partial(app.client.stores.get, intent.store)
            if await app.retrier.find(Purpose.LIST, get, reconnect=False) is None:
                return intent
    return None


async def _execute(app: App, intent: StoreIntent) -> bool:
    """Carry out a deletion that is on record; whether it was the ledger's own store.

    The record of that one stays in the ledger, which is put aside: until then it says what is to be done.
    """
    await execute_store_deletion(app, intent)
    pinned = await app.ledger.settings.pinned()
    own = pinned is not None and pinned[0] == intent.store
    if not own:
        await app.ledger.store_deletions.close(intent.store)
    return own


def _refuse_others(report: StoreDeletion, others: int) -> None:
    """Refuse to delete documents of others whose number the caller did not name.

    Raises:
        RefusedError: it holds another number of them.
    """
    if report.foreign != others:
        owners = ", ".join(f"{number:,} of {owner}" for owner, number in report.others.items())
        raise RefusedError(
            f"the store {report.display_name} holds {report.foreign:,} {_documents(report.foreign)} not of this library"
            f"{f' ({owners})' if owners else ''}, and --others says {others:,}: nothing was deleted; to delete "
            f"those too: `{advise(f'stores --yes --others {report.foreign}', 'delete', report.name)}`"
        )


def _documents(number: int) -> str:
    return "document that is" if number == 1 else "documents that are"


def _refuse_shared_ledger(app: App, entry: StoreEntry) -> None:
    """Refuse to delete the store of a ledger that other machines may be at work with.

    Raises:
        RefusedError: the ledger is in a database.
    """
    ledger = app.settings.ledger
    if entry.own and isinstance(ledger, LedgerUrl):
        raise RefusedError(
            f"the ledger {ledger} of this store is in a database, where other machines may use it: end their work, "
            f"drop it there (DROP SCHEMA {ledger.schema} CASCADE), and then delete the store"
        )


async def _count(app: App, entry: StoreEntry) -> StoreDeletion:
    await app.files(partial(_refuse_alive, app, entry.name))
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


def _refuse_alive(app: App, store: str) -> None:
    for path in ledgers_of(app, store):
        summary = summarize(path)
        for run in () if summary is None else summary.runs:
            if run.run_id != app.run_id and is_alive(run, now=app.now(), host=platform.node()):
                raise run_at_work(run, path)


def put_aside(ledger: Path) -> Path:
    """Rename a closed ledger whose store is gone, so that the next upload starts anew; its new place."""
    day = time.strftime("%Y%m%d-%H%M%S")
    aside, number = ledger.with_name(f"{ledger.stem}{ASIDE}{day}{ledger.suffix}"), 2
    while aside.exists():
        aside = ledger.with_name(f"{ledger.stem}{ASIDE}{day}-{number}{ledger.suffix}")
        number += 1
    for end in ("-wal", "-shm", ""):
        beside = ledger.with_name(ledger.name + end)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + end))
    return aside
