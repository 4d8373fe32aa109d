"""The pages in a real browser: by mouse, by keyboard, narrow and dark, and as assistive technology reads them."""

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.browser import chromium, needs_chromium, served_pages
from tests.support.library import LECTURES, library_settings, small_library

pytestmark = needs_chromium

LONG = "\n".join(f"Line {number} of a long lecture." for number in range(1, 120))
FILES = LECTURES | {
    "Ethics/long.md": f"{LONG}\n\nWhere the tortoise waits for Achilles.\n\n{LONG}\n",
    "empty.md": "",
    "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}
PLACES = (
    "/", "/?q=stranger", "/?q=nothing-like-that", "/ask", "/ask?q=how+far+may+a+stranger+count", "/library",
    "/library?path=Ethics", "/library?state=indexed", "/runs", "/problems", "/settings", "/nothing",
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
    with served_pages(library_settings(folder, FILES)) as address:
        context = browser.new_context(base_url=address.partition("?")[0])
        page = context.new_page()
        page.goto(address)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_narrow_screen(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/library?path=Ethics")
    document = page.get_by_role("link", name="pond.md").get_attribute("href")
    for place in (*PLACES, f"{document}?from=6&to=8"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, place
        found = Axe().run(page).response["violations"]
        assert [
            (each["id"], each["impact"], [node["html"] for node in each["nodes"]]) for each in found
        ] == [], place
