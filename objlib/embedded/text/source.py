"""Source code to text: as it stands, with the names of what it defines as headings."""

import re
from typing import Final

from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import MAX_HEADING

_DEFINES: Final = re.compile(
    r"""\n[ \t]{0,8}
    (?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]{1,9}\))?|unsafe|
        override|virtual|sealed|partial|open|data|inline|const)[ ]){0,4}
    (?:def|class|struct|enum|trait|impl|interface|module|namespace|func|fun|fn|function|defmodule|object|record|protocol|
        extension|subroutine|procedure|CREATE[ ](?:TABLE|VIEW|FUNCTION|PROCEDURE)|create[ ](?:table|view|function))
    [ ]+ (?:\([^()\n]{1,80}\)[ ]?)? ([\w$.:<>]{1,100})""",
    re.VERBOSE,
)
_FIRST: Final = 1000
"""Characters in which a definition of the first line is looked for: twice the longest."""
_CODE: Final = frozenset(
    """
    application/dart application/ecmascript application/ms-java application/sql application/typescript
    application/x-php application/x-powershell text/javascript text/jsx text/php text/tsx text/x-boo text/x-c
    text/x-c++hdr text/x-c++src text/x-chdr text/x-coffeescript text/x-csharp text/x-csrc text/x-cuda text/x-d
    text/x-dsrc text/x-go text/x-java text/x-java-source text/x-kotlin text/x-lua text/x-objcsrc text/x-pascal
    text/x-perl text/x-perl-script text/x-python text/x-python-script text/x-ruby-script text/x-rust text/x-scala
    text/x-script.python text/x-sql text/x-swift text/x-vbasic
    """.split()
)


def is_code(kind: str) -> bool:
    """Whether a MIME type is that of a language with definitions."""
    return kind in _CODE


def code_text(text: str) -> Extracted:
    """The text with the start of each definition as a heading, so that a passage begins there."""
    first = _DEFINES.match("\n" + text[:_FIRST])  # of a large text no copy
    found = [(0, first[0])] if first else []
    found += [(match.start() + 1, match[0]) for match in _DEFINES.finditer(text)]
    headings = tuple((at, " ".join(line.split())[:MAX_HEADING]) for at, line in found)
    return Extracted(text, headings=headings)
