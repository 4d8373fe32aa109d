"""Checks of the set-up: configuration, folders, ledger, store and service, each with the remedy."""

import math
import os
import platform
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from objlib.core.advice import advise
from objlib.core.config.settings import DUMMY_KEY, Backend, Settings
from objlib.core.errors import ObjlibError
from objlib.core.events import Observer
from objlib.core.reports.status import Check, Health
from objlib.data_folder import identify_service
from objlib.embedded import ModelFolderError, documents_named, load_embedder, load_folder, load_reranker
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.gemini import Endpoint, ErrorKind, GeminiError, open_client
from objlib.ledger import ledger_exists, open_ledger, summarize
from objlib.threads import thread_runner
from objlib.version import __version__

FREE_SPACE: Final = 256 * 1024 * 1024
"""Bytes; with fewer free on the disk of the ledger or the store, the check warns."""


async def doctor(settings: Settings, observer: Observer) -> list[Check]:
    """Check everything that a run depends on, without changing anything; a check that cannot be made is a problem."""
    checks = [_version()]
    works: dict[str, Callable[[], Awaitable[list[Check]]]] = {
        "library": partial(_library, settings),
        "folders": partial(_folders, settings),
        "ledger": partial(_ledger, settings),
    }
    if settings.backend is Backend.EMBEDDED:
        works |= {
            "search by meaning": partial(_models, settings),
            "store": partial(_embedded, settings, observer),
        }
    else:
        works["service"] = partial(_service, settings)
    works["other store"] = partial(_others, settings)
    for name, work in works.items():
        problem = ""
        try:
            checks += await work()
        except* Exception as group:  # the other checks are made whatever this one met
            problem = first_line(group)
        if problem:
            checks.append(Check(name, Health.PROBLEM, problem))
    return checks


def _version() -> Check:
    versions = f"objlib {__version__}, Python {platform.python_version()} on {platform.system()}"
    return Check("objlib", Health.OK, versions)


async def _library(settings: Settings) -> list[Check]:
    root = settings.library
    if not root.is_dir():
        check = Check("library", Health.PROBLEM, f"{root} is not a folder", "name your folder with --library")
    elif not os.access(root, os.R_OK | os.X_OK):
        check = Check("library", Health.PROBLEM, f"{root} cannot be read", "check its permissions")
    else:
        check = Check("library", Health.OK, str(root))
    config = str(settings.config) if settings.config else "none found from here upward"
    return [check, Check("configuration", Health.OK, config)]


async def _folders(settings: Settings) -> list[Check]:
    files = {"ledger folder": settings.ledger} if isinstance(settings.ledger, Path) else {}
    if settings.backend is Backend.EMBEDDED:
        files["store folder"] = settings.embedded
    return [_folder(name, file) for name, file in files.items()]


def _folder(name: str, file: Path) -> Check:
    folder = _existing(file.parent)
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Check(name, Health.PROBLEM, f"{folder} cannot be written", "check its permissions")
    if free < FREE_SPACE:
        return Check(name, Health.WARNING, f"{free // 2**20} MiB free in {folder}", "make room on the disk")
    return Check(name, Health.OK, f"{file.parent}, {free // 2**20} MiB free")


