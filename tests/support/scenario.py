"""A library, its store, and runs on them, as short steps for the set-up of a test."""

from dataclasses import dataclass, field
from pathlib import Path

from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import PruneReport, UploadReport
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from tests.support.engine import ALL, Opener, write


@dataclass
class Scenario:
    """A library with its ledger and store; each step that runs a command opens an app for it."""

    library: Path
    opened: Opener
    texts: dict[Path, str] = field(default_factory=dict)
    """The texts of the removed files."""

    def add(self, count: int) -> None:
        """Add files to the library."""
        for number in range(count):
            write(self.library, f"more/{number:02}.txt", f"File {number} of many.\n")

    def remove(self, count: int = 1) -> list[Path]:
        """Delete the first files of the library from disk; returns their paths."""
        paths = sorted(self.library.rglob("*.txt"))[:count]
        for path in paths:
            self.texts[path] = path.read_text()
            path.unlink()
        return paths

    def put_back(self, path: Path) -> None:
        """Write a removed file again, with the same text."""
        path.write_text(self.texts[path])

    def change(self, text: str = "A second version.\n") -> Path:
        """Write another text to the first file of the library."""
        path = min(self.library.rglob("*.txt"))
        path.write_text(text)
        return path

    async def index(self) -> UploadReport:
        """Run ``upload``."""
        async with self.opened() as app:
            return await upload(app)

    async def prune(self, grace: float = 0.0, limit: DeleteLimit = ALL) -> PruneReport:
        """Run ``sync --prune``."""
        async with self.opened("sync") as app:
            report = await sync(app, prune_missing=True, grace=grace, limit=limit)
        assert report.prune is not None
        return report.prune
