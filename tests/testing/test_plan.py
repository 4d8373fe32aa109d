"""Plans of faults in words, on a port, and as a fixture of pytest."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.testing import pytest as plugin
from objlib.testing.actions import DOWN, Drop
from objlib.testing.plan import ADMIN, FAULTS, FaultPlan, PlanError, Rule
from objlib.testing.pytest import Twin, serve_twin
from tests.support.embedded import start_headers

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing:0.5", "unknown fault"),
        ("", "unknown fault"),
        ("lost-answer", "needs a share"),
        ("lost-answer:2", "needs a share"),
        ("lost-answer:nan", "needs a share"),
        ("lost-answer:0.5:upload", "unknown kind"),
    ],
)
def test_a_malformed_rule_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        Rule.parse(text)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_can_be_named(fault: str) -> None:
    assert FaultPlan.parse([f"{fault}:1:send"])("send", 3) == FAULTS[fault]
    assert FaultPlan.parse([f"{fault}:1:send"])("list", 3) is None
    assert FaultPlan.parse([f"{fault}:0"])("send", 3) is None


def test_a_plan_is_the_same_for_the_same_seed() -> None:
    plans = [FaultPlan.parse(["lost-answer:0.5"], seed=seed) for seed in (7, 7, 8)]
    draws = [[plan("send", number) for number in range(200)] for plan in plans]
    assert draws[0] == draws[1] != draws[2]
    assert 60 < draws[0].count(Drop(act=True)) < 140


def new_store(twin: Twin) -> httpx.Response:
    return httpx.post(f"{twin.url}/v1beta/fileSearchStores", json={"displayName": "bees"})


def test_a_twin_loses_an_answer_and_acts_all_the_same(tmp_path: Path) -> None:
    with serve_twin(tmp_path / "twin.db") as twin:
        twin.plan("lost-answer:1:store")
        with pytest.raises(httpx.RemoteProtocolError):
            new_store(twin)
        twin.plan()
        stores = httpx.get(f"{twin.url}/v1beta/fileSearchStores").json()["fileSearchStores"]
        assert [store["displayName"] for store in stores] == ["bees"]
        assert [(each["fault"], each["status"]) for each in twin.requests] == [
            ("acted, answer lost", 200),
            ("", 200),
        ]
        twin.script(lambda _kind, _number: DOWN)
        assert new_store(twin).status_code == 503


def test_a_listing_lags_behind(tmp_path: Path) -> None:
    with serve_twin(tmp_path / "twin.db") as twin:
        store = new_store(twin).json()["name"]
        url = httpx.post(
            f"{twin.url}/upload/v1beta/{store}:uploadToFileSearchStore", headers=start_headers(4)
        ).headers["x-goog-upload-url"]
        headers = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
        assert httpx.post(url, content=b"bees", headers=headers).status_code == 200
        listing = f"{twin.url}/v1beta/{store}/documents"
        twin.plan(list_lag=1000)
        assert httpx.get(listing).json()["documents"] == []
        twin.plan()
        assert len(httpx.get(listing).json()["documents"]) == 1


def test_the_plan_of_a_served_store_changes_while_it_runs(tmp_path: Path) -> None:
    with serve_twin(tmp_path / "twin.db") as twin:
        plan = httpx.post(f"{twin.url}{ADMIN}", json={"faults": ["unavailable:1"], "seed": 3}).json()
        assert (plan["faults"], plan["seed"]) == (["unavailable:1"], 3)
        assert new_store(twin).status_code == 503
        bodies: list[object] = [{"faults": ["bees:1"]}, {"faults": 3}, [], {"seed": "x"}]
        for body in bodies:
            assert httpx.post(f"{twin.url}{ADMIN}", json=body).status_code == 400
        assert httpx.post(f"{twin.url}{ADMIN}", content=b"{}").status_code == 400
        headers = {"Host": "evil.example"}
        assert httpx.post(f"{twin.url}{ADMIN}", json={}, headers=headers).status_code == 403
        log = httpx.get(f"{twin.url}{ADMIN}").json()["requests"]
        assert [each["fault"] for each in log] == ["503"]


def test_the_fixture_serves_a_twin(gemini_twin: Twin) -> None:
    assert new_store(gemini_twin).status_code == 200


gemini_twin = plugin.gemini_twin


def test_a_wrong_plan_is_a_mistake_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--port", "0", "--fault", "bees:1"]) == Exit.USAGE
    assert "--fault: unknown fault 'bees'" in capsys.readouterr().err
    assert run(["serve", "--port", "0", "--op-delay", "-1"]) == Exit.USAGE


def test_serve_follows_a_plan(tmp_path: Path) -> None:
    words = [
        "serve",
        "--port",
        "0",
        "--json",
        "--fault",
        "unavailable:1:ask",
        "--op-delay",
        "2",
        "--seed",
        "7",
    ]
    command = [sys.executable, "-m", "objlib", *words, "--embedded-store", str(tmp_path / "s.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            assert httpx.get(f"{url}/v1beta/models").status_code == 200
            ask = f"{url}/v1beta/models/gemini-3.5-flash:generateContent"
            assert httpx.post(ask, json={}).status_code == 503
        finally:
            process.terminate()
