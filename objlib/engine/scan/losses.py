"""Parts of a file that are not kept as metadata, or not searchable."""

from pathlib import Path

from objlib.core.config.settings import Backend, Settings
from objlib.core.library.decode import UnreadableError
from objlib.core.library.front_matter import HEAD
from objlib.core.library.metadata import document_metadata
from objlib.core.library.paths import disk_path
from objlib.core.library.patterns import parse_patterns
from objlib.engine.scan.read_file import MAX_DOCUMENT, open_regular
from objlib.ledger import FileRow


def losses(settings: Settings, row: FileRow) -> tuple[str, ...]:
    """Read a file as the scan and the embedded store do: one line for each thing that they leave out, with the reason.

    Blocks. Empty for a file that a scan would not read; of the text only where the store is the embedded one.
    """
    embedded = settings.backend is Backend.EMBEDDED
    path = Path(disk_path(settings.library, row))
    try:
        if not (settings.follow_links or path.resolve().is_relative_to(settings.library.resolve())):
            return ()
        with open_regular(str(path)) as source:
            data = source.read(MAX_DOCUMENT if embedded else HEAD)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links
        return ()
    metadata = document_metadata(row.file_path, data[:HEAD], parse_patterns(settings.patterns))
    lines = [f"metadata: {line}" for line in metadata.dropped]
    if embedded:
        from objlib.embedded import extract

        try:
            lines += extract(data, mime_type=row.mime_type, name=row.file_path).remarks
        except UnreadableError as error:
            lines.append(str(error))
    return tuple(lines)
