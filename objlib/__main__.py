"""Entry points. ``--version`` and ``--help`` are answered before anything is imported that takes time."""

import sys


def main() -> int:
    """``objlib``: run the command line of this process and give back its exit code."""
    return _run(sys.argv[1:])


def fsm_upload() -> int:
    """``fsm-upload ARGS`` is ``objlib upload ARGS``."""
    return _run(["upload", *sys.argv[1:]])


def _run(argv: list[str]) -> int:
    if argv in (["--version"], ["upload", "--version"]):
        return _version()
    if argv in ([], ["--help"], ["-h"], ["help"]):
        from objlib.cli.overview import print_overview

        return print_overview()
    _leave_lightly()
    if argv[:1] == ["complete"]:
        from objlib.cli.complete import complete

        return complete(argv[1:])
    try:
        from objlib.cli.app import run

        return run(argv)
    except KeyboardInterrupt:  # before or after the part that handles it
        return 130


def _leave_lightly() -> None:
    """Spare the interpreter the search for garbage on its way out; it is most of the time from result to exit.

    What is open has been closed by then, each thing by the block that opened it, so a collector could only give
    memory back that the process is about to give back as a whole. The rest of the shutdown (other exit handlers,
    flushing, threads) is as ever, which is why this is not ``os._exit``.
    """
    import atexit
    import gc

    atexit.register(gc.freeze)


def _version() -> int:
    from objlib.cli.overview import write
    from objlib.version import __version__

    return write(f"objlib {__version__}\n")


if __name__ == "__main__":
    sys.exit(main())
