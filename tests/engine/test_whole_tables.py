"""No command reads a whole table of the ledger, but for those of a named list; every statement is planned."""

from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
import trio

import objlib.ledger
from objlib.core.config.settings import Settings
from objlib.core.errors import GuardRejectedError, StaleTransitionError
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.adoption import Adoption
from objlib.core.lifecycle.table import State
from objlib.engine.app import App
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.compact import compact
from objlib.engine.documents import list_documents, list_facets
from objlib.engine.ledger_copy import check, dump
from objlib.engine.plan.run import RunOptions, plan_run
from objlib.engine.reconcile.rebuild import rebuild
from objlib.engine.reconcile.verify import verify
from objlib.engine.recover import recover
from objlib.engine.run_list import list_runs, report_run
from objlib.engine.runs import HEARTBEAT
from objlib.engine.search.ask import search
from objlib.engine.status import explain, status
from objlib.ledger import (
    Move,
    ToRead,
    copy_ledger,
    files_with_content,
    identify,
    open_ledger,
    restore_ledger,
    summarize,
)
from objlib.ledger.copying import TABLES
from objlib.testing.databases import damage_database
from tests.support.engine import Opener, checked, repaired
from tests.support.scenario import Scenario
from tests.support.statements import Statements, recorded, senders

BOTH_DATABASES = True

ALL_FILES: Final = "it is about all files, and is asked once for each command"
NOTES: Final = "the notes of one scan, which are all of one use"
FEW: Final = "a handful of rows: the runs of this ledger, and the listings under way"
WHOLE: Final = "it reads the whole ledger, as it was asked to"

READ_WHOLE: Final = {
    "checks.py CheckTable.findings": WHOLE,
    "comparison.py ComparisonTable.groups": "pages of two sorted lists, each read by its index from a given place",
    "comparison.py ComparisonTable.indexed_total": ALL_FILES,
    "compaction.py CompactionTable.thin": "pages of the history of all files",
    "compaction.py CompactionTable.thin_intents": WHOLE,
    "compaction.py CompactionTable.thin_runs": FEW,
    "connection.py connect": "the list of tables of a file, which tells a ledger from another database",
    "copying.py column_names": "no row is read",
    "copying.py pages": WHOLE,
    "deletions.py DeletionTable.begin": "one file by its id; of so few files PostgreSQL takes any index",
    "dump.py read_dump": "the list of tables of a new private database",
    "files.py FileTable.backlog": ALL_FILES,
    "files.py FileTable.facets": ALL_FILES,
    "files.py FileTable.metadata_keys": ALL_FILES,
    "files.py FileTable.some": "a sample that is spread over all files, asked once for each command",
    "files.py _states": ALL_FILES,
    "listings.py ListingTable.begin": FEW,
    "adoptions.py AdoptionTable.adopt": "asks for each document whether any file has it; done once, on purpose",
    "adoptions.py AdoptionTable.files": ALL_FILES,
    "adoptions.py AdoptionTable.held": "documents of other tools have no index; asked once for each comparison",
    "adoptions.py AdoptionTable.titled": "the same, for a citation without our mark",
    "rebuild.py RebuildTable.refuse_files": ALL_FILES,
    "rebuild.py RebuildTable.restore": WHOLE,
    "runs.py RunTable.all": FEW,
    "runs.py RunTable.progress": FEW,
    "runs.py RunTable.start": FEW,
    "runs.py RunTable.stops": FEW,
    "scan/apply.py _page": NOTES,
    "scan/apply.py entangled_renames": NOTES,
    "scan/diff.py _drop_blocked": NOTES,
    "scan/diff.py _find_movers": NOTES,
    "scan/diff.py _match": NOTES,
    "scan/diff.py _plan": "all files are compared with all notes",
    "scan/diff.py changes": NOTES,
    "scan/diff.py counts": NOTES,
    "scan/diff.py nothing_left": ALL_FILES,
    "scan/diff.py prepare": NOTES,
    "scan/diff.py renames": NOTES,
    "scan/diff.py vanished": "asked only where a scan saw no file at all",
    "scan/patterns.py PatternTable.use": "new metadata patterns describe all files anew",
    "scan/session.py ScanSession.note_files": "one row of constants",
    "server.py copy_privately": "the list of tables of a new private database",
    "server.py read_settings.<locals>.<lambda>": "all settings, which are few",
    "summary.py _files_with_content": "asked where a new folder may be one that was moved",
    "summary.py _summarize": ALL_FILES,
    "transfer.py _copy": FEW,
    "transfer.py _copy.<locals>.fill": "one row of each table",
    "transfer.py _settle": FEW,
}
"""Functions that read a table, or a whole index, from end to end; and why they may."""

