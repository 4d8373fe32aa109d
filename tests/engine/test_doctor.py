"""The judgement of doctor on the answers of a service."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from objlib.core.config.settings import Backend, Settings
from objlib.core.events import Observer
from objlib.core.reports.status import Check, Health
from objlib.engine.doctor import doctor
from objlib.gemini import open_client
from tests.support.gemini import HOST, KEY, Reply, Service, refusal

QUOTA = "You exceeded your current quota."


def limited(name: str, retry_after: int | None = None) -> Reply:
    """A 429 that names a quota."""
    details = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(429, refusal(429, QUOTA, "RESOURCE_EXHAUSTED", details).content, headers)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A library, and a service elsewhere."""
    ledger, embedded = tmp_path / "ledger.db", tmp_path / "store.db"
    return Settings(tmp_path, ledger, embedded, "store", Backend.GEMINI, base_url=HOST, api_key=KEY)


async def check(settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: Any) -> Check:
    """The check of a service that answers like this."""
    monkeypatch.setattr("objlib.engine.doctor.open_client", partial(open_client, asgi=Service([answer])))
    return (await doctor(settings, Observer()))[-1]


async def test_a_service_that_answers_is_ok(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = await check(settings, monkeypatch, Reply(200, {}))
    assert verdict == Check("service", Health.OK, f"{HOST} answers, an API key is set, 0 such store")


async def test_a_used_up_quota_is_reported_as_one_and_not_as_a_wrong_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = await check(settings, monkeypatch, limited("RequestsPerDayPerProject", 7200))
    assert verdict.health is Health.PROBLEM
    assert QUOTA.rstrip(".") in verdict.found
    assert verdict.found.endswith("again in 2 h, when the daily quota is renewed")
    assert verdict.advice == f"{HOST} and the API key are fine; the daily quota is used up"
    full = refusal(429, "The storage limit of your project is reached", "RESOURCE_EXHAUSTED")
    verdict = await check(settings, monkeypatch, full)
    assert (verdict.health, verdict.advice) == (
        Health.PROBLEM,
        f"{HOST} and the API key are fine; the store is full",
    )


@pytest.mark.parametrize(("wait", "when"), [(12, "in 12 s"), (None, "in a moment")])
async def test_a_service_that_throttles_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, wait: int | None, when: str
) -> None:
    verdict = await check(settings, monkeypatch, limited("RequestsPerMinutePerProject", wait))
    assert verdict.health is Health.WARNING
    assert verdict.advice == f"{HOST} and the API key are fine; it is asked too fast: try again {when}"


async def test_any_other_error_points_to_the_address_and_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = await check(settings, monkeypatch, refusal(403, "no", "PERMISSION_DENIED"))
    assert (verdict.health, verdict.advice) == (Health.PROBLEM, f"check {HOST} and the API key")


async def test_no_connection_is_not_blamed_on_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = await check(settings, monkeypatch, ConnectionRefusedError())
    assert (verdict.health, verdict.advice) == (Health.PROBLEM, "")
    assert "OBJLIB_BASE_URL" in verdict.found


@pytest.mark.parametrize("backend", [Backend.GEMINI, Backend.EMBEDDED])
async def test_every_check_is_made_whatever_the_others_meet(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, backend: Backend
) -> None:
    def no_disk(_: object) -> None:
        raise OSError(5, "Input/output error")

    def broken(*_: object) -> None:
        raise ValueError("odd")

    async def whole() -> list[Check]:
        return await doctor(replace(settings, backend=backend), Observer())

    settings.ledger.write_text("no database at all, but longer than its head, which has a hundred bytes" * 9)
    settings.embedded.write_text(settings.ledger.read_text())
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.test")
    monkeypatch.setattr("shutil.disk_usage", no_disk)
    monkeypatch.setattr("objlib.engine.doctor.load_embedder", broken)
    last = ["service"] if backend is Backend.GEMINI else ["search by meaning", "store"]
    checks = await whole()
    assert [check.name for check in checks] == [
        "objlib",
        "library",
        "configuration",
        "folders",
        "ledger",
        *last,
    ]
    found = {check.name: check.found for check in checks if check.health is Health.PROBLEM}
    assert list(found) == ["folders", "ledger", *last]
    assert found["folders"] == "[Errno 5] Input/output error"
    assert "is not an SQLite database" in found["ledger"]
    assert "ALL_PROXY" in found.get("service", "ALL_PROXY")
    assert found.get("search by meaning", "unexpected ValueError('odd')") == "unexpected ValueError('odd')"
