"""Write a man page for objlib and one for each command: ``just docs`` puts them into ``dist/man/man1``.

``man -l dist/man/man1/objlib-upload.1`` shows one; ``MANPATH`` finds all of them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from objlib.cli.overview import ABOUT, COMMANDS
from objlib.core.config.registry import SETTINGS
from objlib.core.errors import Exit
from objlib.version import __version__
from scripts.cli_reference import Command, Option, common_options, describe

FOLDER = Path(__file__).parent.parent / "dist" / "man" / "man1"


def pages() -> Iterator[tuple[str, str]]:
    """The name of each file, and its text in the man macros."""
    yield "objlib.1", overview_page()
    for name, _, about in COMMANDS:
        yield f"objlib-{name}.1", command_page(describe(name), about)


def overview_page() -> str:
    """The page of the program: its commands, the options of all of them, its settings and exit codes."""
    commands = [("objlib-" + name + "(1)", about) for name, _, about in COMMANDS]
    codes = [(str(int(code)), code.name.lower().replace("_", " ")) for code in Exit]
    variables = [(setting.variable, setting.about) for setting in SETTINGS]
    return _page(
        "objlib",
        ABOUT,
        [
            ("SYNOPSIS", [r"\fBobjlib\fR COMMAND [OPTIONS]"]),
            ("COMMANDS", _terms(commands)),
            ("OPTIONS OF EVERY COMMAND", _options(common_options())),
            ("ENVIRONMENT", _terms(variables)),
            ("EXIT STATUS", _terms(codes)),
        ],
    )


def command_page(command: Command, about: str) -> str:
    """The page of one command."""
    title, _, rest = command.text.partition("\n\n")
    sections = [
        ("SYNOPSIS", [_roff(command.usage)]),
        ("DESCRIPTION", _paragraphs("\n\n".join(filter(None, [title, rest])))),
    ]
    if command.options:
        sections.append(("OPTIONS", _options(command.options)))
    sections += [
        ("EXAMPLES", _terms((f"objlib {typed}", does) for typed, does in command.examples)),
        ("SEE ALSO", [r"\fBobjlib\fR(1), which has the options of every command and the exit codes."]),
    ]
    return _page(f"objlib-{command.name}", about, sections)


def _page(name: str, about: str, sections: Iterable[tuple[str, list[str]]]) -> str:
    lines = [f'.TH {name.upper()} 1 "" "objlib {__version__}" "objlib"', ".SH NAME"]
    lines.append(f"{_roff(name)} \\- {_roff(about.rstrip('.'))}")
    for title, body in sections:
        lines += [f'.SH "{title}"', *body]
    return "\n".join(lines) + "\n"


def _options(options: Iterable[Option]) -> list[str]:
    return _terms(
        (", ".join(option.names) + f" {option.value}".rstrip(), _meaning(option)) for option in options
    )


def _meaning(option: Option) -> str:
    notes = [option.help]
    if option.choices:
        notes.append(f"one of {', '.join(option.choices)}")
    if option.default is not None:
        notes.append(f"{option.default} by default")
    if option.variable:
        notes.append(f"also {option.variable}")
    return "; ".join(notes)


def _terms(terms: Iterable[tuple[str, str]]) -> list[str]:
    return [line for term, meaning in terms for line in (".TP", rf"\fB{_roff(term)}\fR", _roff(meaning))]


def _paragraphs(text: str) -> list[str]:
    lines = []
    for paragraph in text.split("\n\n"):
        lines += [".PP", _roff(" ".join(paragraph.split()))]
    return lines


def _roff(text: str) -> str:
    """``text`` with what roff would take for a command or a hyphen made plain."""
    plain = text.replace("\\", r"\(rs").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return re.sub(r"^([.])", r"\\&\1", plain)


def main() -> None:
    """Write all pages, and remove those of commands that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.1"):
        old.unlink()
    for name, text in pages():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
