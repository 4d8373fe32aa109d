"""A sync: an upload and, on request, the removal of documents whose files are gone.

The removal comes last: until a file that was moved has its new document, the old one answers searches.
"""

from dataclasses import replace
from functools import partial

import trio

from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import PruneReport, SyncReport, UploadReport
from objlib.engine.app import App
from objlib.engine.reconcile.prune import check_prune, prune
from objlib.engine.upload.run import upload


async def sync(
    app: App, *, prune_missing: bool, grace: float, limit: DeleteLimit, checksum: bool = False
) -> SyncReport:
    """Bring the store up to date with the library, and with ``prune_missing`` remove documents of missing files.

    Args:
        prune_missing: whether to remove the documents of files that are gone.
        grace: seconds for which a file must have been missing.
        checksum: read every file of the library, whatever its status says.

    Raises:
        RefusedError: more would be removed; nothing was sent or deleted.
        ObjlibError: the run cannot go on at all.
    """
    if not prune_missing:
        return SyncReport(await upload(app, checksum=checksum), None)
    accept = partial(check_prune, app, grace=grace, limit=limit)
    uploaded = await upload(app, checksum=checksum, accept=accept)
    if uploaded.stopped:
        # After a stop, or a quota that is used up, more requests would serve no purpose.
        return SyncReport(uploaded, PruneReport(skipped=uploaded.stopped, grace=grace))
    pruned = await prune(app, grace=grace, limit=limit)
    return SyncReport(await _combined(app, uploaded, pruned), pruned)


async def _combined(app: App, uploaded: UploadReport, pruned: PruneReport) -> UploadReport:
    """The upload's report with the counts and the stop reason of the whole run."""
    return replace(
        uploaded,
        missing=(await app.ledger.files.counts(now=app.now())).missing,
        deleted=app.deleted,
        requests=app.requests,
        throttled=app.governor.throttled,
        seconds=trio.current_time() - app.opened_at,
        stopped=pruned.skipped,
        advice=str(app.retrier.fatal or ""),
    )