UNSENT: Final = {
    "identity.py _read_settings": "a look into a file from outside; all settings",
    "rebuild.py RebuildTable.adopt": "documents of a lost ledger, each by the state of its file",
    "server.py read_settings": "it hands its statement on",
}
"""Functions whose statements the scenario does not send."""


async def test_no_statement_reads_a_whole_table(
    opened: Opener,
    scenario: Scenario,
    settings: Settings,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with recorded(monkeypatch) as statements:
        await a_library_lives(opened, scenario)
        async with opened("recover") as app:
            await everything_is_asked(app)
        await the_ledger_is_moved(settings, tmp_path)
        await the_ledger_is_lost(opened, settings)
    judge(statements, database)


def judge(statements: Statements, database: str) -> None:
    """Every function of the ledger has sent its statements, and reads no more than it may."""
    # A module of its own opens a ledger in a database.
    here = {name for name in READ_WHOLE if database == "postgres" or not name.startswith("server.py")}
    package = {
        name
        for name in senders(Path(objlib.ledger.__file__).parent)
        if database == "postgres" or not name.startswith("server.py")
    }
    assert package - statements.functions - set(UNSENT) == set()
    whole = {(function, what) for function, what in statements.whole if function not in READ_WHOLE}
    assert whole == set()
    assert here - statements.functions == set(), "functions that are no more"


async def a_library_lives(opened: Opener, scenario: Scenario) -> None:
    """Files come, change, move, are renamed in a circle, go, and are asked for."""
    await scenario.index()
    scenario.add(4)
    scenario.change()
    scenario.remove(2)
    more = scenario.library / "more"
    await scenario.index()
    (more / "00.txt").rename(more / "renamed.txt")
    for old, new in (("01.txt", "aside"), ("02.txt", "01.txt"), ("aside", "02.txt")):
        (more / old).rename(more / new)
    await scenario.index()
    await scenario.prune()
    async with opened("store-sync") as app:
        await checked(app)
        await repaired(app, metadata=True)
        await trio.sleep(2 * HEARTBEAT)
    async with opened("upload", dry_run=True) as app:
        await plan_run(app, RunOptions())
    async with opened("recover") as app:
        await recover(app)
        await verify(app)
        await status(app)
        await explain(app, "more/renamed.txt")
        await list_documents(app)
        await list_facets(app)
        await search(app, "virtue")
        await list_runs(app)
        await report_run(app, app.run_id)
        await check(app)
        await dump(app, BytesIO(), None)


async def everything_is_asked(app: App) -> None:
    """Ask what only rare turns of events ask."""
    ledger, run = app.ledger, app.run_id
    first, *_ = await ledger.files.page(State.INDEXED)
    listing = await ledger.listings.begin(store=app.store, run_id=run, alive=[], since=0.0)
    pair = Adoption(first.file_path, "document", "name", first.file_id, first.content_hash)
    guarded = replace(Move(first, run, new_attempt_id()).reset("as a test"), guard=lambda _: "no")
    for ask in (
        ledger.adoptions.files,
        ledger.adoptions.held,
        partial(ledger.adoptions.titled, "a title"),
        partial(ledger.adoptions.adopt, [pair], run_id=run),
        partial(ledger.claim, run, [new_attempt_id()], among=[first.file_id]),
        partial(ledger.listings.restart, listing.listing_id),
        partial(ledger.runs.ask_to_stop, run),
        ledger.attempts.pace,
        ledger.files.backlog,
        ledger.files.metadata_keys,
        partial(compact, app),
    ):
        await ask()
    with pytest.raises(GuardRejectedError):
        await ledger.apply(guarded)
    with pytest.raises(StaleTransitionError):
        await ledger.attempts.record_document(
            Move(first, run, new_attempt_id()), expected=None, document="document", surplus=()
        )
    async with ledger.scans.open() as session:
        await session.note_blind(["closed"])
        await session.note_read([(ToRead(1, "gone.txt", None, 1), None)])


async def the_ledger_is_moved(settings: Settings, folder: Path) -> None:
    """It is copied, dumped, restored, and looked into from outside, and as a private copy."""
    copy_ledger(settings.ledger, folder / "copy.db", dead=set(), now=1.0)
    summarize(folder / "copy.db")
    summarize(settings.ledger)
    identify(settings.ledger)
    files_with_content(folder / "copy.db", ["hash"])
    async with open_ledger(settings.ledger, create=False, private=True) as private:
        with (folder / "dump.jsonl").open("w+b") as file:
            await private.checks.dump(file, settings.ledger, 1.0)
    restore_ledger(folder / "dump.jsonl", folder / "restored.db", now=1.0)


async def the_ledger_is_lost(opened: Opener, settings: Settings) -> None:
    """All of its rows are gone, and are made again from the store."""
    with damage_database(settings.ledger) as db:
        for table in reversed(TABLES):
            db.execute(f"DELETE FROM {table}")
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        await rebuild(app)
