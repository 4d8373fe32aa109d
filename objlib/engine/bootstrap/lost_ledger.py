"""Stores that hold documents of a ledger that is not here: a ledger that joins one would send everything again."""

from collections.abc import Collection
from functools import partial

from objlib.catalog import Catalog
from objlib.core.advice import advise
from objlib.core.errors import RefusedError
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.core.library.paths import text_of_root
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose


async def refuse_lost_ledger(app: App, store: str) -> None:
    """Refuse a store in which another ledger recorded documents, unless that one is here and has another library.

    Lists the store up to the first such document. Libraries that share a store are no harm: each has its own files.

    Raises:
        RefusedError: it holds such documents; their files would be sent a second time.
        GeminiError: the service did not answer.
    """
    elsewhere, same = await app.files(partial(_ledgers_here, app))
    async for page in app.client.documents.pages(store, partial(app.retrier.call, Purpose.LIST)):
        for document in page.documents:
            owner = document.metadata.get(KEY_LEDGER, "")
            if KEY_FILE not in document.metadata or owner == app.ledger_id or owner in elsewhere:
                continue
            if owner in same:
                raise RefusedError(
                    f"the store {store} holds this library's documents already, and {same[str(owner)]} is the "
                    "ledger that knows them: leave --ledger out, or name that one"
                )
            raise RefusedError(
                f"the store {store} holds documents of a ledger that is not here, such as "
                f"{document.display_name}: `{advise('rebuild')}` makes that ledger again, and nothing is sent "
                f"twice; to start anew in another store: `{advise('upload --new')}`"
            )


def _ledgers_here(app: App) -> tuple[Collection[str], dict[str, str]]:
    """Ids of the ledgers of other libraries, and those of this library with their files."""
    settings, elsewhere, same = app.settings, set[str](), dict[str, str]()
    for library in () if settings.catalog is None else Catalog(settings.catalog).libraries():
        for ledger in library.ledgers:
            if not ledger.ledger_id or not ledger.path.is_file():
                continue
            if text_of_root(library.root) == text_of_root(settings.library):
                same[ledger.ledger_id] = str(ledger.path)
            else:
                elsewhere.add(ledger.ledger_id)
    return elsewhere, same
