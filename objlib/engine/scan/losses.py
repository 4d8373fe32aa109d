"""Parts of a file that are not kept as metadata, or not searchable."""

from collections.abc import Sequence
from pathlib import Path

from objlib.core.library.decode import UnreadableError
from objlib.core.library.front_matter import HEAD
from objlib.core.library.metadata import document_metadata
from objlib.core.library.paths import disk_path
from objlib.core.library.patterns import PathPattern
from objlib.engine.scan.read_file import MAX_DOCUMENT, open_regular
from objlib.ledger import FileRow


def losses(root: Path, row: FileRow, patterns: Sequence[PathPattern], *, embedded: bool) -> tuple[str, ...]:
    """Read a file as the scan and the embedded store do: one line for each thing that they leave out, with the reason.

    Blocks. Empty for a file that cannot be opened; of the text only where the store is the embedded one.
    """
    try:
        with open_regular(disk_path(root, row)) as source:
            data = source.read(MAX_DOCUMENT if embedded else HEAD)
    except OSError:
        return ()
    lines = [f"metadata: {line}" for line in document_metadata(row.file_path, data[:HEAD], patterns).dropped]
    if embedded:
        from objlib.embedded.text.extract import extract  # noqa: PLC0415 - `explain` alone needs it

        try:
            lines += extract(data, mime_type=row.mime_type, name=row.file_path).remarks
        except UnreadableError as error:
            lines.append(str(error))
    return tuple(lines)
