"""A command that another program starts later, without the shell, the folder and the variables of this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECRETS_FILE: Final = ".config/objlib/environment"
"""File below the home folder with variables that no printed text may hold, such as a key."""


@dataclass(frozen=True, slots=True)
class DetachedCommand:
    """A command with everything that decides what it works with.

    Attributes:
        words: the program and its arguments.
        folder: in which it starts.
        variables: that it needs beside its arguments.
        secrets: names of further variables, whose values are not for print.
    """

    words: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()
