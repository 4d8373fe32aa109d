"""The error of a format whose reader is an extra that is not installed."""

from typing import Final

from objlib.core.library.decode import UnreadableError

HOW_TO_GET: Final = "pip install 'objlib[{}]'"
"""How an extra is installed."""


class UnindexableError(UnreadableError):
    """The file is as it should be, and holds no text that is read here."""


class MissingReaderError(UnindexableError):
    """The reader of the format is not installed."""

    def __init__(self, kind: str, extra: str = "formats") -> None:
        how = HOW_TO_GET.format(extra)
        super().__init__(
            f"{kind} files of this kind need a reader that is not installed: run {how}, "
            "then upload with --retry-failed"
        )
