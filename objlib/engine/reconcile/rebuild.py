"""Rebuild: make a lost ledger again from the store alone. Nothing is sent, and nothing in the store changes.

Ids, hashes and metadata are in the documents, paths are their names. A scan then matches them with the files: by path,
and where that has changed, by content.
"""

from collections import Counter

from objlib.core.errors import RefusedError
from objlib.core.lifecycle.table import State
from objlib.core.reports.store import RebuildReport
from objlib.engine.app import App
from objlib.engine.reconcile.listing import listed_store
from objlib.engine.scan.turn import scan_in_turn
from objlib.ledger import LEDGER_KEY, FileRow


async def rebuild(app: App, *, owner: str | None = None) -> RebuildReport:
    """Make the rows of an empty ledger from the documents of the store, then compare them with the disk.

    A dry run does all of it in its private copy, and reports every path.

    Args:
        app: the open application, with a ledger that knows no files.
        owner: id of the ledger that was lost; may be left out where the store has documents of only one.

    Raises:
        RefusedError: the ledger has files, or the store has documents of several ledgers, or of none.
        GeminiError: the service did not answer.
    """
    await app.ledger.rebuild.refuse_files()
    async with listed_store(app) as listing:
        documents = await app.ledger.listings.count(listing.listing_id)
        owners = await app.ledger.rebuild.owners(listing.listing_id)
        lost = _lost_ledger(app, owners, owner)
        rows = await app.ledger.rebuild.restore(listing.listing_id, owner=lost, run_id=app.run_id)
    app.ledger_id = await app.ledger.settings.get(LEDGER_KEY) or ""
    if await app.ledger.settings.pinned() is None:
        await app.ledger.settings.pin(app.store, app.settings.store, ledger=app.ledger.place)
    await scan_in_turn(app)
    counts, paths = await _compared(app)
    return RebuildReport(
        store=app.store,
        ledger=app.ledger_id,
        documents=documents,
        files=rows.files,
        matched=counts["matched"],
        changed=counts["changed"],
        missing=counts["missing"],
        new=counts["new"],
        skipped=counts["skipped"],
        pending=rows.pending,
        surplus=rows.surplus,
        unusable=rows.unusable,
        foreign=documents - sum(count for name, count, _ in owners if name == lost),
        requests=app.requests,
        dry_run=app.dry_run,
        paths=paths,
    )


async def _compared(app: App) -> tuple[Counter[str], tuple[tuple[str, str], ...]]:
    """How the files of the new ledger compare with the disk: their numbers and, for a dry run, each of them by path."""
    counts, paths, after = Counter[str](), list[tuple[str, str]](), ""
    while rows := await app.ledger.files.page(after=after):
        after = rows[-1].file_id
        compared = [(row.file_path, _comparison(row)) for row in rows]
        counts.update(how for _, how in compared)
        paths += compared if app.dry_run else []
    return counts, tuple(sorted(paths))


def _comparison(row: FileRow) -> str:
    if row.missing_since is not None:
        return "missing"
    match row.state:
        case State.INDEXED:
            return "matched"
        case State.UNTRACKED:
            return "new" if row.document is None else "changed"
        case State.FAILED:
            return "skipped" if row.failure is not None and row.failure.kind.skips else "failed"
        case _:
            return "pending"


def _lost_ledger(app: App, owners: list[tuple[str, int, str]], owner: str | None) -> str:
    """The id of the ledger to make again.

    Raises:
        RefusedError: there is none, or there are several.
    """
    if not owners:
        raise RefusedError(
            f"the store {app.store} holds no document that objlib sent; there is nothing to rebuild"
        )
    names = [name for name, *_ in owners]
    if owner is not None:
        if owner in names:
            return owner
        raise RefusedError(
            f"the store has no document of a ledger {owner}; it has those of {', '.join(names)}"
        )
    if len(owners) > 1:
        ledgers = "; ".join(
            f"{name or 'none'} ({count:,}, such as {example})" for name, count, example in owners
        )
        raise RefusedError(
            f"the store holds documents of {len(owners)} ledgers: {ledgers}; name the lost one with --of"
        )
    return names[0]
