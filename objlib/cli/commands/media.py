"""``objlib media``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from objlib.cli.config import load_settings
from objlib.cli.options import Common, option
from objlib.core.errors import Exit, UsageError
from objlib.sources import working_folder


def media(
    action: Annotated[Literal["get"], option("get: write it to a file")],
    name: Annotated[str, option("The name that the citation gives: fileSearchStores/STORE/media/ID")],
    /,
    *,
    output: Annotated[
        Path | None, option("File to write; it must not exist (default: the id, in this folder)")
    ] = None,
    options: Common = None,
) -> int:
    """Get the picture that a citation names, as it was uploaded.

    Searches in a store that takes pictures print the name; with --json it is the member media.
    """
    settings = load_settings(options)
    from objlib.cli.render.media import media_lines
    from objlib.cli.runner import run, show
    from objlib.core.reports.media import MediaReport
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.search.media import get_media

    command = Command("media", records=False, store=StoreNeed.EXISTING, create_ledger=False, disk=False)
    picture = run(settings, command, partial(get_media, name=name))
    target = working_folder() / (output or f"{name.rpartition('/')[2]}{picture.suffix}")
    try:
        with target.open("xb") as file:
            file.write(picture.content)
    except FileExistsError:
        raise UsageError(f"{target} exists; name another file with --output") from None
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}; use --output") from None
    report = MediaReport(name, picture.mime_type, len(picture.content), str(target))
    show(settings, "media", report, partial(media_lines, report))
    return Exit.OK
