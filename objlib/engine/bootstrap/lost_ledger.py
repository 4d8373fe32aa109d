"""Ledgers that are lost while their documents are in a store: another that joins it would send everything again."""

from functools import partial
from pathlib import Path

from objlib.catalog import Catalog
from objlib.core.advice import advise
from objlib.core.config.known import KnownLibrary
from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.ledger import identify


def require_ledger(settings: Settings, *, any_ledger: bool) -> None:
    """Refuse to look at a ledger that is lost, or at one that a scan made in its place.

    Args:
        settings: of the command.
        any_ledger: whether the one in its place will do.

    Raises:
        RefusedError: the catalog knows it, and that it sent documents.
    """
    identity = identify(settings.ledger) if settings.lost else None
    # A rebuild may have made it again since the settings were read.
    if settings.lost and (identity is None or not (identity.store or any_ledger)):
        raise RefusedError(
            f"the ledger {settings.ledger} is lost, and its documents are in the store {settings.store}: "
            f"`{advise('rebuild')}` makes it again, and nothing is sent twice"
        )


async def refuse_lost_ledger(app: App, store: str) -> None:
    """Refuse a store in which another ledger recorded documents, unless that one is here and has another library.

    Lists the store up to the first such document. Libraries that share a store are no harm: each has its own files.

    Raises:
        RefusedError: it holds such documents; their files would be sent a second time.
        GeminiError: the service did not answer.
    """
    known = {app.ledger_id}
    async for page in app.client.documents.pages(store, partial(app.retrier.call, Purpose.LIST)):
        for document in page.documents:
            owner = str(document.metadata.get(KEY_LEDGER, ""))
            if KEY_FILE not in document.metadata or owner in known:
                continue
            holder = await app.files(partial(holder_of, app, owner))
            if holder is None:
                raise RefusedError(
                    f"the store {store} holds documents of a ledger that is not here, such as "
                    f"{document.display_name}: `{advise('rebuild')}` makes that ledger again, and nothing is "
                    f"sent twice; to start anew in another store: `{advise('upload --new')}`"
                )
            library, ledger = holder
            if library.root == app.settings.library:
                raise RefusedError(
                    f"the store {store} holds this library's documents already, and {ledger} is the ledger that "
                    "knows them: leave --ledger out, or name that one"
                )
            known.add(owner)


def holder_of(app: App, ledger_id: str) -> tuple[KnownLibrary, Path] | None:
    """The ledger with this id, and its library, where the catalog knows it and it is there."""
    data = app.settings.catalog
    return None if data is None or not ledger_id else Catalog(data).holder(ledger_id)
