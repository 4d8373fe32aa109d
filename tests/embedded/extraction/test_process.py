"""The reader process: its answers, and its end at each limit."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from objlib.embedded.extraction import child
from objlib.embedded.extraction.frames import (
    BATCH,
    DEFAULT_CHUNKING,
    Chunking,
    ExtractionFailure,
    Outline,
    Passages,
    ReadRequest,
    decode_answer,
)
from objlib.embedded.extraction.process import ReaderProcess, ReadError, needs_reader
from tests.support.embedded import Box, open_box

pytestmark = pytest.mark.real_time

PAGE = b"<title>Bees</title><h1>Honey</h1><p>The keeper of the lighthouse eats honey."


@asynccontextmanager
async def reader(seconds: float = 60.0, memory: int = 2**31) -> AsyncIterator[ReaderProcess]:
    process = ReaderProcess(seconds, memory)
    try:
        yield process
    finally:
        with trio.move_on_after(10, shield=True):
            await process.close()


async def text_of(process: ReaderProcess, data: bytes, mime_type: str, name: str = "a") -> str:
    """The passages of a document, one after another."""
    outline = await process.begin([data], mime_type, name, DEFAULT_CHUNKING)
    bodies: list[str] = []
    while passages := await process.batch():
        bodies += [passage.body for passage in passages]
    assert len(bodies) == outline.passages
    return "\n".join(bodies)


async def test_one_reader_reads_many_documents() -> None:
    async with reader() as process:
        outline = await process.begin([PAGE], "text/html", "bees.html", DEFAULT_CHUNKING)
        assert (outline.title, outline.passages) == ("Bees", 1)
        (passage,) = await process.batch()
        assert (passage.heading, await process.batch()) == ("Honey", [])
        first = process._process
        large = b"word " * 200 * 400
        assert (await text_of(process, large, "text/plain")).count("word") == 80_000
        assert process._process is first


@pytest.mark.parametrize(
    ("data", "mime_type", "status", "reason"),
    [
        (b"\0\1\2\3" * 100, "text/plain", "INVALID_ARGUMENT", "binary data"),
        (b"  ", "text/plain", "UNIMPLEMENTED", "empty"),
        (b"%PDF-1.4 nothing", "application/pdf", "INVALID_ARGUMENT", "damaged"),
    ],
)
async def test_a_document_without_text_has_its_reason(
    data: bytes, mime_type: str, status: str, reason: str
) -> None:
    async with reader() as process:
        with pytest.raises(ReadError, match=reason) as caught:
            await text_of(process, data, mime_type)
        assert caught.value.status == status
        assert "lighthouse" in await text_of(process, PAGE, "text/html")


@asynccontextmanager
async def stand_in(
    monkeypatch: pytest.MonkeyPatch, code: str, seconds: float = 60.0
) -> AsyncIterator[ReaderProcess]:
    """A reader whose process runs ``code`` instead."""

    async def start(_: ReaderProcess) -> trio.Process:
        return await trio.lowlevel.open_process([sys.executable, "-c", code], stdin=-1, stdout=-1)

    monkeypatch.setattr(ReaderProcess, "_start", start)
    async with reader(seconds) as process:
        yield process


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_reader_past_its_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    async with stand_in(monkeypatch, code, 0.5) as process:
        with pytest.raises(ReadError, match=r"took more than 0.5 seconds"):
            await text_of(process, b"x" * 10_000_000, "text/html")  # more than a pipe holds
        assert process._process is None


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "",
        "import os; os.write(1, b'\\0\\0\\0\\1x')",
        "import os; os.write(1, b'\\xff\\xff\\xff\\xff' + b'x' * 1000)",
        "import os; os.write(1, b'\\0\\0\\0\\5x')",
    ],
    ids=["dies", "ends", "no message", "endless message", "half a message"],
)
async def test_a_reader_that_misbehaves_costs_its_document_alone(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    with monkeypatch.context() as patch:
        async with stand_in(patch, code) as process:
            with pytest.raises(ReadError, match="ended unexpectedly"):
                await text_of(process, PAGE, "text/html")
    async with reader() as process:
        assert "lighthouse" in await text_of(process, PAGE, "text/html")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of memory")
async def test_a_reader_past_its_memory_says_so() -> None:
    async with reader(memory=150_000_000) as process:
        with pytest.raises(ReadError, match="too much memory"):
            await text_of(process, b"x " * 30_000_000, "text/plain")
        assert "lighthouse" in await text_of(process, PAGE, "text/html")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_killed_reader_is_replaced() -> None:
    async with reader() as process:
        await text_of(process, PAGE, "text/html")
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGKILL)
        await process._process.wait()
        assert "lighthouse" in await text_of(process, PAGE, "text/html")


async def test_a_cancelled_reading_ends_its_process() -> None:
    async with reader() as process:
        with trio.CancelScope() as scope:
            scope.cancel()
            await text_of(process, PAGE, "text/html")
        assert scope.cancelled_caught
        assert "lighthouse" in await text_of(process, PAGE, "text/html")


def test_the_child_answers_what_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing(error: Exception) -> ExtractionFailure | Outline | Passages:
        def extract(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(child, "extract", extract)
        path = tmp_path / "answers"
        with path.open("wb") as answers:
            child._answer(ReadRequest(1, "text/html", "a", DEFAULT_CHUNKING), b"x", answers)
        answer: ExtractionFailure | Outline | Passages = decode_answer(path.read_bytes()[4:])
        return answer

    assert failing(MemoryError()) == ExtractionFailure("INVALID_ARGUMENT", child.TOO_MUCH_MEMORY)
    assert failing(ZeroDivisionError("x")) == ExtractionFailure(
        "INTERNAL", "reading it failed: ZeroDivisionError('x')"
    )
    deep = failing(RecursionError())
    assert isinstance(deep, ExtractionFailure)
    assert "nested" in deep.reason


@pytest.mark.parametrize(
    ("mime_type", "name", "size", "expected"),
    [
        ("text/plain", "a.txt", 100, False),
        ("text/markdown; charset=utf-8", "a.md", 100, False),
        ("application/octet-stream", "a.py", 100, False),
        ("text/plain", "a.txt", 10**6, True),
        ("text/html", "a.html", 100, True),
        ("application/octet-stream", "a.html", 100, True),
        ("application/pdf", "a.pdf", 100, True),
        ("application/x-nothing", "a", 1, True),
    ],
)
def test_everything_but_short_text_needs_a_reader(
    mime_type: str, name: str, size: int, expected: bool
) -> None:
    assert needs_reader(mime_type, name, size) is expected


def test_short_text_in_many_passages_needs_a_reader() -> None:
    for words, overlap, expected in [(200, 20, False), (512, 511, True), (1, 0, True)]:
        assert needs_reader("text/plain", "a.txt", 10_000, Chunking(words, overlap)) is expected


async def test_a_service_reads_short_and_long_documents(tmp_path: Path) -> None:
    long = b"A line of the long book about lighthouses.\n\n" * 5_000
    async with open_box(tmp_path / "s.db", runner=None) as box:
        names = [
            await box.upload(long, "long.txt"),
            await box.upload(PAGE, "bees.html", mime_type="text/html"),
            await box.upload(b"short text about bees"),
            await box.upload(b"%PDF-1.4 broken", "x.pdf", mime_type="application/pdf"),
        ]
        operations = [await box.settled(name) for name in names]
        assert ["error" in operation for operation in operations] == [False, False, False, True]
        assert sorted(await box.titles("bees honey")) == ["bees.html", "note.txt"]
        assert len(await box.titles("lighthouses book", topK=100)) > BATCH // 4
        assert await box.delete(names[0], force="true") == {}
        assert "long.txt" not in await box.titles("lighthouses book", topK=100)


async def test_a_document_that_failed_is_not_read_again_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    real = ReaderProcess.begin

    async def begin(
        self: ReaderProcess, parts: list[bytes], mime_type: str, name: str, chunking: object
    ) -> Outline:
        begun.append(name)
        return await real(self, parts, mime_type, name, DEFAULT_CHUNKING)

    monkeypatch.setattr(ReaderProcess, "begin", begin)
    async with open_box(tmp_path / "s.db", runner=None) as box:
        document = await box.upload(b"%PDF-1.4 broken", "x.pdf", mime_type="application/pdf")
        assert "error" in await box.settled(document)
    async with open_box(tmp_path / "s.db", runner=None, store=False) as box:
        assert (await box.get(document))["state"] == "STATE_FAILED"
        await other(box, document)
    assert begun == ["x.pdf", "y.html"]


async def other(box: Box, document: str) -> None:
    """Let another document through, so that the worker has looked for work."""
    box.store = document.partition("/documents/")[0]
    await box.active(PAGE, "y.html", mime_type="text/html")
