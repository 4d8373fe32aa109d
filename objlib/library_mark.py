"""The mark of a library: a copy of its entry in the catalog, in its folder of the data folder, beside its store.

The embedded store outlives a ledger and a catalog that are deleted, but cannot say whose it is. From its mark the
catalog is made again with the lost ledger in it, so that the next upload stops instead of making a second store.
"""

import json
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from objlib.core.config.known import KnownLedger, KnownLibrary
from objlib.core.library.paths import root_of_text, text_of_root
from objlib.sqlite.private import make_folder

MARK_NAME: Final = "library.json"
"""The file's name in the folder of a library."""
_MOST_BYTES: Final = 1 << 20
"""Bytes of a mark at most; one has some hundreds."""


def write_mark(library: KnownLibrary) -> None:
    """Write the mark of a library, as a whole or not at all; nothing where it says the same already.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(_body(library), indent=1) + "\n"
    path = library.folder / MARK_NAME
    with suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8") == text:
            return
    make_folder(library.folder)
    with NamedTemporaryFile("w", encoding="utf-8", prefix=".mark-", dir=library.folder, delete=False) as file:
        part = Path(file.name)  # of mode 0600
        try:
            file.write(text)
            file.flush()
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def read_mark(folder: Path) -> KnownLibrary | None:
    """The library whose mark is in ``folder``; None where there is none that can be read."""
    try:
        path = folder / MARK_NAME
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        body = json.loads(path.read_text(encoding="utf-8"))
        return KnownLibrary(
            library_id=_text(body["library_id"]),
            root=root_of_text(_text(body["root"])),
            folder=folder,
            config=_path(body["config"]),
            ledgers=tuple(
                KnownLedger(
                    path=root_of_text(_text(each["path"])),
                    ledger_id=_text(each["ledger_id"]),
                    service=_text(each["service"]),
                    embedded=_path(each["embedded"]),
                    store=_text(each["store"]),
                )
                for each in body["ledgers"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def holds_mark_alone(folder: Path) -> bool:
    """Whether there is nothing but a mark in the folder of a library."""
    return [each.name for each in folder.iterdir()] == [MARK_NAME]


def remove_marked_folder(folder: Path) -> None:
    """Remove a folder that :func:`holds_mark_alone`."""
    (folder / MARK_NAME).unlink()
    folder.rmdir()


def _body(library: KnownLibrary) -> dict[str, object]:
    return {
        "library_id": library.library_id,
        "root": text_of_root(library.root),
        "config": _optional(library.config),
        "ledgers": [
            {
                "path": text_of_root(ledger.path),
                "ledger_id": ledger.ledger_id,
                "service": ledger.service,
                "embedded": _optional(ledger.embedded),
                "store": ledger.store,
            }
            for ledger in library.ledgers
        ],
    }


def _optional(path: Path | None) -> str | None:
    return None if path is None else text_of_root(path)


def _path(value: object) -> Path | None:
    return None if value is None else root_of_text(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
