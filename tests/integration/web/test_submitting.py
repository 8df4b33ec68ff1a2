"""Submitting: options, many at once, and again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from libra.report import decode
from libra.settings import Settings
from support.service import BROWSER, Service, running
from support.site import WebSite

PROBLEM = "application/problem+json"


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_submission_may_choose_its_viewport(service: Service, site: WebSite) -> None:
    wanted = {"url": site.url(), "viewport": "390x844@3", "method": "static"}
    for body in ({"json": wanted}, {"data": wanted}):
        answer = await service.client.post("/pages", **body)  # type: ignore[arg-type]
        assert answer.status_code == 202
        report = await service.settled(answer.json()["id"])
        assert report.viewport == "390x844@3"
    assert (await service.weighed(site.url())).viewport == "1350x940@1"


async def test_a_form_may_have_fields_that_are_empty_or_not_ours(
    service: Service, site: WebSite
) -> None:
    form = {"url": site.url(), "viewport": "", "method": "", "button": "Weigh"}
    assert (await service.client.post("/pages", data=form)).status_code == 202


@pytest.mark.parametrize(
    "choice",
    [{"viewport": "large"}, {"viewport": "0x0"}, {"viewport": 5}, {"method": "guessed"},
     {"headers": {"Host": "x"}}, {"headers": {"A": "x\ny"}}, {"limits": {}}],
)  # fmt: skip
async def test_what_cannot_be_chosen_is_refused(
    service: Service, site: WebSite, choice: dict[str, object]
) -> None:
    answer = await service.client.post("/pages", json={"url": site.url()} | choice)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/pages", "/pages/bulk", "/watches"])
async def test_a_body_that_is_too_deep_is_no_fault_of_ours(service: Service, path: str) -> None:
    deep = "[" * 900 + "]" * 900
    url = '"urls": ["https://a.example"]' if path == "/pages/bulk" else '"url": "https://a.example"'
    bodies = ["[" * 60_000, '{"a":' * 12_000, deep, f'{{{url}, "method": {deep}}}']
    if path == "/watches":
        bodies += [f'{{{url}, "budget": {budget}}}' for budget in (deep, f'[{{"path": {deep}}}]')]
    for body in bodies:
        answer = await service.client.post(
            path, content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


async def test_what_was_chosen_is_known_after_a_restart_in_the_middle(
    settings: Settings, site: WebSite
) -> None:
    hurried = msgspec.structs.replace(settings, shutdown_grace=0)
    wanted = {"url": site.url("/held"), "viewport": "390x844@3"}
    async with running(hurried) as service:
        page_id = (await service.client.post("/pages", json=wanted)).json()["id"]
        await site.until_held()
    site.gate.set()
    async with running(settings) as service:
        assert (await service.settled(page_id)).viewport == "390x844@3"


async def test_the_same_key_and_body_lead_to_the_same_page(service: Service, site: WebSite) -> None:
    body = {"url": site.url()}
    first = await service.client.post("/pages", json=body, headers=keyed("a"))
    again = await service.client.post("/pages", json=body, headers=keyed("a"))
    as_form = await service.client.post("/pages", data=body, headers=keyed("a"))
    other = await service.client.post("/pages", json=body, headers=keyed("b"))
    assert first.headers["location"] == again.headers["location"] == as_form.headers["location"]
    assert other.headers["location"] != first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.status_code == 202
    assert decode(again.content).id == decode(first.content).id


async def test_at_the_same_moment_too(service: Service, site: WebSite) -> None:
    answers = await asyncio.gather(
        *(
            service.client.post("/pages", json={"url": site.url()}, headers=keyed("k"))
            for _ in range(10)
        )
    )
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len((await service.client.get("/pages")).json()["pages"]) == 1


async def test_the_same_key_with_another_body_is_422(service: Service, site: WebSite) -> None:
    await service.client.post("/pages", json={"url": site.url()}, headers=keyed("a"))
    for body in ({"url": site.url("/x")}, {"url": site.url(), "viewport": "390x844@3"}):
        answer = await service.client.post("/pages", json=body, headers=keyed("a"))
        assert answer.status_code == 422
        assert answer.json()["type"] == "/docs#idempotency-key-reused"


async def test_what_was_refused_leaves_the_key_unused(service: Service, site: WebSite) -> None:
    refused = await service.client.post("/pages", json={"url": "ftp://x"}, headers=keyed("a"))
    assert refused.status_code == 400
    answer = await service.client.post("/pages", json={"url": site.url()}, headers=keyed("a"))
    assert answer.status_code == 202


async def test_a_key_is_known_after_a_restart(settings: Settings, site: WebSite) -> None:
    body = {"url": site.url()}
    async with running(settings) as service:
        first = await service.client.post("/pages", json=body, headers=keyed("a"))
    async with running(settings) as service:
        await the_same(service, body, first.headers["location"])


async def the_same(service: Service, body: dict[str, str], location: str) -> None:
    again = await service.client.post("/pages", json=body, headers=keyed("a"))
    assert again.headers["location"] == location
    assert again.headers["idempotent-replayed"] == "true"
    other = {"url": "http://a.test"}
    reused = await service.client.post("/pages", json=other, headers=keyed("a"))
    assert reused.status_code == 422


@pytest.mark.parametrize("stored", [True, False])
async def test_a_key_is_known_after_a_restart_in_the_middle_of_an_outage(
    settings: Settings, site: WebSite, tmp_path: Path, *, stored: bool
) -> None:
    folder, body = tmp_path / "elsewhere", {"url": site.url()}
    if stored:
        folder.mkdir()
    settings = msgspec.structs.replace(
        settings, data_dir=tmp_path / "data", database=f"sqlite:///{folder}/libra.db"
    )
    async with running(settings) as service:
        first = await service.client.post("/pages", json=body, headers=keyed("a"))
        if stored:
            await service.settled(first.json()["id"])
    if stored:
        folder.rename(tmp_path / "away")
    async with running(settings) as service:
        await the_same(service, body, first.headers["location"])


async def test_a_key_is_known_to_another_libra_that_takes_over_the_database(
    settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    database, body = f"sqlite:///{tmp_path}/shared.db", {"url": site.url()}
    one, other = (
        msgspec.structs.replace(settings, database=database, data_dir=tmp_path / name, ttl=ttl)
        for name, ttl in (("one", 1), ("other", 3600))
    )
    async with running(one) as service:
        first = await service.client.post("/pages", json=body, headers=keyed("a"))
        await service.settled(first.json()["id"])
    async with running(other) as service:
        await the_same(service, body, first.headers["location"])


async def test_a_key_that_an_older_libra_wrote_into_a_file_is_known(
    settings: Settings, site: WebSite
) -> None:
    body = {"url": site.url()}
    async with running(settings) as service:
        first = await service.client.post("/pages", json=body, headers=keyed("a"))
        await service.settled(first.json()["id"])
    with closing(sqlite3.connect(settings.data_dir / "libra.sqlite3")) as connection, connection:
        (key,) = connection.execute("SELECT idempotency FROM pages").fetchone()
        connection.execute("UPDATE pages SET idempotency = NULL")
    line = [key[:32], key[32:], first.json()["id"], time.time()]
    (settings.data_dir / "idempotency.jsonl").write_text(json.dumps(line) + "\n")
    async with running(settings) as service:
        await the_same(service, body, first.headers["location"])


async def test_the_key_of_a_deleted_page_is_known_after_a_restart_and_not_what_it_was_for(
    settings: Settings, site: WebSite
) -> None:
    body = {"url": site.url()}
    async with running(settings) as service:
        first = await service.client.post("/pages", json=body, headers=keyed("a"))
        await service.settled(first.json()["id"])
        await service.client.delete(first.headers["location"])
    with closing(sqlite3.connect(settings.data_dir / "libra.sqlite3")) as connection:
        (key,) = connection.execute("SELECT idempotency FROM pages").fetchone()
    assert len(key) == 32
    async with running(settings) as service:
        again = await service.client.post("/pages", json=body, headers=keyed("a"))
        assert again.status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é"])
async def test_what_is_no_key_is_refused(service: Service, site: WebSite, key: str) -> None:
    answer = await service.client.post(
        "/pages", json={"url": site.url()}, headers={b"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 400


async def test_two_keys_are_none(service: Service, site: WebSite) -> None:
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    one = await service.client.post("/pages", json={"url": site.url()}, headers=twice)
    many = await service.client.post("/pages/bulk", json={"urls": [site.url()]}, headers=twice)
    assert (one.status_code, many.status_code) == (400, 400)


async def test_a_deleted_page_does_not_come_back_by_its_key(
    service: Service, site: WebSite
) -> None:
    body = {"url": site.url()}
    first = await service.client.post("/pages", json=body, headers=keyed("a"))
    await service.settled(first.json()["id"])
    assert (await service.client.delete(first.headers["location"])).status_code == 204
    again = await service.client.post("/pages", json=body, headers=keyed("a"))
    assert again.status_code == 404


async def test_below_a_path_every_problem_leads_to_its_explanation(settings: Settings) -> None:
    async with running(msgspec.structs.replace(settings, base_path="/libra")) as up:
        alone = await up.client.post("/libra/pages", json={"url": "ftp://x"})
        many = await up.client.post("/libra/pages/bulk", json={"urls": ["ftp://x"]})
    assert alone.json()["type"] == "/libra/docs#invalid-url"
    assert many.json()["pages"][0]["problem"]["type"] == "/libra/docs#invalid-url"


async def test_many_are_answered_for_one_by_one(service: Service, site: WebSite) -> None:
    urls = [site.url("/1"), "ftp://x", site.url("/2"), "not a url", site.url("/1")]
    answer = await service.client.post("/pages/bulk", json={"urls": urls, "viewport": "390x844@3"})
    assert answer.status_code == 202
    result = answer.json()
    assert (result["accepted"], result["refused"]) == (3, 2)
    assert [item["url"] for item in result["pages"]] == urls
    assert [item["id"] is not None for item in result["pages"]] == [True, False, True, False, True]
    assert result["pages"][1]["problem"]["type"] == "/docs#invalid-url"
    ids = [item["id"] for item in result["pages"] if item["id"]]
    assert len(set(ids)) == 3
    assert ids == sorted(ids)
    for page_id in ids:
        assert (await service.settled(page_id)).viewport == "390x844@3"


async def test_a_list_may_be_lines_of_text(service: Service, site: WebSite) -> None:
    content = f"# ours\n{site.url()}1\n\n  {site.url()}2\r\n"
    answer = await service.client.post(
        "/pages/bulk", content=content, headers={"Content-Type": "text/plain; charset=utf-8"}
    )
    assert answer.json()["accepted"] == 2


async def test_a_thousand_are_taken_and_no_more(settings: Settings, site: WebSite) -> None:
    urls = [site.url(f"/held/{number}") for number in range(1001)]
    hasty = msgspec.structs.replace(settings, shutdown_grace=0)  # they need not be weighed
    async with running(hasty) as service:
        refused = await service.client.post("/pages/bulk", json={"urls": urls})
        assert refused.status_code == 400
        taken = await service.client.post("/pages/bulk", json={"urls": urls[:1000]})
        assert taken.json()["accepted"] == 1000
        assert sum(service.libra.health().pages.values()) == 1000


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b'{"urls": []}', "application/json", 400),
        (b'{"urls": [1]}', "application/json", 400),
        (b'{"urls": "http://x"}', "application/json", 400),
        (b'{"urls": ["http://x"], "more": 1}', "application/json", 400),
        (b"", "text/plain", 400),
        (b"\xff", "text/plain", 400),
        (b"url=http://x", "application/x-www-form-urlencoded", 415),
        (b"x" * 4_000_001, "text/plain", 413),
    ],
)
async def test_a_list_of_another_shape_is_refused(
    service: Service, body: bytes, kind: str, status: int
) -> None:
    answer = await service.client.post("/pages/bulk", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM


async def test_a_list_sent_again_with_its_key_leads_to_the_same_pages(
    service: Service, site: WebSite
) -> None:
    body = {"urls": [site.url("/1"), site.url("/1"), "ftp://x"]}
    first = await service.client.post("/pages/bulk", json=body, headers=keyed("a"))
    again = await service.client.post("/pages/bulk", json=body, headers=keyed("a"))
    assert first.json() == again.json()
    assert len({item["id"] for item in first.json()["pages"]}) == 3


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[Service]:
    async with running(msgspec.structs.replace(settings, submit_limit="2/h")) as up:
        yield up


async def test_beyond_the_rate_each_further_url_is_told_when_to_come_back(
    limited: Service, site: WebSite
) -> None:
    answer = await limited.client.post("/pages/bulk", json={"urls": [site.url()] * 4})
    result = answer.json()
    assert (result["accepted"], result["refused"]) == (2, 2)
    problem = result["pages"][3]["problem"]
    assert (problem["status"], problem["type"]) == (429, "/docs#too-many-requests")
    assert int(answer.headers["retry-after"]) == problem["retry_after"]
    browser = await limited.client.post("/pages", data={"url": site.url()}, headers=BROWSER)
    assert browser.status_code == 429
    assert browser.headers["content-type"].startswith("text/html")


async def test_what_is_sent_again_costs_nothing(limited: Service, site: WebSite) -> None:
    for _ in range(5):
        answer = await limited.client.post("/pages", json={"url": site.url()}, headers=keyed("a"))
        assert answer.status_code == 202


async def test_lists_can_be_of_a_status_and_of_a_time(service: Service, site: WebSite) -> None:
    first = await service.weighed(site.url("/1"))
    second = await service.weighed(site.url("/2"))
    assert second.submitted_at is not None

    async def found(**params: str) -> list[str]:
        answer = await service.client.get("/pages", params=params)
        assert answer.status_code == 200, answer.text
        return [page["id"] for page in answer.json()["pages"]]

    assert await found(status="weighed") == [second.id, first.id]
    assert await found(status="failed") == []
    moment = second.submitted_at.isoformat()
    assert await found(since=moment) == [second.id]
    assert await found(until=moment) == [first.id]
    assert await found(until=moment.replace("+00:00", "")) == [first.id]
    for query in ("status=lost", "since=yesterday"):
        answer = await service.client.get(f"/pages?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()["errors"][0]