def _existing(folder: Path) -> Path:
    """The nearest folder that exists, in which the missing ones would be created."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


async def _ledger(settings: Settings) -> list[Check]:
    if settings.lost:
        return [_lost("ledger", f"{settings.ledger} sent documents, and is lost")]
    if not ledger_exists(settings.ledger):
        return [Check("ledger", Health.OK, f"{settings.ledger} does not exist")]
    async with open_ledger(settings.ledger, create=False) as ledger:
        counts, pinned = await ledger.files.counts(now=ledger.now()), await ledger.settings.pinned()
        contents = f"{sum(counts.states.values())} files, store {pinned[0] if pinned else 'none yet'}"
    return [Check("ledger", Health.OK, contents)]


async def _others(settings: Settings) -> list[Check]:
    """The stores that the library has at other services."""
    checks = []
    for path in settings.other_ledgers:
        identity, summary = identify_service(path), summarize(path)
        if identity is not None and summary is not None:
            text = f"{identity.service or 'another service'}: {identity.store}, {summary.indexed} of "
            checks.append(
                Check("other store", Health.OK, f"{text}{summary.files} files indexed; ledger {path}")
            )
    return checks


async def _models(settings: Settings) -> list[Check]:
    """The embedder and the reranker, loaded."""
    run = thread_runner(1)
    if settings.embedder in {"", "default"}:
        embedder, reason = await run(load_embedder)
    else:
        embedder, reason = await run(partial(load_folder, settings.embedder))
    if embedder is None:
        checks = [Check("search by meaning", Health.WARNING, reason, "search by words works without it")]
    else:
        checks = [Check("search by meaning", Health.OK, f"the model {embedder.model_id} is there")]
    if settings.reranker is not None:
        try:
            reranker = await run(partial(load_reranker, str(settings.reranker)))
        except ModelFolderError as error:
            checks.append(Check("reranker", Health.PROBLEM, str(error)))
        else:
            checks.append(Check("reranker", Health.OK, f"the model {reranker.model_id} is there"))
    return checks


async def _embedded(settings: Settings, observer: Observer) -> list[Check]:
    if not settings.embedded.exists():
        if (identity := identify_service(settings.ledger)) is not None and identity.store:
            text = f"{settings.embedded}, with the documents that the ledger {settings.ledger} knows, is gone"
            way = "put it back from a copy, or move that ledger away: then the next upload starts anew"
            return [Check("store", Health.PROBLEM, text, way)]
        text = f"{settings.embedded} does not exist yet; the first upload makes it"
        return [Check("store", Health.OK, text)]
    if settings.lost or not ledger_exists(settings.ledger):
        if not documents_named(settings.embedded, settings.store):
            text = f"{settings.embedded} holds nothing of this library yet; the first upload changes that"
            return [Check("store", Health.OK, text)]
        return [_lost("store", f"{settings.embedded} holds documents of this library, whose ledger is gone")]
    command = Command("doctor", records=False, store=StoreNeed.EXISTING, create_ledger=False)
    async with open_app(settings, command, observer=observer) as app:
        assert app.service is not None
        vectors = await app.service.vectors()
        contents = f"{app.store}, {vectors.total} passages, {vectors.done} searchable by meaning"
    return [Check("store", Health.OK, contents)]


def _lost(name: str, text: str) -> Check:
    advice = f"`{advise('rebuild')}` makes the ledger again from the store, and sends nothing"
    return Check(name, Health.PROBLEM, text, advice)


async def _service(settings: Settings) -> list[Check]:
    key = "no key (a fixed dummy)" if settings.api_key == DUMMY_KEY else "an API key is set"
    endpoint = Endpoint(settings.base_url, settings.api_key, settings.api_version)
    try:
        async with open_client(endpoint) as client:
            stores = await client.stores.find(settings.store)
    except GeminiError as error:
        return [_refused(error, settings.base_url)]
    if (settings.lost or not ledger_exists(settings.ledger)) and any(
        store.active or store.pending for store in stores
    ):
        return [
            _lost(
                "store",
                f"the store {settings.store} at {settings.base_url} holds documents, and there is no ledger",
            )
        ]
    return [Check("service", Health.OK, f"{settings.base_url} answers, {key}, {len(stores)} such store")]


def _refused(error: GeminiError, base_url: str) -> Check:
    """Judge the set-up by an error of the service. An answer about a quota proves the address and the key right."""
    fine = f"{base_url} and the API key are fine"
    match error.kind:
        case ErrorKind.DAILY_QUOTA:
            return Check("service", Health.PROBLEM, str(error), f"{fine}; the daily quota is used up")
        case ErrorKind.STORE_FULL:
            return Check("service", Health.PROBLEM, str(error), f"{fine}; the store is full")
        case ErrorKind.RATE_LIMIT:
            pause = math.ceil(error.retry_after or 0)
            when = f"in {pause} s" if pause else "in a moment"
            return Check(
                "service", Health.WARNING, str(error), f"{fine}; it is asked too fast: try again {when}"
            )
        case _ if error.connect:
            return Check("service", Health.PROBLEM, str(error))  # which says what to check
        case _:
            return Check("service", Health.PROBLEM, str(error), f"check {base_url} and the API key")


def first_line(group: BaseExceptionGroup[Exception]) -> str:
    """The message of the first error in a group."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) if isinstance(first, ObjlibError | OSError) else f"unexpected {first!r}"
