"""Questions to several libraries, each asked in turn: a request of the service takes five stores at most."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from objlib.cli.options import CommonOptions
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, ObjlibError, UsageError
from objlib.core.reports.answers import AnswerReport, LibraryAnswer
from objlib.sources import data_folder


def libraries_asked(options: CommonOptions | None, *, everywhere: bool) -> list[CommonOptions]:
    """The options of each library that is asked: those that are named, or every one that is known and there.

    Raises:
        UsageError: ``--all`` and a library contradict each other, or an option is for one library; or none is known.
    """
    given = options or CommonOptions()
    if not everywhere:
        folders = list(dict.fromkeys(given.library or ()))
        several = [replace(given, library=(folder,)) for folder in folders] or [given]
    elif given.library:
        raise UsageError("--all asks every library; leave out --library")
    else:
        from objlib.catalog import Catalog

        known = [
            each.root
            for each in Catalog(data_folder()).libraries()
            if each.root.is_dir() and any(ledger.path.is_file() for ledger in each.ledgers)
        ]
        if not known:
            raise UsageError("no library is known yet, so --all asks none")
        several = [replace(given, library=(root,)) for root in known]
    single = {"--ledger": given.ledger, "--store": given.store, "--embedded-store": given.embedded_store}
    for flag in (flag for flag, value in single.items() if value is not None and len(several) > 1):
        raise UsageError(f"{flag} is for one library, and {len(several)} are asked; leave it out")
    return several


def ask_each(
    several: Sequence[CommonOptions],
    load: Callable[[CommonOptions], Settings],
    ask: Callable[[Settings], AnswerReport],
) -> list[LibraryAnswer]:
    """The report of each library; one that cannot be asked is named on stderr, and the others are asked.

    Raises:
        ObjlibError: none could be asked, or the user stopped it.
    """
    from objlib.cli.console.errors import print_message
    from objlib.engine.sessions import one_error

    answers: list[LibraryAnswer] = []
    failures: list[tuple[str, ObjlibError]] = []
    for options in several:
        folder = str(options.folder)
        try:
            settings = load(options)
            folder = str(settings.library)
            with one_error():
                answers.append(LibraryAnswer(folder, ask(settings)))
        except ObjlibError as error:
            if error.exit_code is Exit.INTERRUPTED:
                raise
            failures.append((folder, error))
    if not answers:
        raise failures[0][1]  # such as a filter that none understands
    for name, failure in failures:
        print_message(f"{name}: {failure}")
    return answers
