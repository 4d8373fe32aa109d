"""Numbers with their nouns, for sentences."""


def plural(count: int, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``, ``1,200 files``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
