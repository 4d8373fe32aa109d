"""``objlib watch``."""

from functools import partial
from typing import Annotated, Literal

from objlib.cli.commands.sync import PruneGrace
from objlib.cli.commands.upload import EmbedSeconds
from objlib.cli.config import load_settings
from objlib.cli.console.output import print_lines
from objlib.cli.detached import detach
from objlib.cli.options import Common, Embedder, LibraryPath, option, switch
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.sources import LibraryNeed, require_folder

Kind = Literal["systemd", "systemd-timer", "launchd", "cron", "task-scheduler"]


def watch(
    path: LibraryPath = None,
    /,
    *,
    prune: Annotated[bool, switch("Also remove documents of files that are gone, after the grace")] = False,
    prune_grace: PruneGrace = None,
    embed_seconds: EmbedSeconds = None,
    embedder: Embedder = None,
    print_unit: Annotated[Kind | None, option("Print what starts it with the machine, and end")] = None,
    options: Common = None,
) -> int:
    """Keep the store in step with a folder until it is stopped: each change is uploaded once it is quiet.

    A run inside it is like any other, with the same ledger, limits and guards.
    """
    load = partial(
        load_settings,
        options,
        path=path,
        place=LibraryNeed.NEW,
        prune_grace=prune_grace,
        embed_seconds=embed_seconds,
        embedder=embedder,
    )
    settings = load()
    require_folder(settings)
    if print_unit is not None:
        from objlib.watch.units import UNITS

        command, unit = UNITS[print_unit]
        text = unit(detach(settings, command, *(["--prune"] if prune else [])))
        print_lines(text.splitlines())
        return Exit.OK
    _serve(settings, load, prune=prune)
    return Exit.OK


def _serve(settings: Settings, load: partial[Settings], *, prune: bool) -> None:
    from objlib.cli.runner import run_without_app
    from objlib.watch.serve import serve_watch

    async def work(observer: Observer) -> None:
        await serve_watch(load, prune=prune, observer=observer)

    run_without_app(settings, work, events=True)
