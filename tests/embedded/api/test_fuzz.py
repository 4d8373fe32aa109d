"""Requests drawn from a seed: whatever a client sends, the answer is no failure of the server.

``just fuzz`` sends thousands of each over a real port.
"""

from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.support.embedded import open_box
from tests.support.fuzz.requests import METHODS, draw

REQUESTS: Final = 15


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_no_request_is_a_failure_of_the_server(tmp_path: Path, name: str) -> None:
    rng = Random(f"fuzz {name}")
    async with open_box(tmp_path / "s.db") as box:
        await box.active(b"bees bring honey")
        session = (await box.start(3)).partition("upload_id=")[2].partition("&")[0]
        for _ in range(REQUESTS):
            request = draw(rng, name, store=box.store, session=session)
            answer = await box.client.request(
                request.method, request.url, content=request.content, headers=request.headers
            )
            assert answer.status_code < 500, (request, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["error"]["code"] == answer.status_code
