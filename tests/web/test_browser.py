"""The pages in a real browser: by mouse, by keyboard, narrow and dark, and as assistive technology reads them."""

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.testing.databases import damage_database
from tests.support.browser import chromium, needs_chromium, served_pages
from tests.support.library import LECTURES, library_settings, small_library
from tests.support.web import Gate

pytestmark = needs_chromium

LONG = "\n".join(f"Line {number} of a long lecture." for number in range(1, 120))
HOSTILE = "".join(
    f"{line}\n"
    for line in (
        "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
        "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x9b2J a bell",
        "\u202ereversed\u202c and \u2067never closed, tortoises",
        "]]> --> </li></ol></main> &lt;b&gt;",
    )
)
FILES = LECTURES | {
    "hostile <b onclick=x> \u202eftxt.exe.md": HOSTILE,
    "Ethics/long.md": f"{LONG}\n\nWhere the tortoise waits for Achilles.\n\n{LONG}\n",
    "empty.md": "",
    "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}
PLACES = (
    "/?q=stranger", "/ask?q=how+far+may+a+stranger+count", "/library?path=Ethics", "/runs", "/problems", "/plan",
    "/differences?compare=1", "/settings?check=1", "/stores?delete=tests", "/", "/library", "/nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser that has opened the address with the token."""
    folder = tmp_path_factory.mktemp("pages")

    async def upload() -> None:
        async with small_library(folder, FILES, uploaded=True):
            pass

    trio.run(upload)
    with served_pages(library_settings(folder, FILES)) as pages:
        context = browser.new_context(base_url=pages.address.partition("?")[0])
        page = context.new_page()
        page.goto(pages.address)
        yield context
        context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab in which no script may fail, and nothing may be asked of another server."""
    page = context.new_page()
    problems: list[str] = []

    def watch_console(line: ConsoleMessage) -> None:
        if "Content Security" in line.text:
            problems.append(line.text)

    def watch_request(request: Request) -> None:
        if not request.url.startswith(context.pages[0].url):
            problems.append(request.url)

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", watch_console)
    page.on("request", watch_request)
    yield page
    page.close()
    assert problems == []


def test_a_hit_opens_its_document_at_the_marked_line(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").fill("where does the tortoise wait for achilles")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="long.md").first.click()
    cited = page.locator(".cited", has_text="tortoise")
    expect(cited).to_be_in_viewport()
    expect(cited.locator("mark").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("long.md")


def test_the_keyboard_alone_goes_from_the_box_to_the_line(page: Page) -> None:
    page.goto("/library")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("stranger")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=stranger**")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".hits > li.current")).to_contain_text("pond.md")
    page.keyboard.press("Enter")
    page.wait_for_url("**/doc/**")
    expect(page.locator(".cited").first).to_be_in_viewport()


def test_a_page_without_script_leads_as_far(browser: Browser, context: BrowserContext) -> None:
    cookies: Any = context.cookies()
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(cookies)
    page = plain.new_page()
    page.goto(f"{context.pages[0].url}")
    page.get_by_role("searchbox").fill("how far may a stranger count")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="pond.md").click()
    expect(page.locator(".cited mark").first).to_be_in_viewport()
    plain.close()


def findings(page: Page, **options: Any) -> list[tuple[str, str, str]]:
    """The faults that axe-core finds on a page: rule, impact, and the first place."""
    options = {"resultTypes": ["violations"], **options}
    faults = Axe().run(page, options=options).response["violations"]
    return [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in faults]


def test_a_hostile_document_breaks_no_page(page: Page) -> None:
    for place in ("/?q=tortoises+never+closed", "/ask?q=tortoises+never+closed", "/library"):
        page.goto(place)
        assert page.title().endswith("objlib")
        expect(page.get_by_role("link", name="hostile")).to_be_visible()
        # What stands behind the name is where it would be without it: the marks in it turn nothing else.
        assert page.evaluate("getComputedStyle(document.querySelector('main bdi')).unicodeBidi") == "isolate"
        assert page.locator("main script, main img").count() == 0
    page.get_by_role("link", name="hostile").click()
    expect(page.locator(".lines > li")).to_have_count(4)
    expect(page.locator(".lines > li").nth(1)).to_contain_text("␛[31mred")
    assert "\u202e" not in page.title()
    assert "owned" not in page.title()
    expect(page.get_by_role("complementary", name="About this file")).to_be_visible()


def test_a_run_is_watched_to_its_end_and_what_it_left_is_mended(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, gate = tmp_path_factory.mktemp("written"), Gate()
    settings = library_settings(folder, LECTURES, prune_grace=0.0)
    overrides = Overrides(signals=False, options=Options(middleware=(gate.middleware(),)))
    trio.run(scan, settings)
    with served_pages(settings, write=True, overrides=overrides) as pages:
        context = browser.new_context(base_url=pages.address.partition("?")[0])
        page = context.new_page()
        page.goto(pages.address)
        page.goto("/runs")
        page.get_by_role("button", name="Upload now").click()
        run = page.locator(".run")
        expect(run.locator("[aria-current=step]")).to_have_text("upload", timeout=30_000)
        expect(run).to_contain_text("0 of 3 files")
        expect(page.get_by_role("button", name="Finish what is in flight")).to_be_visible()
        assert findings(page) == []
        pages.call(gate.opened.set)
        expect(page.get_by_role("status")).to_contain_text("is done: 3 sent", timeout=30_000)

        with damage_database(settings.ledger) as db:  # as a run leaves a file that met a passing fault
            failure = '{"kind": "transient", "message": "no answer", "retryable": true}'
            change = "UPDATE files SET gemini_state = 'failed', failure_info = ?, last_error = 'no answer'"
            db.execute(f"{change} WHERE file_path = 'Ethics/debt.md'", (failure,))
        page.goto("/problems")
        expect(page.get_by_role("heading", name="1 failed")).to_be_visible()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("status")).to_contain_text("is done", timeout=30_000)
        page.goto("/problems")
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()

        (settings.library / "Mind/bat.md").unlink()
        page.goto("/plan")
        page.get_by_label("Type 1 to apply it").fill("1")
        assert findings(page) == []
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("status")).to_contain_text("1 removed", timeout=30_000)
        context.close()


async def scan(settings: Settings) -> None:
    """Make the ledger that the pages look into."""
    async with open_library(settings) as library:
        await library.scan()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_narrow_screen(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/library?path=Ethics")
    document = page.get_by_role("link", name="pond.md").get_attribute("href")
    places = [f"{document}?from=6&to=8", *PLACES]
    for place in places if scheme == "light" else places[:7]:
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, place
        assert findings(page, **({} if scheme == "light" else {"runOnly": ["color-contrast"]})) == [], place


def test_a_question_is_answered_on_the_page_and_its_address_can_be_kept(page: Page) -> None:
    page.goto("/ask")
    # The browser puts the cursor into the field when it first draws it, which may be after the page has loaded.
    expect(page.get_by_label("Ask the library a question")).to_be_focused()
    page.keyboard.type("how far may a stranger count")
    page.keyboard.press("Enter")
    expect(page.locator(".answer-text .chip").first).to_be_visible()
    assert page.url.endswith("/ask?q=how+far+may+a+stranger+count&filter=")
    assert Axe().run(page).violations_count == 0
    text = page.locator(".answer-text").inner_text()
    page.reload()
    assert page.locator(".answer-text").inner_text() == text
    page.get_by_label("Ask the library a question").fill("")
    page.locator("details.filter summary").click()
    page.locator("input#filter").fill("year =")
    page.get_by_label("Ask the library a question").fill("stranger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("--filter")
    page.go_back()
    expect(page.locator(".answer-text .chip").first).to_be_visible()
