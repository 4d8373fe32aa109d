"""Taking over the documents of a lost ledger, in a ledger that has files of its own."""

from dataclasses import dataclass
from functools import partial

from objlib.core.errors import RefusedError, UsageError
from objlib.engine.app import App
from objlib.engine.bootstrap.lost_ledger import holder_of
from objlib.engine.reconcile.listing import listed_store


@dataclass(frozen=True, slots=True)
class LostLedger:
    """A ledger that is lost, and whether its documents are taken over before the rest is compared."""

    ledger_id: str
    adopt: bool = False


async def require_lost(app: App, lost: LostLedger) -> None:
    """Refuse a ledger that is not lost.

    Raises:
        UsageError: it is the ledger in use.
        RefusedError: it is the ledger of another library that is here.
    """
    if lost.ledger_id == app.ledger_id:
        raise UsageError(f"--of {lost.ledger_id} is this ledger itself; leave --of out")
    holder = await app.files(partial(holder_of, app, lost.ledger_id))
    if holder is not None:
        raise RefusedError(
            f"the ledger {lost.ledger_id} is not lost: it is {holder[1]}; name it with --ledger to work with it"
        )


async def adopt(app: App, lost: LostLedger) -> int:
    """Let files that have no document take over one of the lost ledger with the same bytes; how many did.

    From then on the documents of the lost ledger count as this one's, so that those that no file needs are surplus.

    Raises:
        GeminiError: the service did not answer.
    """
    async with listed_store(app) as listing:
        return await app.ledger.rebuild.adopt(listing.listing_id, owner=lost.ledger_id, run_id=app.run_id)
