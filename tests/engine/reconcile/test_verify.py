"""`verify`: a sample of files on disk, in the ledger and in the store."""

import os
from pathlib import Path

import pytest

from objlib.cli.console.terminal import Terminal
from objlib.cli.render.verify import verify_lines
from objlib.core.config.settings import Settings
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.reports.plan import Action
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.plan.run import RunOptions, plan_run
from objlib.engine.reconcile.verify import verify
from objlib.engine.status import explain
from objlib.engine.upload.run import upload
from objlib.gemini import GeminiError
from objlib.testing import DOWN, Faults, refusal
from objlib.testing.databases import raw
from tests.support.engine import Opener, alter, ledger_rows
from tests.support.scenario import Scenario


async def test_what_agrees_costs_a_request_a_file_and_nothing_is_changed(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    await scenario.index()
    before, held = faults.count.copy(), ledger_rows(settings)
    async with opened("verify", need=StoreNeed.EXISTING) as app:
        report = await verify(app, sample=4)
        assert (report.checked, report.of, report.drift, report.unanswered) == (4, 10, {}, 0)
        assert dict(faults.count - before) == {"store": 1, "document": 4}
        assert (await verify(app, sample=None)).checked == 10
        assert (await verify(app, sample=500)).checked == 10
        assert [run.command for run in await app.ledger.runs.all()] == ["upload"]
    assert ledger_rows(settings) == held


async def test_each_difference_is_one_finding(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
        rows = {row.file_path: row for row in await app.ledger.files.page()}
    paths = sorted(rows)
    (library / paths[0]).unlink()
    (library / paths[1]).write_text("other words\n")
    alter(settings, rows[paths[2]].document or "", state="FAILED")
    async with opened("verify", need=StoreNeed.EXISTING) as app:
        await app.client.documents.delete(rows[paths[3]].document or "")
        (library / paths[3]).unlink()
        report = await verify(app, sample=None)
    assert [(line.path, line.kind) for line in report.findings] == [
        (paths[0], "missing_on_disk"),
        (paths[1], "changed_on_disk"),
        (paths[2], "broken"),
        (paths[3], "ghost"),
        (paths[3], "missing_on_disk"),
    ]
    assert report.drift == {"broken": 1, "changed_on_disk": 1, "ghost": 1, "missing_on_disk": 2}


async def test_an_unreachable_service_is_no_drift_and_the_disk_is_still_checked(
    scenario: Scenario, opened: Opener, library: Path, faults: Faults
) -> None:
    await scenario.index()
    min(library.rglob("*.txt")).unlink()
    faults.script = lambda what, _count: DOWN if what == "document" else None
    async with opened("verify", need=StoreNeed.EXISTING) as app:
        report = await verify(app, sample=None)
    assert (report.unanswered, report.drift) == (10, {"missing_on_disk": 1})
    faults.script = lambda what, _count: (
        refusal(401, "UNAUTHENTICATED", "bad key") if what == "document" else None
    )
    with pytest.RaisesGroup(GeminiError, flatten_subgroups=True, allow_unwrapped=True):
        async with opened("verify", need=StoreNeed.EXISTING) as app:
            await verify(app, sample=1)


async def test_the_advice_for_a_file_that_changed_without_a_trace_sends_it(
    scenario: Scenario, opened: Opener, library: Path
) -> None:
    await scenario.index()
    async with opened() as app:
        target = next(library.rglob("lecture 0.txt"))
        before = target.stat()
        text = target.read_bytes()
        target.write_bytes(text[::-1])
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        # As on a file system without ctime.
        ctime = target.stat().st_ctime_ns
        await raw(app.ledger).write(lambda conn: conn.execute("UPDATE files SET ctime_ns = ?", (ctime,)))
        report = await verify(app, sample=None)
    assert report.drift == {"changed_on_disk": 1}
    assert "`objlib upload --checksum` sends it" in "\n".join(verify_lines(report, Terminal(width=100)))
    async with opened() as app:
        await upload(app, checksum=True)
        assert (await verify(app, sample=None)).drift == {}


async def test_what_became_of_a_file_is_one_word_for_verify_explain_and_the_plan(
    opened: Opener, library: Path
) -> None:
    async with opened() as app:
        await upload(app)
    gone, replaced, ruled = sorted(library.rglob("*.txt"))[:3]
    gone.unlink()
    replaced.unlink()
    replaced.mkdir()
    (library / ".objlibignore").write_text(f"{ruled.name}\n", encoding="utf-8")
    async with opened() as app:  # before any scan
        report = await verify(app, sample=None)
        explained = {
            path: (await explain(app, name_of(library, path))).explanation for path in (gone, replaced, ruled)
        }
    kinds = {finding.path: finding.kind for finding in report.findings}
    assert kinds == {
        name_of(library, gone): DriftKind.MISSING_ON_DISK,
        name_of(library, replaced): DriftKind.REPLACED,
        name_of(library, ruled): DriftKind.LEFT_OUT,
    }
    async with opened(dry_run=True) as app:
        plan = (await plan_run(app, RunOptions(grace=0))).plan
    assert plan is not None
    reasons = {step.path: step.reason for step in plan.steps if step.action is Action.DELETE}
    for path, words in (
        (gone, "gone from disk"),
        (replaced, "there is a folder in its place"),
        (ruled, "left out by the rule"),
    ):
        assert words in reasons[name_of(library, path)]
        assert reasons[name_of(library, path)][1:] in explained[path]
        assert "`objlib sync --prune` removes its document after the grace" in explained[path]


def name_of(library: Path, path: Path) -> str:
    return path.relative_to(library).as_posix()
