"""Write the documentation as a site: ``just docs`` puts it into ``dist/site``, from the same pages that a clone has.

Each Markdown page becomes one HTML page; links between pages lead to pages, and links to code are text. The site has
no script and loads nothing from elsewhere, so that it can be opened from disk.
"""

import html
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "dist" / "site"
STYLE = ROOT / "objlib" / "web" / "static" / "style.css"
FIRST = ("README.md", "docs/cli.md", "docs/search.md", "docs/api.md", "docs/fleet.md", "docs/twin.md")
"""The pages that the navigation names first; the others follow by name."""
PICTURES = frozenset({".png", ".svg", ".json"})
"""The files that stand beside the pages: pictures, and the dashboard that a monitor imports."""
OWN_STYLE = """
main { max-width: 60rem; margin: 0 auto; }
pre code { padding: 0; background: none; }
pre, table { display: block; max-width: 100%; overflow-x: auto; }
img { max-width: 100%; height: auto; }
"""
"""The rules that long pages of prose and tables need beyond the style of the application."""
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} - objlib</title>
<link rel="stylesheet" href="{up}style.css"></head>
<body><header><div class="bar"><nav aria-label="Pages">
{links}
</nav></div></header>
<main id="main">
{body}
</main></body></html>
"""


def sources() -> list[Path]:
    """The pages of the repository, in the order of the navigation."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    names = {page.relative_to(ROOT).as_posix(): page for page in found}
    return [names.pop(name) for name in FIRST] + [names[name] for name in sorted(names)]


def target(page: Path) -> PurePosixPath:
    """Where a page stands in the site: its folder's own page is the one that a browser opens first."""
    path = PurePosixPath(page.relative_to(ROOT).as_posix())
    return path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html")


def pages() -> Iterator[tuple[PurePosixPath, str]]:
    """The place and the HTML of each page."""
    known = {page: target(page) for page in sources()}
    titles = {page: _title(page.read_text("utf-8")) for page in known}
    current = ' aria-current="page"'
    listed = [page for page in known if "adr" not in page.parts or page.name == "README.md"]
    for page, place in known.items():
        up = "../" * (len(place.parts) - 1)
        links = "\n".join(
            f'<a href="{up}{known[other]}"{current if other == page else ""}>{html.escape(titles[other])}</a>'
            for other in listed
        )
        body = _render(page, known)
        yield place, PAGE.format(title=html.escape(titles[page]), up=up, links=links, body=body)


def _title(text: str) -> str:
    match = re.search(r"^# (.+)$", text, re.MULTILINE)
    return match[1] if match else "objlib"


def _render(page: Path, known: dict[Path, PurePosixPath]) -> str:
    reader = MarkdownIt("commonmark").enable("table")
    tokens = reader.parse(page.read_text("utf-8"))
    seen: set[str] = set()
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(tokens[at + 1].content, seen))
        for inline in token.children or ():
            _lead(inline, page, known)
    return str(reader.renderer.render(tokens, reader.options, {}))


def _anchor(heading: str, seen: set[str]) -> str:
    """The name that links to a heading use: in lower case, with hyphens for blanks."""
    name = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
    while name in seen:
        name += "-1"
    seen.add(name)
    return name


def _lead(token: Token, page: Path, known: dict[Path, PurePosixPath]) -> None:
    """Let a link to a page lead to its HTML; one to a file of the repository alone leads nowhere."""
    attribute = {"link_open": "href", "image": "src"}.get(token.type)
    if attribute is None:
        return
    address = str(token.attrs[attribute])
    if re.match(r"[a-z]+:|#", address):
        return
    path, _, anchor = address.partition("#")
    other = Path(os.path.normpath(page.parent / path))
    if other in known:
        relative = os.path.relpath(known[other], known[page].parent).replace(os.sep, "/")
        token.attrSet(attribute, relative + (f"#{anchor}" if anchor else ""))
    elif token.type == "link_open" and other.suffix not in PICTURES:
        token.attrs.pop(attribute)


def main() -> None:
    """Write the site anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for place, text in pages():
        path = FOLDER / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (FOLDER / "style.css").write_text(STYLE.read_text("utf-8") + OWN_STYLE, encoding="utf-8")
    for picture in (ROOT / "docs").rglob("*"):
        if picture.suffix in PICTURES:
            copy = FOLDER / picture.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, copy)


if __name__ == "__main__":
    main()
