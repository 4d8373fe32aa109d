"""One safeguard taken out: the edit, and the test that has to notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is taken out, where, and the test that has to notice."""

    name: str
    file: str
    old: str
    new: str
    test: str
