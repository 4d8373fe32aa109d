"""The picture that was fetched."""

from objlib.cli.console.terminal import Terminal, safe
from objlib.core.reports.media import MediaReport


def media_lines(report: MediaReport, screen: Terminal) -> list[str]:
    """The file, with type and size."""
    return [f"{screen.cyan(safe(report.file))}: {safe(report.mime_type)}, {report.size:,} bytes"]
