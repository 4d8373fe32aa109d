"""One simulated world: a library, a ledger, a faulty service, and runs that die, freeze and race.

The world outlives its runs, on one virtual clock: the service answers clients that are dead, and acts on an
abandoned request a minute later. At the end the faults stop, one run settles everything, and the checker rules.
"""

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, assert_never

import trio

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import ObjlibError
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.embedded import Service, open_service
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.recover import recover
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.gemini import Endpoint, open_client
from objlib.testing.checker import Checker
from objlib.testing.databases import forget_sessions
from objlib.testing.failpoints import Died, Failpoints
from objlib.testing.faults import Faults
from objlib.testing.history import CHANGES, Request
from objlib.testing.library import LibraryFiles
from objlib.testing.nemesis import Nemesis
from objlib.testing.processes import ProcessTable
from objlib.testing.virtual import wall_clock
from objlib.testing.workload import Edit, Pause, Plan, Run, Runs
from objlib.threads import Runner, inline_runner

T = TypeVar("T")

URL: Final = "http://service.localhost"
DAY: Final = 86_400.0
ALL: Final = DeleteLimit(percent=100)
REQUEST_LIMIT: Final = 6_000
"""Requests of one world; one more means that a run loops without end."""
CALL_LIMIT: Final = 300_000
"""Blocking calls of one world, as :data:`REQUEST_LIMIT`; a day of heartbeats makes a tenth of it."""


@dataclass
class WorldResult:
    """The result of one world.

    Attributes:
        broken: every broken promise; empty for a sound world.
        log: the steps, for the user.
        counts: number of runs, deaths, ….
        points: number of crash points passed, by kind.
    """

    broken: list[str] = field(default_factory=list)
    history: list[Request] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)


class EndlessLoopError(Exception):
    """A run of a world makes requests or calls without end."""


async def simulate(plan: Plan, folder: Path) -> WorldResult:
    """Play ``plan`` in the empty ``folder``, and rule on the result.

    It runs under :func:`objlib.testing.virtual.run_virtual`.
    """
    result = WorldResult()
    async with _open_world(folder, result) as world:
        try:
            for step in plan:
                match step:
                    case Edit():
                        world.edit(step)
                    case Pause():
                        await world.pause(step)
                    case Runs():
                        await world.runs(step)
                    case _:
                        assert_never(step)
            await world.rest()
        except* EndlessLoopError:
            world.checker.broken.append("a run loops without end")
    result.broken += world.checker.broken
    result.history = world.faults.history
    result.counts["requests"] = len(result.history)
    result.counts["faults"] = sum(bool(request.action) for request in result.history)
    return result


@asynccontextmanager
async def _open_world(folder: Path, result: WorldResult) -> AsyncIterator["_World"]:
    settings = Settings(
        library=folder / "library",
        ledger=folder / "ledger.db",
        embedded=folder / "store.db",
        store="tortured",
        backend=Backend.GEMINI,
        base_url=URL,
        api_key="simulated",
        embed_seconds=0,
        settle_seconds=120,
        patterns=("{course}/Year {year}/{lecture}.txt",),
    )
    checker, table = Checker(settings.ledger_file, settings.embedded), ProcessTable()
    faults = Faults(watch=checker.watch)
    with table.installed():
        async with open_service(settings.embedded, runner=inline_runner, now=wall_clock) as service:
            async with faults.acting_late():
                world = _World(
                    settings, LibraryFiles(settings.library), service, faults, checker, table, result
                )
                await world.add_foreign_document()
                yield world


