"""The upload clients of Google's libraries, with cut connections, and curl as the documentation has it."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from objlib.testing import Drop
from objlib.testing.actions import Action
from objlib.testing.pytest import Twin
from tests.clients.conftest import HONEY, QUESTION, client_package

pytestmark = pytest.mark.filterwarnings("ignore")
requests = client_package("requests")

CHUNK = 8 * 1024 * 1024
LARGE = (HONEY.encode() * (2 * CHUNK // len(HONEY) + 1))[: 2 * CHUNK + 5]


def new_store(twin: Twin) -> str:
    answer = requests.post(f"{twin.url}/v1beta/fileSearchStores", json={"displayName": "bees"}, timeout=60)
    name: str = answer.json()["name"]
    return name


def upload_url(twin: Twin, store: str) -> str:
    return f"{twin.url}/upload/v1beta/{store}:uploadToFileSearchStore"


def sizes(twin: Twin, store: str) -> list[str]:
    page = requests.get(f"{twin.url}/v1beta/{store}/documents", timeout=60).json()
    return [each["sizeBytes"] for each in page.get("documents", [])]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_api_core_goes_on_where_a_connection_was_cut(twin: Twin, lost: int) -> None:
    transfer = client_package("google.api_core.resumable_transfer")
    retry = client_package("google.api_core.retry")
    store = new_store(twin)

    def cut(kind: str, number: int) -> Action | None:
        return Drop(act=True) if (kind, number) == ("send", lost) else None

    twin.script(cut)
    session = transfer.ResumableUploadSession(
        upload_url(twin, store),
        transfer.ResumableUploadConfig(chunk_size=CHUNK),
        requests.Session(),
        content_type="text/plain",
        start_retry=retry.Retry(initial=0.01),
        request_body=json.dumps({"displayName": "bees"}),
    )
    answer = json.loads(session.upload(BytesIO(LARGE)))
    assert answer["response"]["documentName"].startswith(f"{store}/documents/bees-")
    assert sizes(twin, store) == [str(len(LARGE))], "one document, whole"
    assert [each["fault"] for each in twin.requests if each["fault"]] == ["acted, answer lost"]


def test_resumable_media_by_ranges_multipart_and_raw(twin: Twin) -> None:
    uploads = client_package("google.resumable_media.requests")
    store, session = new_store(twin), requests.Session()
    url = upload_url(twin, store)
    upload = uploads.ResumableUpload(f"{url}?uploadType=resumable", CHUNK)
    upload.initiate(session, BytesIO(LARGE), {"displayName": "ranges"}, "text/plain")
    answer = upload.transmit_next_chunk(session)
    while not upload.finished:
        answer = upload.transmit_next_chunk(session)
    assert answer.json()["response"]["sizeBytes"] == str(len(LARGE))
    multipart = uploads.MultipartUpload(f"{url}?uploadType=multipart")
    multipart.transmit(session, HONEY.encode(), {"displayName": "multipart"}, "text/plain")
    uploads.SimpleUpload(f"{url}?uploadType=media").transmit(session, HONEY.encode(), "text/plain")
    assert sizes(twin, store) == [str(len(LARGE)), str(len(HONEY)), str(len(HONEY))]


curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def run_curl(*words: str) -> str:
    command: Sequence[str] = ["curl", "--silent", "--show-error", "--max-time", "60", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@curl
def test_curl_as_documented(twin: Twin, document: Path, tmp_path: Path) -> None:
    """The documentation writes JSON as a shell and Python do: single quotes, and commas at the end."""
    kind = ("-H", "Content-Type: application/json")
    base = f"{twin.url}/v1beta"
    store = json.loads(
        run_curl("-X", "POST", f"{base}/fileSearchStores?key=any", *kind, "-d", "{'displayName': 'b',}")
    )["name"]
    head = tmp_path / "head"
    size = str(document.stat().st_size)
    start = (
        "X-Goog-Upload-Protocol: resumable",
        "X-Goog-Upload-Command: start",
        f"X-Goog-Upload-Header-Content-Length: {size}",
        "X-Goog-Upload-Header-Content-Type: text/plain",
        "Content-Type: application/json",
    )
    body = "{'displayName': 'bees', 'chunking_config': {'white_space_config': {'max_tokens_per_chunk': 200}}}"
    flags = [word for header in start for word in ("-H", header)]
    run_curl(f"{upload_url(twin, store)}?key=any", "-D", str(head), *flags, "-d", body)
    (session,) = [
        line.partition(":")[2].strip()
        for line in head.read_text().splitlines()
        if line.lower().startswith("x-goog-upload-url")
    ]
    send = ("X-Goog-Upload-Offset: 0", "X-Goog-Upload-Command: upload, finalize", f"Content-Length: {size}")
    flags = [word for header in send for word in ("-H", header)]
    made = json.loads(run_curl(session, *flags, "--data-binary", f"@{document}"))
    name = made["response"]["documentName"]
    while json.loads(run_curl(f"{base}/{name}?key=any"))["state"] == "STATE_PENDING":
        pass
    question: dict[str, Any] = {
        "contents": [{"parts": [{"text": QUESTION}]}],
        "tools": [{"file_search": {"file_search_store_names": [store]}}],
    }
    ask = f"{base}/models/gemini-3.5-flash:generateContent"
    answer = json.loads(
        run_curl(ask, "-H", "x-goog-api-key: any", *kind, "-X", "POST", "-d", json.dumps(question))
    )
    assert "honey" in answer["candidates"][0]["content"]["parts"][0]["text"]
    assert json.loads(run_curl("-X", "DELETE", f"{base}/{store}?key=any&force=true")) == {}
