"""``objlib metrics``."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

from objlib.cli.config import load_settings
from objlib.cli.console.output import print_lines
from objlib.cli.options import Common, option
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.sources import working_folder


def metrics(
    *,
    file: Annotated[
        Path | None, option("Write to this file at once, for a collector that reads files")
    ] = None,
    options: Common = None,
) -> int:
    """Print the state of the library for Prometheus: files by state, the last success, what waits."""
    settings = load_settings(options)
    from objlib.api import open_library
    from objlib.cli.runner import run_without_app
    from objlib.metrics import exposition

    async def work(observer: Observer) -> bytes:
        async with open_library(settings, observer=observer) as library:
            text, _ = exposition(await library.metrics())
            return text

    text = run_without_app(settings, work, changes=False)
    if file is None:
        print_lines(text.decode().splitlines())
    else:
        _replace(working_folder() / file, text)
    return Exit.OK


def _replace(path: Path, text: bytes) -> None:
    """Write a file so that a reader sees the old text or the new one, and never a part.

    It is readable for all, since the collector is another user; it holds counts and the path of the library.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as part:
            part.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise UsageError(f"--file: cannot write {path}: {error.strerror or error}") from None
