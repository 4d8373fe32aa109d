"""A large document goes into the index in parts: hidden until it is whole, and gone if it fails."""

import sqlite3
from pathlib import Path

from objlib.embedded.database import connect
from objlib.embedded.extraction.frames import ExtractedPassage, Outline
from objlib.embedded.indexing import PartialIndex, ReadDocument
from tests.support.embedded import Box, open_box

PARTS = [[ExtractedPassage(n, n + 9, None, "", f"honey {n}")] for n in range(3)]


async def pending(box: Box, path: Path) -> tuple[ReadDocument, sqlite3.Connection]:
    """A document that is PENDING again, claimed by ``me``, and a connection to its file."""
    name = await box.active(b"bees and honey", "book.txt")
    db = connect(path)
    db.execute("UPDATE documents SET state = 'PENDING', claim = 'me', claim_until = 1e18")
    (doc_id,) = db.execute("SELECT doc_id FROM documents").fetchone()
    return ReadDocument(doc_id, name, "book.txt", {}, Outline("", "", 3)), db


async def test_the_parts_of_a_document_are_hidden_until_the_last(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        document, db = await pending(box, tmp_path / "s.db")
        part = PartialIndex(document, "me")
        for passages in PARTS:
            assert part.add(db, passages, now=1.0)
            assert await box.titles("honey") == []
        part.end(db, reason="", status="", now=2.0, at=2.0)
        assert await box.titles("honey") == ["book.txt"] * 3
        assert (await box.get(document.name))["state"] == "STATE_ACTIVE"
        db.close()


async def test_a_document_that_fails_in_its_middle_leaves_no_part(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        document, db = await pending(box, tmp_path / "s.db")
        part = PartialIndex(document, "me")
        assert part.add(db, PARTS[0], now=1.0)
        part.end(db, reason="too long", status="INVALID_ARGUMENT", now=2.0, at=2.0)
        assert await box.titles("honey") == []
        assert (await box.get(document.name))["state"] == "STATE_FAILED"
        assert db.execute("SELECT count(*) FROM chunks").fetchone() == (0,)
        db.close()


async def test_a_document_that_another_process_took_over_is_left_alone(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        document, db = await pending(box, tmp_path / "s.db")
        part = PartialIndex(document, "me")
        assert part.add(db, PARTS[0], now=1.0)
        db.execute("UPDATE documents SET claim = 'another'")
        assert not part.add(db, PARTS[1], now=1.0)
        part.end(db, reason="", status="", now=2.0, at=2.0)
        assert (await box.get(document.name))["state"] == "STATE_PENDING"
        # The other one begins anew, and what was there goes.
        anew = PartialIndex(document, "another")
        assert anew.add(db, PARTS[2], now=1.0)
        assert db.execute("SELECT body FROM chunks").fetchall() == [("honey 2",)]
        db.close()
