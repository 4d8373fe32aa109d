"""``objlib stores``."""

import sys
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from objlib.cli.commands.upload import EmbeddingModel
from objlib.cli.config import load_settings
from objlib.cli.console.terminal import is_terminal
from objlib.cli.options import Common, CommonOptions, DryRun, EveryStep, option, require_dry_run, switch
from objlib.core.config.settings import Settings
from objlib.core.counting import plural
from objlib.core.errors import Exit, RefusedError, UsageError
from objlib.core.events import Observer
from objlib.core.reports.stores import StoreDeletion


def stores(
    action: Annotated[
        Literal["list", "create", "delete", "adopt"],
        option("list them; create or delete one; adopt documents of another tool"),
    ] = "list",
    name: Annotated[
        str | None, option("Name of the store; adopt takes the library's own without one")
    ] = None,
    /,
    *,
    embedding_model: EmbeddingModel = None,
    yes: Annotated[bool, switch("With delete: do not ask for the name of the store to be typed")] = False,
    others: Annotated[
        int | None,
        option("With delete: how many documents that are not of this library go with it", metavar="N"),
    ] = None,
    by_name: Annotated[
        int | None,
        option("With adopt: how many documents that fit by name and size alone are taken over", metavar="N"),
    ] = None,
    dry_run: DryRun = False,
    every_step: EveryStep = False,
    options: Common = None,
) -> int:
    """List the stores of the service with their sizes and libraries; create, delete or adopt.

    To delete a store, its name is typed, or --yes given. With documents of others in it, their number is needed too.
    adopt lets files take over documents that another tool uploaded: those with the same bytes at once; those with the
    same name and size after you looked at them, with their number. Nothing is sent or deleted by it.
    """
    require_dry_run(dry_run, every_step)
    given = {"--others": others is not None, "--yes": yes}
    for flag in (flag for flag, there in given.items() if there and action != "delete"):
        raise UsageError(f"{flag} is for objlib stores delete; leave it out")
    if by_name is not None and action != "adopt":
        raise UsageError("--by-name is for objlib stores adopt; leave it out")
    for flag, number in (("--others", others), ("--by-name", by_name)):
        if number is not None and number < 0:
            raise UsageError(f"{flag} must be 0 or more, not {number}")
    match action:
        case "list" if name is not None:
            raise UsageError(f"objlib stores list takes no name: leave out {name!r}")
        case "list":
            return _list(options)
        case "adopt":
            return _adopt(options, name, by_name=by_name, dry_run=dry_run, every_step=every_step)
        case _ if name is None:
            raise UsageError(f"objlib stores {action} needs the name of a store")
        case "create":
            return _create(options, name, embedding_model, dry_run=dry_run)
        case "delete":
            return _delete(options, name, yes=yes, others=others, dry_run=dry_run)


def _list(options: CommonOptions | None) -> Exit:
    settings = load_settings(options)
    from objlib.cli.render.stores import store_list_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.stores.inventory import list_stores

    report = run(
        settings,
        Command("stores", records=False, store=StoreNeed.SERVICE, disk=False, dry_run=True),
        list_stores,
    )
    show(settings, "stores", report, partial(store_list_lines, report), asked=True)
    return Exit.OK


def _create(options: CommonOptions | None, name: str, model: str | None, *, dry_run: bool) -> Exit:
    settings = load_settings(options, embedding_model=model)
    from objlib.cli.render.stores import store_made_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.stores.inventory import make_store

    command = Command("stores", records=False, store=StoreNeed.SERVICE, disk=False, dry_run=dry_run)
    report = run(settings, command, lambda app: make_store(app, name))
    show(settings, "stores-create", report, partial(store_made_lines, report))
    return Exit.OK


def _delete(
    options: CommonOptions | None, name: str, *, yes: bool, others: int | None, dry_run: bool
) -> Exit:
    settings = load_settings(options)
    from objlib.cli.render.stores import deletion_lines
    from objlib.cli.runner import run_without_app, show
    from objlib.engine.stores.deletion import delete_store, plan_deletion

    async def plan(observer: Observer) -> StoreDeletion:
        return await plan_deletion(settings, name, observer=observer)

    async def delete(observer: Observer) -> StoreDeletion:
        return await delete_store(settings, name, others=others or 0, observer=observer)

    if dry_run or not yes:
        report = run_without_app(settings, plan, changes=False)
        if dry_run:
            show(settings, "stores-delete", report, partial(deletion_lines, report), dry_run=True)
            return Exit.OK
        others = _confirm(settings, report, others)
    report = run_without_app(settings, delete)
    show(settings, "stores-delete", report, partial(deletion_lines, report), dry_run=False)
    return Exit.OK


def _confirm(settings: Settings, report: StoreDeletion, others: int | None) -> int:
    """Let the user type the name of the store and, where it holds documents of others, their number.

    Raises:
        RefusedError: something else was typed, or there is no terminal.
    """
    from objlib.cli.console.errors import write_stderr
    from objlib.cli.console.terminal import terminal_of
    from objlib.cli.render.stores import deletion_lines

    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)) or settings.json:
        raise RefusedError(
            f"the store {report.display_name} with {plural(report.documents, 'document')} is not deleted without "
            "--yes, or its name typed at a terminal"
        )
    write_stderr("".join(f"{line}\n" for line in deletion_lines(report, terminal_of(sys.stderr))))
    _ask(f"Type {report.display_name} to delete it: ", report.display_name)
    if report.foreign and others is None:
        _ask(f"Type {report.foreign} to delete the documents of others too: ", str(report.foreign))
        return report.foreign
    return others or 0


def _ask(question: str, answer: str) -> None:
    from objlib.cli.console.errors import write_stderr
    from objlib.cli.console.terminal import safe

    write_stderr(safe(question))
    if sys.stdin.readline().strip() != answer:
        raise RefusedError("that is something else; nothing was deleted")


def _adopt(
    options: CommonOptions | None, name: str | None, *, by_name: int | None, dry_run: bool, every_step: bool
) -> Exit:
    if name is not None:
        options = replace(options or CommonOptions(), store=name)
    settings = load_settings(options)
    from objlib.cli.render.stores import adoption_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.stores.adoption import adopt_documents
    from objlib.sources import require_folder

    require_folder(settings)
    command = Command("stores-adopt", records=True, store=StoreNeed.EXISTING, dry_run=dry_run)
    report = run(settings, command, partial(adopt_documents, by_name=by_name))
    lines = partial(adoption_lines, report, reviewed=by_name is not None, complete=every_step)
    show(settings, "stores-adopt", report, lines)
    return Exit.DRIFT if report.by_name and by_name is None and not dry_run else Exit.OK
