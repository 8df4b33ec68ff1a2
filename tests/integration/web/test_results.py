"""Results of CI over HTTP: who may send them, and what they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from libra.settings import Settings, SettingsError
from libra.web.openapi.examples import REPORT, result_example
from support.service import BROWSER, MISSING, Service, running

FULL = "a-secret-of-some-length"
PUSH = "another-secret-of-ours"
TOKENS = (f"me:full:{FULL}", f"ci:push@shop:{PUSH}")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
async def service(settings: Settings, tmp_path: Path) -> AsyncIterator[Service]:
    budgets = tmp_path / "budgets"
    budgets.mkdir()
    limit = [{"resourceSizes": [{"resourceType": "total", "budget": 4}], "rules": ["x.js < 1kB"]}]
    (budgets / "shop.json").write_text(json.dumps(limit))
    changed = msgspec.structs.replace(settings, token=TOKENS, project_budgets=budgets)
    async with running(changed) as up:
        yield up


def sent(**change: Any) -> dict[str, Any]:
    example: dict[str, Any] = result_example()
    return {**example, **change}


async def test_a_result_is_kept_compared_and_judged_by_the_budget_at_the_service(
    service: Service,
) -> None:
    async def push(**change: Any) -> Any:
        answer = await service.client.post(
            "/projects/shop/results", json=sent(**change), headers=bearer(PUSH)
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["location"] == f"/pages/{answer.json()['id']}"
        return answer.json()

    first = await push(branch="main", commit="a1")
    assert (first["known"], first["baseline"], first["baseline_known"]) == (False, None, True)
    total, rule = first["checks"]
    assert (total["limit"]["most"], total["measured"]) == (4096, REPORT.total.transfer_bytes)
    assert rule["limit"]["about"] == "file"
    second = await push(branch="feature", commit="b1", base="main")
    assert second["baseline"]["id"] == first["id"]
    assert second["baseline"]["build"]["commit"] == "a1"
    again = await push(branch="feature", commit="b1", base="main")
    assert (again["id"], again["known"], again["checks"]) == (second["id"], True, second["checks"])
    assert again["baseline"]["id"] == first["id"]
    page = await service.client.get(f"/pages/{second['id']}", headers=bearer(FULL) | BROWSER)
    assert "From CI: project shop, branch feature, commit b1." in page.text
    listed = await service.client.get("/pages", headers=bearer(FULL))
    assert {one["build"]["branch"] for one in listed.json()["pages"]} == {"feature", "main"}
    await push(branch="a-branch-with-a-name-that-no-list-has-room-for", commit="c1")
    # People see in each list which weigh-ins these are.
    for address in ("/?view=weigh-ins", f"/history?url={REPORT.url}"):
        shown = await service.client.get(address, headers=bearer(FULL) | BROWSER)
        assert 'title="From CI: project shop, branch feature, commit b1">CI: feature<' in shown.text
        assert ">CI: a-branch-with-a-name-that-no-li…<" in shown.text
    deleted = await service.client.delete(f"/pages/{second['id']}", headers=bearer(FULL))
    assert deleted.status_code == 204
    gone = await service.client.post(
        "/projects/shop/results", json=sent(branch="feature", commit="b1"), headers=bearer(PUSH)
    )
    assert (gone.status_code, gone.json()["type"]) == (410, "/docs#result-deleted")


async def test_growth_is_judged_by_the_budget_at_the_service_and_the_baseline(
    service: Service, settings: Settings, tmp_path: Path
) -> None:
    budget = [{"maxGrowth": "10%"}, {"path": "/nowhere", "maxGrowth": "0"}]
    (tmp_path / "budgets" / "shop.json").write_text(json.dumps(budget))
    changed = msgspec.structs.replace(settings, token=TOKENS, project_budgets=tmp_path / "budgets")
    service.app.reload(changed)

    async def push(**change: Any) -> Any:
        answer = await service.client.post(
            "/projects/shop/results", json=sent(**change), headers=bearer(PUSH)
        )
        return answer.json()

    async def checks(**change: Any) -> Any:
        answer = await push(**change)
        assert answer["unjudged"] is None or not answer["checks"]
        return answer["checks"]

    weight = REPORT.total.transfer_bytes
    assert await checks(branch="main", commit="a1") == []  # there is nothing that it grew from
    (same,) = await checks(branch="feature", commit="b1", base="main")
    assert (same["limit"]["subject"], same["measured"]) == ("growth", 0)
    assert same["limit"]["most"] == weight // 10
    (grown,) = await checks(branch="feature", commit="b2", base="main", report=heavier(weight))
    assert grown["measured"] == weight
    rendered = sent()["report"] | {"method": "rendered"}
    assert await checks(branch="feature", commit="b3", base="main", report=rendered) == []
    told = (await push(branch="feature", commit="b3", base="main", report=rendered))["unjudged"]
    assert "it was weighed rendered" in told
    part = sent()["report"] | {"complete": False}
    await push(branch="next", commit="a2", report=part)
    answer = await push(branch="feature", commit="b4", base="next", report=heavier(weight))
    assert answer["checks"] == []
    assert answer["unjudged"] == "only a part of the earlier page was weighed"


def heavier(more: int) -> dict[str, Any]:
    """The report of the example with so many bytes more in its document."""
    report: dict[str, Any] = sent()["report"]
    first = report["assets"][0]
    sums = report["total"], report["by_kind"][first["kind"]], report["by_host"][_host(first["url"])]
    for one in (first, *sums):
        one["transfer_bytes"] += more
    return report


def _host(url: str) -> str:
    return urlsplit(url).netloc


async def test_a_token_to_push_is_for_its_project_and_nothing_else(service: Service) -> None:
    client, mine = service.client, bearer(PUSH)
    answer = await client.post("/projects/other/results", json=sent(), headers=mine)
    assert answer.status_code == 403
    assert "for the project shop" in answer.json()["detail"]
    for method, path in (
        ("GET", "/"), ("GET", "/pages"), ("GET", f"/pages/{MISSING}"), ("POST", "/pages"),
        ("POST", "/pages/bulk"), ("DELETE", f"/pages/{MISSING}"), ("GET", "/watches"),
        ("POST", "/watches"), ("GET", "/metrics"), ("GET", "/health"), ("GET", "/observer"),
        ("GET", "/projects/shop/results"), ("DELETE", "/projects/shop/results"),
    ):  # fmt: skip
        assert (await client.request(method, path, headers=mine)).status_code == 403, path
    stranger = await client.post("/projects/shop/results", json=sent())
    assert stranger.status_code == 401
    everything = await client.post("/projects/other/results", json=sent(), headers=bearer(FULL))
    assert everything.status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (sent(branch="a b"), None, 400, "a branch is"),
        (sent(base="a b"), None, 400, "The body is invalid"),
        (sent(base=""), None, 400, "The body is invalid"),
        (sent(more=1), None, 400, "The body is invalid"),
        (sent(report={"id": 1}), None, 400, "The body is invalid"),
        (sent(report={"id": "", "url": "https://example.com/"}), None, 400, "not the report of"),
        ("url=x", "application/x-www-form-urlencoded", 415, "JSON"),
        ("[" * 4_000_001, "application/json", 413, ""),
    ],
)
async def test_what_is_no_result_is_refused(
    service: Service, body: Any, kind: str | None, status: int, says: str
) -> None:
    headers = bearer(PUSH) | ({} if kind is None else {"Content-Type": kind})
    content = body if isinstance(body, str) else json.dumps(body)
    headers.setdefault("Content-Type", "application/json")
    answer = await service.client.post("/projects/shop/results", content=content, headers=headers)
    assert answer.status_code == status
    assert says in answer.text


async def test_budgets_are_read_again_with_the_settings_or_stay(
    service: Service, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "budgets" / "shop.json").write_text("[]")
    changed = msgspec.structs.replace(settings, token=TOKENS, project_budgets=tmp_path / "budgets")
    service.app.reload(changed)
    answer = await service.client.post("/projects/shop/results", json=sent(), headers=bearer(PUSH))
    assert answer.json()["checks"] == []
    (tmp_path / "budgets" / "shop.json").write_text("{")
    with pytest.raises(SettingsError, match=r"shop\.json"):
        service.app.reload(changed)
    with pytest.raises(SettingsError, match="no folder"):
        service.app.reload(msgspec.structs.replace(changed, project_budgets=tmp_path / "none"))
