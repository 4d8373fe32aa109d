"""``objlib watch`` as a long-lived process: signals, settings that are read again, and word to its supervisor."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import trio

from objlib.api import Library, open_library
from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.watch.changes import watch_folder
from objlib.watch.loop import TIMING, Timing, Watch


async def serve_watch(
    load: Callable[[], Settings], *, prune: bool, observer: Observer, timing: Timing = TIMING
) -> None:
    """Watch until SIGINT or SIGTERM; SIGHUP reads the settings again.

    The first signal lets the run in progress finish what is in flight, the second ends it at once.

    Args:
        load: gives the settings, anew at each SIGHUP.
        prune: whether the documents of files that are gone are removed.
        observer: hears what the runs do.
        timing: how long the loop waits.
    """
    settings = load()
    while True:
        notify_supervisor("READY=1")
        again = await _watch(settings, prune=prune, observer=observer, timing=timing)
        if not again:
            notify_supervisor("STOPPING=1")
            return
        notify_supervisor("RELOADING=1")
        settings = load()


async def watch_library(library: Library, *, prune: bool = False, observer: Observer | None = None) -> None:
    """Keep the store in step with the folder of an open library until the task is cancelled.

    What a cancelled run left is finished by the next one.

    Args:
        library: the open library.
        prune: whether the documents of files that are gone are removed, after the grace of the settings.
        observer: hears of failures, in one line each; runs are heard by the observer of the library.
    """
    observer = observer or Observer()
    watch = Watch(library, prune=prune, observer=observer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(watch_folder, library.settings, watch.changed, observer))
        await watch.run()


async def _watch(settings: Settings, *, prune: bool, observer: Observer, timing: Timing) -> bool:
    """Watch with these settings; whether a SIGHUP ended it."""
    reload = False
    with trio.open_signal_receiver(*_signals()) as received:
        async with open_library(settings, observer=observer) as library, trio.open_nursery() as nursery:
            watch = Watch(library, prune=prune, observer=observer, timing=timing)
            nursery.start_soon(_run_to_end, watch, nursery.cancel_scope)
            nursery.start_soon(partial(watch_folder, settings, watch.changed, observer))
            async for number in received:
                if watch.stopping:
                    nursery.cancel_scope.cancel(reason="a second signal came")
                reload = number == getattr(signal, "SIGHUP", None)
                watch.stop()
    return reload


async def _run_to_end(watch: Watch, others: trio.CancelScope) -> None:
    await watch.run()
    others.cancel(reason="the watch is over")


def _signals() -> list[signal.Signals]:
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


def notify_supervisor(state: str) -> None:
    """Send one line to the socket that systemd names in NOTIFY_SOCKET (sd_notify(3)); nothing without one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
