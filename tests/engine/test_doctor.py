"""The judgement of doctor on the set-up, and on the answers of a service."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from objlib.core.config.settings import Backend, Settings
from objlib.core.events import Observer
from objlib.core.reports.status import Check, Health
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.doctor import FREE_SPACE, doctor
from objlib.engine.upload.run import upload
from objlib.gemini import open_client
from objlib.ledger import open_ledger
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

    settings.ledger_file.write_text(
        "no database at all, but longer than its head, which has a hundred bytes" * 9
    )
    settings.embedded.write_text(settings.ledger_file.read_text())
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.test")
    monkeypatch.setattr("shutil.disk_usage", no_disk)
    monkeypatch.setattr("objlib.engine.doctor.load_embedder", broken)
    last = ["service"] if backend is Backend.GEMINI else ["search by meaning", "store"]
    made = await doctor(replace(settings, backend=backend), Observer())
    assert [check.name for check in made] == [
        "objlib",
        "library",
        "configuration",
        "folders",
        "ledger",
        *last,
    ]
    found = {check.name: check.found for check in made if check.health is Health.PROBLEM}
    assert list(found) == ["folders", "ledger", *last]
    assert found["folders"] == "[Errno 5] Input/output error"
    assert "is not an SQLite database" in found["ledger"]
    assert "ALL_PROXY" in found.get("service", "ALL_PROXY")
    assert found.get("search by meaning", "unexpected ValueError('odd')") == "unexpected ValueError('odd')"


@pytest.fixture
def offline(settings: Settings, tmp_path: Path) -> Settings:
    """The same set-up with the embedded backend, whose ledger and store are in folders of their own."""
    ledger, embedded = tmp_path / "ledger" / "ledger.db", tmp_path / "store" / "store.db"
    return replace(settings, ledger=ledger, embedded=embedded, backend=Backend.EMBEDDED)


async def checks(settings: Settings) -> dict[str, Check]:
    """Every check of a set-up, by its name."""
    return {check.name: check for check in await doctor(settings, Observer())}


async def make(settings: Settings) -> None:
    """Make ledger and store, as the first upload does."""
    async with open_app(settings, Command("upload", records=True, store=StoreNeed.CREATE)):
        pass


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_set_up_before_the_first_upload_is_fine_and_stays_as_it_is(offline: Settings) -> None:
    everything = await checks(offline)
    assert {check.health for check in everything.values()} == {Health.OK}
    assert everything["ledger"].found == f"{offline.ledger} does not exist"
    assert everything["store"].found == f"{offline.embedded} does not exist yet; the first upload makes it"
    assert everything["configuration"].found == "none found from here upward"
    assert everything["search by meaning"].found.endswith("is there")
    assert not offline.ledger_file.parent.exists()
    assert not offline.embedded.parent.exists()


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_set_up_in_use_is_fine_and_names_its_store(offline: Settings, tmp_path: Path) -> None:
    await make(offline)
    everything = await checks(replace(offline, config=tmp_path / "objlib.toml"))
    assert {check.health for check in everything.values()} == {Health.OK}
    assert everything["ledger"].found.startswith("0 files, store fileSearchStores/")
    assert everything["store"].found.endswith(", 0 passages, 0 searchable by meaning")
    assert everything["configuration"].found == str(tmp_path / "objlib.toml")


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_ledger_without_a_store_is_fine(offline: Settings) -> None:
    async with open_ledger(offline.ledger):
        pass
    everything = await checks(offline)
    assert everything["ledger"] == Check("ledger", Health.OK, "0 files, store none yet")


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_store_without_its_ledger_is_a_problem_where_it_holds_documents(
    offline: Settings,
) -> None:
    await make(offline)
    for file in offline.ledger_file.parent.iterdir():
        file.unlink()
    store = (await checks(offline))["store"]
    assert (store.health, "holds nothing of this library yet" in store.found) == (Health.OK, True)
    (offline.library / "a.txt").write_text("One document.\n", encoding="utf-8")
    async with open_app(offline, Command("upload", records=True, store=StoreNeed.CREATE)) as app:
        await upload(app)
    offline.ledger_file.unlink()
    store = (await checks(offline))["store"]
    assert (store.health, "`objlib rebuild`" in store.advice) == (Health.PROBLEM, True)


@pytest.mark.parametrize("name", ["ledger", "store"])
@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_file_that_is_no_database_is_a_problem(offline: Settings, name: str) -> None:
    await make(offline)
    file = offline.ledger_file if name == "ledger" else offline.embedded
    file.write_text("These words are no database, and there are enough of them.\n" * 20)
    check = (await checks(offline))[name]
    assert check.health is Health.PROBLEM
    assert str(file) in check.found
    assert "\n" not in check.found


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_library_that_is_no_folder_is_a_problem(offline: Settings, tmp_path: Path) -> None:
    everything = await checks(replace(offline, library=tmp_path / "nowhere"))
    library = everything["library"]
    assert (library.health, library.advice) == (Health.PROBLEM, "name your folder with --library")


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_folders_without_permission_are_problems(
    offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator, as whom tests may run, has every permission: so the answer of the system is replaced."""
    monkeypatch.setattr("objlib.engine.doctor.os.access", lambda *_: False)
    everything = await checks(offline)
    for name, fault in (("library", "read"), ("ledger folder", "written"), ("store folder", "written")):
        check = everything[name]
        assert (check.health, check.advice) == (Health.PROBLEM, "check its permissions")
        assert check.found.endswith(f"cannot be {fault}")


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_disk_that_is_almost_full_is_a_warning(
    offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(offline.library)._replace(free=FREE_SPACE - 1)
    monkeypatch.setattr("objlib.engine.doctor.shutil.disk_usage", lambda _folder: usage)
    everything = await checks(offline)
    for name in ("ledger folder", "store folder"):
        assert (everything[name].health, everything[name].advice) == (Health.WARNING, "make room on the disk")
        assert everything[name].found.startswith("255 MiB free in ")


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_a_model_that_is_missing_is_a_warning_with_its_reason(
    offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objlib.engine.doctor.load_embedder", lambda: (None, "onnxruntime is not installed"))
    check = (await checks(offline))["search by meaning"]
    assert (check.health, check.found) == (Health.WARNING, "onnxruntime is not installed")
    assert check.advice == "search by words works without it"
