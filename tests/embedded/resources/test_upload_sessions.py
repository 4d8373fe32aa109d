"""The resumable protocol: every command, every refusal, and sessions that outlive the process."""

from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objlib.embedded import Options
from objlib.embedded.options import GRANULARITY
from objlib.embedded.resources import upload_sessions
from objlib.embedded.worker import SWEEP_SECONDS
from objlib.testing import EPOCH
from objlib.testing.databases import read_database
from tests.support.clock import Clock
from tests.support.embedded import ok, open_box, refused, start_headers

SMALL = Options(granularity=8, max_document=100)


async def test_start_answers_with_four_headers_and_no_body(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post(
            f"/upload/v1beta/{box.store}:uploadToFileSearchStore?key=k", content=b"", headers=start_headers(5)
        )
        assert ok(answer) == {}
        assert answer.headers["x-goog-upload-status"] == "active"
        assert answer.headers["x-goog-upload-chunk-granularity"] == "8388608"
        url = answer.headers["x-goog-upload-url"]
        assert answer.headers["x-goog-upload-control-url"] == url
        prefix = f"http://box.test/upload/v1beta/{box.store}:uploadToFileSearchStore?upload_id="
        assert url.startswith(prefix)
        assert url.endswith("&upload_protocol=resumable")
        assert "key=" not in url


async def test_one_upload_finalize_makes_the_document(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start(5, {"displayName": "a.txt"})
        # The SDK repeats the start headers and sends a content type of its own: none of it counts.
        answer = await box.client.post(
            url,
            content=b"hello",
            headers=start_headers(5)
            | {
                "X-Goog-Upload-Command": "upload, finalize",
                "X-Goog-Upload-Offset": "0",
                "Content-Type": "application/json",
            },
        )
        assert answer.headers["x-goog-upload-status"] == "final"
        body = ok(answer)
        document = body["response"]["documentName"]
        doc = document.rpartition("/")[2]
        assert body == {
            "name": f"{box.store}/upload/operations/{doc}",
            "response": {
                "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.UploadToFileSearchStoreResponse",
                "parent": box.store,
                "documentName": document,
                "mimeType": "text/plain",
                "sizeBytes": "5",
            },
        }


@pytest.mark.parametrize("declared", [0, None])
async def test_an_empty_file_is_one_finalize(tmp_path: Path, declared: int | None) -> None:
    async with open_box(tmp_path / "s.db") as box:
        for command, offset in (("upload, finalize", 0), ("finalize", None)):
            answer = await box.command(await box.start(declared), command, b"", offset)
            body = ok(answer)
            assert "sizeBytes" not in body["response"]
            assert "sizeBytes" not in await box.get(body["response"]["documentName"])


async def test_chunks_query_and_a_bare_finalize(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start(16)
        first = await box.command(url, "upload", b"a" * 8, 0)
        assert (first.content, first.headers["x-goog-upload-status"]) == (b"", "active")
        query = await box.command(url, "query")
        assert (query.status_code, query.content) == (200, b"")
        assert query.headers["x-goog-upload-status"] == "active"
        assert query.headers["x-goog-upload-size-received"] == "8"
        await box.command(url, "upload", b"b" * 8, 8)
        final = await box.command(url, "finalize")
        assert final.headers["x-goog-upload-status"] == "final"
        for _ in range(2):
            again = await box.command(url, "query")
            assert again.headers["x-goog-upload-status"] == "final"
            assert again.content == final.content
            assert again.headers["content-type"] == "application/json; charset=UTF-8"
        assert (await box.get(ok(final)["response"]["documentName"]))["sizeBytes"] == "16"


async def test_a_lost_final_answer_is_not_a_second_document(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start(4)
        await box.command(url, "upload, finalize", b"text", 0)
        again = await box.command(url, "upload, finalize", b"text", 0)
        refused(again, 400, "INVALID_ARGUMENT", "Upload has already been terminated.")
        assert again.headers["x-goog-upload-status"] == "final"
        refused(await box.command(url, "cancel"), 400, "INVALID_ARGUMENT", "already been terminated")
        assert len(await box.all_pages(f"{box.store}/documents", "documents")) == 1


async def test_a_cancelled_session_is_dead_and_its_bytes_are_gone(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start()
        await box.command(url, "upload", b"12345678", 0)
        for _ in range(2):
            answer = await box.command(url, "cancel")
            assert (answer.status_code, answer.headers["x-goog-upload-status"]) == (200, "cancelled")
        assert (await box.command(url, "query")).headers["x-goog-upload-status"] == "cancelled"
        late = await box.command(url, "upload, finalize", b"9", 8)
        refused(late, 400, "INVALID_ARGUMENT", "already been terminated")
        assert late.headers["x-goog-upload-status"] == "cancelled"
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*) FROM blob_parts").fetchone() == (0,)


@pytest.mark.parametrize(
    ("command", "data", "offset", "message"),
    [
        ("upload", b"1234567", 8, "multiple of 8"),
        ("upload", b"12345678", 0, "not the number of bytes received, 8"),
        ("upload", b"12345678", 16, "not the number of bytes received, 8"),
        ("upload, finalize", b"x", 0, "not the number of bytes received, 8"),
        ("upload", b"x" * 24, 8, "more than the 20"),
        ("upload, finalize", b"x" * 13, 8, "more than the 20"),
        ("upload, finalize", b"x" * 30, 8, "more than the 20"),
        ("upload, finalize", b"x" * 11, 8, "Only 19 of the 20"),
        ("finalize", b"", None, "Only 8 of the 20"),
    ],
)
async def test_a_wrong_command_gets_400_and_the_state_of_the_session(
    tmp_path: Path, command: str, data: bytes, offset: int | None, message: str
) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start(20)
        await box.command(url, "upload", b"12345678", 0)
        answer = await box.command(url, command, data, offset)
        refused(answer, 400, "INVALID_ARGUMENT", message)
        assert answer.headers["x-goog-upload-status"] == "active"
        received = int(answer.headers["x-goog-upload-size-received"])
        assert received in {8, 16}  # pieces of a body that was too long may have been kept
        rest = b"x" * (20 - received)
        ok(await box.command(url, "upload, finalize", rest, received))


async def test_concurrent_finalizes_do_not_mix_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of what was there is taken before the transaction: if more came in between, it does not count."""
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start()
        await box.command(url, "upload", b"12345678", 0)
        with monkeypatch.context() as patch:
            patch.setattr(upload_sessions, "digest", lambda *_: None)
            answer = await box.command(url, "upload, finalize", b"9", 8)
        refused(answer, 400, "INVALID_ARGUMENT", "at the same time")
        assert answer.headers["x-goog-upload-size-received"] == "8"
        ok(await box.command(url, "upload, finalize", b"9", 8))


async def test_a_streamed_chunk_of_a_wrong_size_is_refused_too(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start()

        async def body() -> Any:
            for piece in (b"12345", b"678", b"9"):
                await trio.lowlevel.checkpoint()
                yield piece

        headers = {"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "0"}
        answer = await box.client.post(url, content=body(), headers=headers)
        refused(answer, 400, "INVALID_ARGUMENT", "multiple of 8")
        assert answer.headers["x-goog-upload-size-received"] == "8"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-Goog-Upload-Command": "upload"}, "X-Goog-Upload-Offset is required"),
        ({"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "-8"}, "must be a number"),
        ({"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "x"}, "must be a number"),
        ({"X-Goog-Upload-Command": "jump"}, "Unknown X-Goog-Upload-Command"),
        ({"X-Goog-Upload-Command": "query, cancel"}, "Unknown X-Goog-Upload-Command"),
        ({}, "Unknown X-Goog-Upload-Command"),
    ],
)
async def test_an_unknown_command_is_refused(tmp_path: Path, headers: dict[str, str], message: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start()
        refused(await box.client.post(url, headers=headers), 400, "INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Goog-Upload-Protocol": "resumable"},
        {"X-Goog-Upload-Command": "start"},
        {"X-Goog-Upload-Protocol": "raw", "X-Goog-Upload-Command": "start"},
        start_headers(mime_type="text/plain") | {"X-Goog-Upload-Header-Content-Length": "many"},
        start_headers(mime_type=""),
        start_headers(mime_type="application/x-tar"),
        start_headers(mime_type="application/octet-stream"),
        start_headers(mime_type="video/mp4"),
        start_headers(mime_type="text/"),
        start_headers(101),
    ],
)
async def test_a_malformed_start_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        path = f"/upload/v1beta/{box.store}:uploadToFileSearchStore"
        refused(await box.client.post(path, headers=headers), 400, "INVALID_ARGUMENT")


async def test_the_type_in_the_body_wins_and_loses_its_parameters(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start(1, {"mimeType": "Text/Markdown; charset=utf-8"}, mime_type="text/plain")
        document = ok(await box.command(url, "upload, finalize", b"x", 0))["response"]["documentName"]
        assert (await box.get(document))["mimeType"] == "text/markdown"


async def test_100_megabytes_are_the_limit(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.start(104_857_600)
        path = f"/upload/v1beta/{box.store}:uploadToFileSearchStore"
        answer = await box.client.post(path, headers=start_headers(104_857_601))
        refused(answer, 400, "INVALID_ARGUMENT", "104857600")


async def test_an_undeclared_size_is_checked_as_the_bytes_come(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=SMALL) as box:
        url = await box.start()
        refused(
            await box.command(url, "upload, finalize", b"x" * 101, 0), 400, "INVALID_ARGUMENT", "too large"
        )
        ok(await box.command(await box.start(), "upload, finalize", b"x" * 100, 0))


async def test_an_unknown_store_or_session_is_not_found(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        path = "/upload/v1beta/fileSearchStores/nope:uploadToFileSearchStore"
        refused(await box.client.post(path, headers=start_headers(1)), 404, "NOT_FOUND")
        for command in ("query", "cancel", "finalize", "upload"):
            answer = await box.command(f"{path}?upload_id=nope", command, b"", 0)
            refused(answer, 404, "NOT_FOUND")


async def test_a_store_deleted_meanwhile_ends_the_upload(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start(4)
        await box.delete(box.store, force="true")
        refused(await box.command(url, "upload, finalize", b"text", 0), 404, "NOT_FOUND")


async def test_a_session_lives_seven_days(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", options=SMALL, now=clock) as box:
        await box.start()
        url = await box.start()
        await box.command(url, "upload", b"12345678", 0)
        clock.time += 7 * 86400 - 1
        assert (await box.command(url, "query")).headers["x-goog-upload-size-received"] == "8"
        clock.time += 1
        refused(await box.command(url, "query"), 404, "NOT_FOUND")
    async with open_box(tmp_path / "s.db", options=SMALL, now=clock, store=False) as box:
        refused(await box.command(url, "query"), 404, "NOT_FOUND")
        await trio.testing.wait_all_tasks_blocked()
    with read_database(tmp_path / "s.db") as db:
        for table in ("uploads", "blobs", "blob_parts"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


async def test_an_open_service_deletes_expired_rows(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", options=SMALL, now=clock) as box:
        await box.command(await box.start(), "upload", b"12345678", 0)
        clock.time += 8 * 86400
        await box.upload(b"wakes the worker")
        await trio.testing.wait_all_tasks_blocked()
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*) FROM uploads WHERE status = 'active'").fetchone() == (0,)
        assert db.execute("SELECT sum(size) FROM blobs").fetchone() == (16,)


async def test_only_the_newest_sessions_that_are_over_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_sessions, "KEPT_FINAL", 2)
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", options=SMALL, now=clock) as box:
        begun = await box.start()
        for number in range(5):
            clock.time += 1
            await box.upload(b"%d" % number)
        clock.time += SWEEP_SECONDS
        await box.upload(b"wakes the worker")
        await trio.testing.wait_all_tasks_blocked()
        await box.command(begun, "upload", b"12345678", 0)  # one that goes on is no older for it
    with read_database(tmp_path / "s.db") as db:
        counts = dict(db.execute("SELECT status, count(*) FROM uploads GROUP BY status").fetchall())
    assert counts == {"active": 1, "final": 3 + 1}  # and the one that woke the worker


async def test_a_session_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=SMALL) as box:
        store, url = box.store, await box.start(11)
        await box.command(url, "upload", b"12345678", 0)
    async with open_box(path, options=SMALL, store=False) as box:
        assert (await box.command(url, "query")).headers["x-goog-upload-size-received"] == "8"
        final = await box.command(url, "upload, finalize", b"9ab", 8)
        ok(final)
    async with open_box(path, options=SMALL, store=False) as box:
        assert (await box.command(url, "query")).content == final.content
        assert [d["sizeBytes"] for d in (await box.get(f"{store}/documents"))["documents"]] == ["11"]


async def test_a_body_of_many_pieces_is_committed_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=SMALL) as box:
        url = await box.start(40)

        async def breaks_off() -> Any:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
                yield b"12345"
            raise ConnectionError

        headers = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
        # In process the client's error surfaces in the app as it reads, which is as good as a lost connection.
        broken = await box.client.post(url, content=breaks_off(), headers=headers)
        assert broken.status_code == 500
        query = await box.command(url, "query")
        assert query.headers["x-goog-upload-size-received"] == "24"
        ok(await box.command(url, "upload, finalize", b"5" * 16, 24))
    with read_database(path) as db:
        parts = db.execute("SELECT data FROM blob_parts ORDER BY start").fetchall()
        assert b"".join(part for (part,) in parts) == b"12345" * 4 + b"1234" + b"5" * 16


async def test_a_body_just_over_the_granularity_is_committed_in_two_pieces(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(settle_seconds=1e6)) as box:
        data = bytes(range(256)) * (GRANULARITY // 256)
        url = await box.start(GRANULARITY + 1000)
        refused(
            await box.command(url, "upload", data[:-1], 0), 400, "INVALID_ARGUMENT", "multiple of 8388608"
        )
        await box.command(url, "upload", data, 0)
        document = ok(await box.command(url, "upload, finalize", b"x" * 1000, GRANULARITY))
        name = document["response"]["documentName"]
        assert (await box.get(name))["sizeBytes"] == str(GRANULARITY + 1000)
        whole = await box.upload(data + b"x" * 1000)
        assert (await box.get(whole))["sizeBytes"] == str(GRANULARITY + 1000)
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*), max(length(data)) FROM blob_parts").fetchone() == (9, 1024 * 1024)
        assert db.execute("SELECT count(*) FROM blobs").fetchone() == (1,)  # the same bytes, kept once


async def test_full_storage_is_a_429_that_names_the_limit(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(storage_limit=10)) as box:
        await box.upload(b"123456")
        path = f"/upload/v1beta/{box.store}:uploadToFileSearchStore"
        message = "Corpus has reached the storage limit of 10 bytes."
        refused(await box.client.post(path, headers=start_headers(5)), 429, "RESOURCE_EXHAUSTED", message)
        url = await box.start()
        refused(await box.command(url, "upload, finalize", b"12345", 0), 429, "RESOURCE_EXHAUSTED", message)
        ok(await box.command(url, "upload, finalize", b"1234", 0))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_sequence_of_commands_gives_the_right_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Random commands at random offsets, restarts between them: the session always knows what it has."""
    content = data.draw(st.binary(max_size=60))
    declared = len(content) if data.draw(st.booleans()) else None

    async def play() -> None:
        path = tmp_path_factory.mktemp("offsets") / "s.db"
        options = Options(granularity=8, settle_seconds=1e6)
        async with open_box(path, options=options) as box:
            store, url = box.store, await box.start(declared)
        received, done = 0, False
        for _ in range(data.draw(st.integers(0, 4))):
            async with open_box(path, options=options, store=False) as box:
                for _ in range(data.draw(st.integers(1, 4))):
                    offset = data.draw(st.sampled_from([received, received, 0, 8, 16]))
                    length = data.draw(st.sampled_from([0, 8, 16, 3]))
                    final = data.draw(st.booleans())
                    piece = content[offset:] if final else content[offset : offset + length]
                    command = "upload, finalize" if final else "upload"
                    answer = await box.command(url, command, piece, offset)
                    fits = not done and offset == received and (final or len(piece) % 8 == 0)
                    assert (answer.status_code == 200) == fits, answer.text
                    if fits:
                        received, done = received + len(piece), final
                    status = "final" if done else "active"
                    assert answer.headers["x-goog-upload-status"] == status
                    query = await box.command(url, "query")
                    assert query.headers["x-goog-upload-size-received"] == str(received)
        async with open_box(path, options=options, store=False) as box:
            if not done:
                ok(await box.command(url, "upload, finalize", content[received:], received))
            (document,) = (await box.get(f"{store}/documents"))["documents"]
            assert document.get("sizeBytes", "0") == str(len(content))
        with read_database(path) as db:
            parts = db.execute("SELECT data FROM blob_parts ORDER BY start").fetchall()
        assert b"".join(part for (part,) in parts) == content

    trio.run(play)
