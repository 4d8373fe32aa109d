"""The reports of commands, as plain values: the engine fills them, the command line renders them."""

from typing import Final

MAX_LISTED: Final = 1000
"""Entries of a list in a report at most: enough to act on, and JSON that stays readable. Counts are of all."""
