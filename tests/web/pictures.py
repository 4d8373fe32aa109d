"""Pictures of every page, to be looked at: ``python -m tests.web.pictures FOLDER``, or ``just pages``.

The pages are those of the example library, offline, in a state in which each of them has something to show.
"""

import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import trio
from playwright.sync_api import Browser, Page

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.reports.runs import RunProgress
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.testing.databases import damage_database
from tests.house.tree import ROOT
from tests.support.browser import chromium, served_pages
from tests.support.library import library_settings
from tests.support.web import Gate

SCHEMES: Final = ("light", "dark")
WIDTHS: Final = {"wide": (1200, 800), "narrow": (320, 640)}
PLACES: Final = {
    "start": "/",
    "search": "/?q=what+do+we+owe+to+strangers",
    "ask": "/ask?q=is+a+slave+free+when+nobody+stands+in+his+way",
    "library": "/library",
    "folder": "/library?path=Ethics/Year+2021/Q2",
    "problems": "/problems",
    "plan": "/plan",
    "differences": "/differences?compare=1",
    "stores": "/stores",
    "delete": "/stores?delete=tests",
    "settings": "/settings?check=1",
    "error": "/doc/none",
    "runs": "/runs",
}
"""The pages by the name of their picture; that of a document is found through a search."""


def example(folder: Path) -> Settings:
    """The example library in ``folder``, with a file that changed, one that is gone, one that failed, one skipped."""
    shutil.copytree(ROOT / "examples/library", folder / "library")
    patterns = ("{course}/Year {year}/{quarter}/{lecture}.txt", "{course}/Year {year}/{quarter}/{lecture}.md")
    settings = replace(
        library_settings(folder, {"Ethics/cover.bin": bytes(range(256)) * 9}),
        patterns=patterns,
        embed_seconds=60.0,
        prune_grace=0.0,
    )

    async def upload() -> None:
        async with open_library(settings) as library:
            await library.upload()
            root = settings.library
            (root / "Politics/Year 2019/Q2/01 Why obey.txt").unlink()
            (root / "Mind/Year 2022/Q2/01 Could I have done otherwise.txt").write_text("Shorter.\n", "utf-8")
            await library.scan()

    trio.run(upload)
    with damage_database(settings.ledger) as db:
        failure = '{"kind": "transient", "message": "no answer", "retryable": true}'
        change = "UPDATE files SET gemini_state = 'failed', failure_info = ?, last_error = ? WHERE file_path LIKE ?"
        db.execute(change, (failure, "the service did not answer within 60 s", "%moral luck%"))
    return settings


def fake_progress(settings: Settings) -> None:
    """Give the run that goes on a past of some minutes, so that its picture has something to show."""
    now = time.time()
    with damage_database(settings.ledger) as db:
        (run,) = db.execute("SELECT run_id FROM runs WHERE ended IS NULL ORDER BY started DESC").fetchone()
        db.execute("UPDATE runs SET started = ? WHERE run_id = ?", (now - 420, run))
        for at in range(0, 420, 5):
            throttled = 0 if at < 200 else 6 if at < 215 else 8
            requests = round(at * 4.2 + (at / 60) ** 2 - max(0, at - 200) * 1.4)
            progress = RunProgress(
                "upload", at * 2, at * 60_000, 1_650, 49_500_000, {"scan": 1_877, "upload": at * 2},
                at * 60_000, requests, throttled, 3.1, 0.0, 4,
            )  # fmt: skip
            sample = (run, now - 420 + at, json.dumps(asdict(progress)))
            db.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?)", sample)


def take(page: Page, folder: Path, name: str) -> None:
    """Take a picture of a page in both schemes and both widths."""
    for width, (across, down) in WIDTHS.items():
        page.set_viewport_size({"width": across, "height": down})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


def take_for_readme(page: Page, folder: Path, name: str) -> None:
    """Take the picture of a page for the README: as much as a window shows, small enough for git."""
    page.set_viewport_size({"width": 1100, "height": 620})
    page.emulate_media(color_scheme="light")
    page.screenshot(path=folder / f"readme-{name}.png")


def take_all(browser: Browser, folder: Path) -> None:
    """Take the pictures of all pages."""
    with tempfile.TemporaryDirectory() as place:
        settings, gate = example(Path(place)), Gate()
        overrides = Overrides(signals=False, options=Options(middleware=(gate.middleware(),)))
        with served_pages(settings, write=True, overrides=overrides) as pages:
            context = browser.new_context(base_url=pages.address.partition("?")[0])
            page = context.new_page()
            page.goto(pages.address)
            for name, address in PLACES.items():
                page.goto(address)
                take(page, folder, name)
                if name in {"search", "ask"}:
                    take_for_readme(page, folder, name)
            page.goto(PLACES["search"])
            page.locator(".hits a").first.click()
            take(page, folder, "document")
            page.reload()
            take_for_readme(page, folder, "document")
            page.goto("/runs")
            page.get_by_role("button", name="Upload now").click()
            page.locator(".run").wait_for()
            fake_progress(settings)
            page.locator(".run .chart").wait_for()
            take(page, folder, "live")
            pages.call(gate.opened.set)
            page.locator("text=is done").wait_for()
            take(page, folder, "runs-after")


def main(arguments: list[str]) -> None:
    """Write the pictures into the folder of the arguments."""
    folder = Path(arguments[0] if arguments else tempfile.gettempdir()) / "objlib-pages"
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        take_all(browser, folder)
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
