"""The stores of a service, as a part of the Python API: ``library.stores``."""

from dataclasses import replace
from functools import partial
from typing import Final

from objlib.core.config.settings import Settings
from objlib.core.reports.stores import AdoptionReport, StoreDeletion, StoreInventory, StoreMade
from objlib.core.reports.upload import RecoverReport
from objlib.engine.bootstrap.open_app import Command, StoreNeed
from objlib.engine.sessions import OpenApps, one_error
from objlib.engine.stores.adoption import adopt_documents
from objlib.engine.stores.deletion import delete_store, finish_deletion, plan_deletion
from objlib.engine.stores.inventory import list_stores, make_store

_LIST: Final = Command("stores", records=False, store=StoreNeed.SERVICE, dry_run=True, looks=True)
_CREATE: Final = Command("stores", records=False, store=StoreNeed.SERVICE)
_ADOPT: Final = Command("stores-adopt", records=True, store=StoreNeed.EXISTING)


class Stores:
    """The stores of the service of one library; :attr:`objlib.Library.stores` is one."""

    def __init__(self, settings: Settings, apps: OpenApps) -> None:
        self._settings = settings
        self._apps = apps

    async def all(self) -> StoreInventory:
        """All stores, with sizes, documents by state, and the libraries that use them. Changes nothing."""
        return await self._apps.run(_LIST, list_stores)

    async def create(self, name: str, *, dry_run: bool = False) -> StoreMade:
        """Make a store of that name, with the embedding model of the settings.

        Raises:
            RefusedError: there is one of this name.
        """
        return await self._apps.run(replace(_CREATE, dry_run=dry_run), partial(make_store, display_name=name))

    async def delete(self, name: str, *, others: int = 0, dry_run: bool = False) -> StoreDeletion:
        """Delete a store with all its documents; the ledger of the library is put aside if it was its own.

        Args:
            name: its resource name, or its display name.
            others: how many documents that are not of this library go with it; any other number is refused.
            dry_run: only count them.

        Raises:
            RefusedError: there is no such store, it holds other documents, or a run is at work on it.
        """
        work = plan_deletion if dry_run else partial(delete_store, others=others)
        report: StoreDeletion | None = None
        with one_error():
            report = await work(
                self._settings, name, observer=self._apps.observer, overrides=self._apps.overrides
            )
        assert report is not None, "either the work returned or an error was raised"
        if report.put_aside:
            await self._apps.close_shared()
        return report

    async def finish_deletion(self) -> RecoverReport | None:
        """Go on with a deletion of the library's own store that was killed; None where none was begun.

        :meth:`objlib.Library.recover` begins with it.
        """
        report: RecoverReport | None = None
        with one_error():
            report = await finish_deletion(
                self._settings, observer=self._apps.observer, overrides=self._apps.overrides
            )
        if report is not None:
            await self._apps.close_shared()
        return report

    async def adopt(self, *, by_name: int | None = None, dry_run: bool = False) -> AdoptionReport:
        """Let files of the library take over documents that another tool uploaded. Nothing is sent or deleted.

        Args:
            by_name: how many documents are to be taken over by name and size alone; any other number is refused.
            dry_run: only say which.
        """
        work = partial(adopt_documents, by_name=by_name)
        return await self._apps.run(replace(_ADOPT, dry_run=dry_run), work)