@dataclass
class _World:
    settings: Settings
    library: LibraryFiles
    service: Service
    faults: Faults
    checker: Checker
    table: ProcessTable
    result: WorldResult
    jumped: float = 0.0
    started: int = 0
    calls: int = 0

    def now(self) -> float:
        """Return the time on the machines of the runs; the service has its own clock."""
        return wall_clock() + self.jumped

    async def add_foreign_document(self) -> None:
        """Make the store, with a document of another program in it."""
        endpoint = Endpoint(URL, "someone-else", self.settings.api_version)
        async with open_client(endpoint, asgi=self.service.app) as client:
            store = (await client.stores.create(self.settings.store)).name
            session = await client.uploads.start(
                store, display_name="not ours", mime_type="text/plain", size=5, metadata={"author": "them"}
            )
            await client.uploads.send(session, b"theirs"[:5], offset=0, final=True)
        await trio.sleep(1)
        self.checker.note_foreign()
        self.faults.before = self._count

    def _count(self, _kind: str) -> None:
        if len(self.faults.history) > REQUEST_LIMIT:
            raise EndlessLoopError

    def edit(self, step: Edit) -> None:
        """Edit the library."""
        self.result.counts["edits"] += 1
        self._log(self.library.edit(step.kind, step.seed))

    async def pause(self, step: Pause) -> None:
        """Let time pass."""
        self._log(f"{step.seconds:g} s pass{', sessions are forgotten' if step.amnesia else ''}")
        if step.amnesia:
            forget_sessions(self.settings.embedded)
        await trio.sleep(step.seconds)

    async def runs(self, step: Runs) -> None:
        """Play runs at once, and wait until the last has ended or died."""
        nemesis = Nemesis(step.seed, step.density, wall_clock, honest=step.honest)
        self.faults.script, self.faults.travel = nemesis, nemesis.travel
        self._log(f"{len(step.runs)} at once, faults {step.density:.0%}")
        with trio.move_on_after(DAY) as day:
            async with trio.open_nursery() as nursery:
                for run in step.runs:
                    self.started += 1
                    nursery.start_soon(self._run, run, f"run{self.started}")
                for delay, edit in step.edits:
                    nursery.start_soon(_after, delay, self.edit, edit)
                if step.jump is not None:
                    nursery.start_soon(_after, step.jump[0], self._jump, step.jump[1])
        if day.cancelled_caught:
            self.checker.broken.append("a run did not end within a day")
        self.faults.script = lambda _kind, _count: None

    async def rest(self) -> None:
        """End the faults, let late actions happen and one run settle the rest, then rule."""
        self._log("no faults from here on")
        await self.faults.settled()
        await trio.sleep(130)
        await self._run(Run("upload"), "rest-upload", retry=True)
        self.checker.rule_on_edges()
        self.checker.rule_on_quiescence(self.library.contents(), self.library.written)
        for command in ("recover", "upload"):
            before = len(self.faults.history)
            await self._run(Run(command), f"again-{command}")
            changes = [one.kind for one in self.faults.history[before:] if one.kind in CHANGES]
            if changes:
                self.checker.broken.append(f"a second {command} was not idle: {Counter(changes)}")

    def _jump(self, seconds: float) -> None:
        self.jumped += seconds
        self._log(f"the clock jumps by {seconds:g} s")

    async def _run(self, run: Run, label: str, *, retry: bool = False) -> None:
        await trio.sleep(run.delay)
        process = self.table.spawn("elsewhere" if run.elsewhere else "here")
        self.table.become(process)
        failpoints = Failpoints(run.die_at, None if run.freeze_at is None else run.freeze_at[0])
        overrides = Overrides(
            now=self.now,
            runner=self._counted(failpoints),
            asgi=failpoints.app(self.faults.around(self.service.app, label)),
        )
        self.result.counts["runs"] += 1
        self._log(f"{label} starts: {run}")
        errors: list[BaseException] = []
        async with trio.open_nursery() as nursery:
            if run.freeze_at is not None:
                nursery.start_soon(self._thaw_after, failpoints, run.freeze_at[1], label)
            life = trio.CancelScope()
            failpoints.on_death = life.cancel
            try:
                with life:
                    command = Command(run.command, records=True, store=StoreNeed.CREATE)
                    async with open_app(self.settings, command, overrides=overrides) as app:
                        await _work(app, run, retry=retry)
            except (Exception, BaseExceptionGroup, Died) as error:
                errors += _leaves(error)
            process.alive = False
            nursery.cancel_scope.cancel(reason="the run is over")
        self.result.points += failpoints.points
        self._judge(errors, failpoints, label)

    def _counted(self, failpoints: Failpoints) -> Runner:
        async def run(fn: Callable[[], T], /) -> T:
            self.calls += 1
            if self.calls > CALL_LIMIT:
                raise EndlessLoopError
            return await failpoints.run(fn)

        return run

    async def _thaw_after(self, failpoints: Failpoints, seconds: float, label: str) -> None:
        await failpoints.frozen.wait()
        self.result.counts["freezes"] += 1
        self._log(f"{label} is frozen {failpoints.where} for {seconds:g} s")
        await trio.sleep(seconds)
        failpoints.thaw()

    def _judge(self, errors: list[BaseException], failpoints: Failpoints, label: str) -> None:
        """Accept a death or an error of ours; any other end of a run is a bug."""
        if failpoints.dead:
            self.result.counts["deaths"] += 1
            self._log(f"{label} died {failpoints.where}, point {failpoints.passed}")
            return
        self._log(f"{label} ended" + "".join(f"; {type(error).__name__}: {error}" for error in errors))
        for error in errors:
            if isinstance(error, EndlessLoopError):
                raise error
            if isinstance(error, ObjlibError):
                self.result.counts["errors"] += 1
            else:
                self.checker.broken.append(f"{label} ended with {type(error).__name__}: {error}")

    def _log(self, line: str) -> None:
        self.result.log.append(f"{trio.current_time():9.3f} {line}")


async def _work(app: App, run: Run, *, retry: bool) -> None:
    async with trio.open_nursery() as nursery:
        if run.stop_after is not None:
            nursery.start_soon(_after, run.stop_after, app.drain.stop)
        if run.command == "recover":
            await recover(app)
        elif run.command == "sync":
            await sync(app, prune_missing=True, grace=0, limit=ALL)
        elif run.command == "store-sync":
            await store_sync(app, apply=True, metadata=False, limit=ALL)
        else:
            await upload(app, limit=run.limit, retry_failed=retry)
        nursery.cancel_scope.cancel(reason="the work is done")


async def _after(seconds: float, act: Callable[..., None], *args: Any) -> None:
    await trio.sleep(seconds)
    act(*args)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def clear(folder: Path) -> None:
    """Empty a folder for the next world."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
