"""The judgement of doctor on the answers of a service."""

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


@pytest.mark.parametrize("answer", [refusal(403, "no", "PERMISSION_DENIED"), ConnectionRefusedError()])
async def test_any_other_error_points_to_the_address_and_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    verdict = await check(settings, monkeypatch, answer)
    assert (verdict.health, verdict.advice) == (Health.PROBLEM, f"check {HOST} and the API key")
