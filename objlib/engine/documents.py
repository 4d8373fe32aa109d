"""The documents of the library: a page of a folder, and the text of one file."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

from objlib.core.errors import UsageError
from objlib.core.ids import FileId
from objlib.core.library.decode import UnreadableError, decode
from objlib.core.library.mime import is_text_type
from objlib.core.library.paths import disk_path
from objlib.core.lifecycle.table import State
from objlib.core.reports.documents import DocumentEntry, DocumentText, Facets, FolderEntry, FolderListing
from objlib.engine.app import App
from objlib.engine.failed_files import state_of
from objlib.engine.scan.read_file import open_regular
from objlib.engine.scan.scope import Scope
from objlib.ledger import FileRow

MAX_SHOWN: Final = 8 * 1024 * 1024
"""Bytes of a file whose text is shown; a larger one is opened with another program."""
LIST_PAGE: Final = 200
"""Files of one page of a listing where the caller does not say."""

MAX_VALUES: Final = 25
"""Values of one key of metadata that are listed; one that a single document has filters nothing and is not."""


async def list_documents(
    app: App,
    folder: str = "",
    *,
    state: State | None = None,
    deep: bool = False,
    after: str = "",
    limit: int = LIST_PAGE,
) -> FolderListing:
    """A page of the files on disk in a folder of the library, by path.

    Args:
        folder: relative to the library; empty for the library itself.
        state: only files in this state; None for all.
        deep: whether the files of its subfolders are listed too.
        after: where the page before ended.
        limit: files of the page, at most.
    """
    folder = folder.strip("/")
    rows = await app.ledger.files.listed(folder, state=state, deep=deep, after=after, limit=limit + 1)
    below = [] if deep or after else await app.ledger.files.subfolders(folder)
    prefix = f"{folder}/" if folder else ""
    return FolderListing(
        folder=folder,
        folders=tuple(
            FolderEntry(prefix + each.name, each.files, each.size, each.indexed, each.failed)
            for each in below
        ),
        documents=tuple(_entry(row) for row in rows[:limit]),
        after=rows[limit - 1].file_path if len(rows) > limit else "",
    )


async def read_document(app: App, path: str, *, first: int = 1, count: int | None = None) -> DocumentText:
    """The text of a file, by lines.

    Args:
        path: relative to the library, or a file's id.
        first: number of the first line, from 1.
        count: lines, at most; None for all.

    Raises:
        UsageError: the ledger knows no such file.
    """
    row = await app.ledger.files.by_path(path) or await app.ledger.files.get(FileId(path))
    if row is None:
        raise UsageError(f"the library has no file {path}; a listing has the paths there are")
    document = await app.files(partial(_read, Scope.of(app.settings), row))
    start = max(0, first - 1)
    stop = None if count is None else start + count
    return replace(document, lines=document.lines[start:stop], first=start + 1)


async def list_facets(app: App) -> Facets:
    """The metadata of the documents in the store, for a view that offers them as filters."""
    keys: dict[str, list[tuple[str | float, int]]] = {}
    for key, value, documents in await app.ledger.files.facets(limit=MAX_VALUES):
        keys.setdefault(key, []).append((value, documents))
    return Facets({key: tuple(values) for key, values in keys.items()})


def _entry(row: FileRow) -> DocumentEntry:
    return DocumentEntry(
        path=row.file_path,
        file_id=row.file_id,
        state=state_of(row),
        size=row.size,
        changed=row.state is State.INDEXED and row.content_hash != row.indexed_hash,
        error=row.last_error or "" if row.state is State.FAILED else "",
        metadata=dict(row.metadata),
    )


def _read(scope: Scope, row: FileRow) -> DocumentText:
    """Read a file in one piece; what a scan would not read is not opened."""
    document = DocumentText(
        path=row.file_path,
        file_id=row.file_id,
        state=state_of(row),
        mime_type=row.mime_type,
        size=row.size,
        metadata=dict(row.metadata),
    )
    absent = scope.absent(row)
    if absent is not None:
        return replace(document, note=f"it {absent.reason}")
    if not is_text_type(row.mime_type):
        return replace(document, note=f"a file of type {row.mime_type} has no lines")
    try:
        with open_regular(disk_path(scope.root, row)) as source:
            data = source.read(MAX_SHOWN + 1)
    except OSError as error:
        return replace(document, note=f"it cannot be read: {error.strerror or error}")
    if len(data) > MAX_SHOWN:
        return replace(document, note=f"it is larger than {MAX_SHOWN // 1024**2} MB")
    try:
        text = decode(data).text
    except UnreadableError as error:
        return replace(document, note=str(error))
    lines = tuple(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n"))
    stale = row.indexed_hash is not None and sha256(data).hexdigest() != row.indexed_hash
    note = "it changed since it was indexed; a search finds the older version" if stale else ""
    return replace(document, lines=lines, total=len(lines), note=note)
