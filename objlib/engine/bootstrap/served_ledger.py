"""The ledger of a service that is known by a port: a port says nothing about which store answers behind it."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import ObjlibError
from objlib.gemini import Client, Endpoint, ErrorKind, GeminiError, open_client
from objlib.ledger import identify

LOOK_SECONDS: Final = 10.0
"""Seconds for asking the service which of the library's stores it has; without an answer the URL decides."""


async def find_served_ledger(settings: Settings) -> Settings:
    """Take the ledger whose store the service has, where the library has ledgers for several services.

    ``objlib serve`` answers with the embedded store of a library at any port: its ledger is that of the embedded
    store, and another one would send every file a second time. A ledger that the command line names is taken.
    """
    if not settings.may_be_served:
        return settings
    if not isinstance(settings.ledger, Path):
        return settings
    ledgers = [settings.ledger, *settings.other_ledgers]
    endpoint = Endpoint(settings.base_url, settings.api_key, settings.api_version)
    with suppress(ObjlibError), trio.move_on_after(LOOK_SECONDS):
        async with open_client(endpoint) as client:
            for ledger in ledgers:
                if await _has_store(client, ledger):
                    others = tuple(path for path in ledgers if path != ledger)
                    return replace(settings, ledger=ledger, other_ledgers=others)
    return settings


async def _has_store(client: Client, ledger: Path) -> bool:
    identity = identify(ledger)
    if identity is None or not identity.store:
        return False
    try:
        await client.stores.get(identity.store)
    except GeminiError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return False
    return True
