"""Write the table of options that completion goes by: ``python -m scripts.completion_table``."""

from pathlib import Path
from typing import Any, Final, get_args

from objlib.cli.app import app
from objlib.cli.overview import NAMES

TABLE: Final = Path(__file__).parent.parent / "objlib/cli/completion_table.py"
HEAD: Final = '''"""The options of each command, for completion; made by ``just docs`` from the commands themselves.

A name leads to the kind of its value (empty for a switch) and to its text.
"""

from typing import Final

Options = dict[str, tuple[str, str]]
'''
COMMON: Final = "Common options"


def table() -> str:
    """The text of the module."""
    common: dict[str, tuple[str, str]] = {}
    own: dict[str, dict[str, tuple[str, str]]] = {}
    for command in NAMES:
        own[command] = {}
        for argument in app[command].assemble_argument_collection():
            if not argument.show:
                continue
            groups: Any = argument.parameter.group or ()
            shared = any(group.name == COMMON for group in groups)
            about = " ".join((argument.parameter.help or "").split()).partition(" [env:")[0]
            for name in (name for name in argument.names if name.startswith("-")):
                kind = "" if name.startswith("--no-") else _kind(argument)
                (common if shared else own[command])[name] = (kind, about)
    lines = [HEAD, "COMMON: Final[Options] = {", *_rows(common, "    "), "}"]
    lines += ["OPTIONS: Final[dict[str, Options]] = {"]
    for command, options in own.items():
        lines += [f'    "{command}": {{', *_rows(options, "        "), "    },"] if options else []
    return "\n".join([*lines, "}"]) + "\n"


def _rows(options: dict[str, tuple[str, str]], indent: str) -> list[str]:
    return [
        f"{indent}{_text(name)}: ({_text(kind)}, {_text(about)})," for name, (kind, about) in options.items()
    ]


def _text(text: str) -> str:
    return repr(text) if '"' in text else f'"{text}"'


def _kind(argument: Any) -> str:
    hint = str(argument.hint)
    if "bool" in hint or argument.token_count()[0] == 0:
        return ""
    if "Literal" in hint:
        return " ".join(_choices(argument.hint))
    if "Path" in hint:
        return ":files"
    return "value"


def _choices(hint: Any) -> list[str]:
    found: list[str] = []
    for each in get_args(hint):
        found += [each] if isinstance(each, str) else _choices(each)
    return found


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
