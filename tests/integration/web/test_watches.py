"""Watches over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from libra.app import Watch
from libra.settings import Settings
from libra.testing import until_watch, watches_restored
from support.receiver import Receiver
from support.service import BROWSER, MISSING, Service, running
from support.site import WebSite

PROBLEM = "application/problem+json"
BUDGET = [{"resourceSizes": [{"resourceType": "script", "budget": 1}]}]


async def made(service: Service, **fields: Any) -> dict[str, Any]:
    answer = await service.client.post("/watches", json=fields)
    assert answer.status_code == 201, answer.text
    watch: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/watches/{watch['id']}"
    return watch


async def weighed(service: Service, watch_id: str) -> Watch:
    return await until_watch(service.libra, watch_id, lambda watch: watch.last is not None)


async def test_a_watch_is_made_read_listed_run_and_deleted(service: Service, site: WebSite) -> None:
    client = service.client
    watch = await made(service, url=site.url(), every="@hourly", max_weight="500kB", budget=BUDGET)
    assert (watch["every"], watch["status"], watch["secret"]) == ("hour", "new", None)
    assert watch["terms"]["max_weight"] == 500_000
    assert watch["terms"]["budgets"][0]["limits"] == [
        {"subject": "script", "measure": "size", "most": 1024}
    ]
    known = await weighed(service, watch["id"])
    read = (await client.get(f"/watches/{watch['id']}")).json()
    assert read["last"]["page"] == (known.last.page if known.last else None)
    assert read["status"] == "ok"
    listed = (await client.get("/watches", params={"url": watch["url"]})).json()
    assert [one["id"] for one in listed["watches"]] == [watch["id"]]
    assert (await client.get("/watches", params={"url": "http://a.test/"})).json()["watches"] == []
    ran = await client.post(f"/watches/{watch['id']}/run")
    assert ran.status_code == 202
    assert ran.headers["location"] == f"/pages/{ran.json()['id']}"
    assert (await client.delete(f"/watches/{watch['id']}")).status_code == 204
    assert (await client.get(f"/watches/{watch['id']}")).status_code == 404
    assert (await client.get("/watches")).json()["watches"] == []


async def test_the_secret_is_told_once_and_signs_what_is_sent(
    settings: Settings, site: WebSite
) -> None:
    async with Receiver() as receiver, running(settings) as service:
        watch = await made(service, url=site.url(), max_weight=1, webhook=receiver.url)
        (delivery,) = await receiver.until_received(1)
        assert delivery.json["watch"] == watch["id"]
        assert delivery.headers["libra-signature"].startswith("t=")
        text = (await service.client.get("/watches")).text
        assert watch["secret"] not in text
        assert "key=1" not in text


async def test_what_the_client_has_is_not_sent_again(service: Service, site: WebSite) -> None:
    watch = await made(service, url=site.url())
    await weighed(service, watch["id"])
    await service.libra.unwatch(watch["id"])
    watch = await made(service, url=site.url())
    await weighed(service, watch["id"])
    path = f"/watches/{watch['id']}"
    await until_watch(service.libra, watch["id"], lambda watch: watch.backup == "stored")
    etag = (await service.client.get(path)).headers["etag"]
    again = await service.client.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "url"),
        ({"url": "example"}, "scheme"),
        ({"url": "https://a.test", "every": "soon"}, "cron expression"),
        ({"url": "https://a.test", "webhook": "slack"}, "webhook"),
        ({"url": "https://a.test", "budget": [{"sizes": 1}]}, "unknown key"),
        ({"url": "https://a.test", "max_weight": "heavy"}, "500kB"),
        ({"url": "https://a.test", "max_weight": "9" * 400}, "500kB"),
        ({"url": "https://a.test", "max_weight": -1}, "max_weight"),
        ({"url": "https://a.test", "jump": {"percent": -1}}, "percent"),
        ({"url": "https://a.test", "budgets": []}, "budgets"),
    ],
)
async def test_what_cannot_be_watched_is_a_problem_that_says_why(
    service: Service, body: dict[str, Any], words: str
) -> None:
    answer = await service.client.post("/watches", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert words in answer.json()["detail"]


async def test_a_form_is_taken_and_leads_a_browser_to_the_history(
    service: Service, site: WebSite
) -> None:
    form = {
        "url": site.url("/?a&b"),
        "every": "day",
        "cron": "0 6 * * *",
        "max_weight": "1.5 MB",
        "budget": msgspec.json.encode(BUDGET).decode(),
        "jump_percent": "off",
        "webhook": "",
        "button": "Watch",
    }
    answer = await service.client.post("/watches", data=form, headers=BROWSER)
    assert answer.status_code == 303
    (watch,) = service.libra.watches().watches
    assert answer.headers["location"].startswith("/history?url=http%3A%2F%2F127.0.0.1")
    assert answer.headers["location"].endswith("%3Fa%26b")
    assert (watch.every, watch.terms.max_weight, watch.terms.jump) == ("0 6 * * *", 1_500_000, None)
    form |= {"jump_percent": "50", "jump_bytes": "2kB", "webhook": "https://hooks.test/key"}
    answer = await service.client.post("/watches", data=form)
    assert answer.status_code == 201
    assert answer.json()["terms"]["jump"] == {"percent": 50, "bytes": 2000}
    run = await service.client.post(
        f"/watches/{watch.id}/run", data={"button": "Now"}, headers=BROWSER
    )
    assert run.status_code == 303
    assert run.headers["location"].startswith("/pages/")
    for _ in range(2):
        gone = await service.client.post(f"/watches/{watch.id}/delete", headers=BROWSER)
        assert gone.status_code == 303
        assert gone.headers["location"] == "/watches"
    assert watch.id not in (await service.client.get("/watches")).text


@pytest.mark.parametrize(
    "form",
    [
        {"every": "day"},
        {"url": "https://a.test", "jump_percent": "a lot"},
        {"url": "https://a.test", "jump_bytes": "a lot"},
        {"url": "https://a.test", "max_weight": "9999 GB"},
        {"url": "https://a.test", "budget": "{"},
    ],
)
async def test_a_form_with_a_mistake_is_a_problem(service: Service, form: dict[str, str]) -> None:
    assert (await service.client.post("/watches", data=form)).status_code == 400


@pytest.mark.parametrize("watch_id", [MISSING, "nonsense"])
async def test_a_watch_that_is_not_there_is_404(service: Service, watch_id: str) -> None:
    await watches_restored(service.libra)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/run")):
        answer = await service.client.request(method, f"/watches/{watch_id}{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/docs#watch-not-found"


async def test_a_watch_that_may_be_in_the_database_is_503(settings: Settings) -> None:
    away = f"sqlite:///{settings.data_dir}/missing/libra.sqlite3"
    async with running(msgspec.structs.replace(settings, database=away)) as service:
        answer = await service.client.get(f"/watches/{MISSING}")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert (await service.client.get("/watches")).json()["partial"]


async def test_a_token_to_read_sees_watches_and_changes_none(
    settings: Settings, site: WebSite
) -> None:
    tokens = ("see:read:a-secret-to-read", "do:full:a-secret-to-change")
    guarded = msgspec.structs.replace(settings, token=tokens, public="submit")
    see = {"Authorization": "Bearer a-secret-to-read"}
    do = {"Authorization": "Bearer a-secret-to-change"}
    async with running(guarded) as service:
        client, body = service.client, {"url": site.url()}
        assert (await client.get("/watches")).status_code == 401
        assert (await client.get("/watches", headers=see)).status_code == 200
        assert (await client.post("/watches", json=body)).status_code == 401
        assert (await client.post("/watches", json=body, headers=see)).status_code == 403
        assert (await client.post("/watches", json=body, headers=do)).status_code == 201
