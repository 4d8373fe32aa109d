"""The man pages and the site of the documentation: whole, and without a dead link."""

import html.parser
import shutil
import subprocess
from pathlib import PurePosixPath
from typing import Any

import pytest

from objlib.cli.overview import NAMES
from scripts import doc_site, man_pages

GROFF = shutil.which("groff")


def test_every_command_has_a_man_page_that_names_its_options_and_examples() -> None:
    pages = dict(man_pages.pages())
    assert set(pages) == {"objlib.1", *(f"objlib-{name}.1" for name in NAMES)}
    assert r"\fB\-\-max\-delete LIMIT\fR" in pages["objlib-sync.1"]
    assert r"objlib sync \-\-prune \-\-dry\-run" in pages["objlib-sync.1"]
    assert r"\fBOBJLIB_LIBRARY\fR" in pages["objlib.1"]


@pytest.mark.skipif(GROFF is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_of_a_man_page() -> None:
    for name, text in man_pages.pages():
        assert GROFF is not None
        done = subprocess.run(
            [GROFF, "-man", "-Tutf8", "-ww", "-z"], input=text, text=True, capture_output=True, check=True
        )
        assert done.stderr == "", name


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        for name, value in attrs:
            if name in {"href", "src"}:
                self.targets.append(value)
            elif name == "id":
                self.ids.add(value)


def test_every_link_of_the_site_leads_to_a_page_and_a_heading() -> None:
    pages = {}
    for place, text in doc_site.pages():
        pages[place] = _Links()
        pages[place].feed(text)
    assert {PurePosixPath("index.html"), PurePosixPath("docs/cli.html")} <= set(pages)
    for place, page in pages.items():
        for target in page.targets:
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            parts: list[str] = []
            for part in (place.parent / path).parts if path else place.parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            other = PurePosixPath(*parts)
            if other in pages:
                assert not anchor or anchor in pages[other].ids, f"{place}: {target}"
            else:
                assert (doc_site.ROOT / other).is_file() or other.name == "style.css", f"{place}: {target}"
