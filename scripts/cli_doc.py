"""Redraw the generated parts of ``docs/cli.md`` from the app and the registry of settings: ``just docs``.

The usage and options of each command, the common options and the settings stand between ``<!-- name -->`` and
``<!-- end -->`` lines; the prose around them is written by hand. ``tests/cli/test_docs.py`` fails when page and
code differ.
"""

import re
from pathlib import Path

from objlib.cli.overview import NAMES
from objlib.core.config.registry import SETTINGS
from scripts.cli_reference import Option, common_options, describe

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"


def command(name: str) -> str:
    """Render the usage, description, own options and examples of one command."""
    it = describe(name)
    lines = [f"```text\n{it.usage}\n```", "", sentences(it.text)]
    if it.options:
        lines += ["", "| option | meaning |", "| --- | --- |", *map(_row, it.options)]
    lines += ["", "| example | what it does |", "| --- | --- |"]
    lines += [f"| `objlib {typed}` | {does} |" for typed, does in it.examples]
    return "\n".join(lines)


def sentences(text: str) -> str:
    """Put each sentence of a text on a line of its own."""
    joined = re.sub(r"(?<=[^\n.:])\n(?=\S)", " ", text)
    return re.sub(r"(?<=\.) (?=[A-Z])", "\n", joined)


def common() -> str:
    """Render the options of every command."""
    return "\n".join(["| option | meaning |", "| --- | --- |", *map(_row, common_options())])


def settings() -> str:
    """Render every setting with its names in each source."""
    rows = [
        f"| {setting.about} | {f'`{setting.option}`' if setting.flag else ''} | `{setting.variable}` "
        f"| {f'`{setting.key}`' if setting.key else ''} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| what | flag | variable | in `objlib.toml` |", "| --- | --- | --- | --- |", *rows])


def render(page: str) -> str:
    """Return the page with each generated part replaced by what the code says now."""
    parts = {name: command(name) for name in NAMES} | {"common": common(), "settings": settings()}
    for name, text in parts.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise SystemExit(
                f"{PAGE} has no part between <!-- {name} --> and <!-- end -->; put the two lines back"
            )
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def _row(option: Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.names)
    notes = [option.help.replace("|", "\\|")]
    if option.choices:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in option.choices))
    if option.default is not None:
        notes.append(f"default `{option.default}`")
    if option.variable:
        notes.append(f"variable `{option.variable}`")
    return f"| {names}{f' {option.value}' if option.value else ''} | {'; '.join(notes)} |"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
