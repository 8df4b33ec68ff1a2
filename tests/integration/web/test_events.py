"""Live events over a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from libra.report import FINISHED, Report, decode
from libra.web.site.live_updates import Update
from support.patience import FOR_EVER
from support.service import Service
from support.site import WebSite


async def events(answer: httpx.Response) -> AsyncIterator[tuple[int, Report]]:
    version, kind = 0, ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        match name:
            case "id":
                version = int(value)
            case "event":
                kind = value
            case "data":
                assert kind == "report"
                yield version, decode(value)


async def test_every_change_is_sent_until_the_page_is_finished(
    service: Service, site: WebSite
) -> None:
    page_id = (await service.client.post("/pages", json={"url": site.url("/held")})).json()["id"]
    seen = []
    async with service.client.stream("GET", f"/pages/{page_id}/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        async for version, report in events(answer):
            seen.append(version)
            assert report.version == version
            if report.status == "fetching":
                site.gate.set()
    assert report.status == "weighed"
    assert seen == sorted(set(seen))
    assert len(seen) > 1


async def test_who_comes_back_is_sent_only_what_is_new(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    path = f"/pages/{report.id}/events"
    before = {"Last-Event-ID": str(report.version - 1)}
    async with service.client.stream("GET", path, headers=before) as answer:
        assert [version async for version, _ in events(answer)] == [report.version]
    answer = await service.client.get(path, headers={"Last-Event-ID": str(report.version)})
    assert answer.status_code == 204  # which tells an EventSource to come back no more


async def test_two_follow_the_same_page_and_one_leaves(service: Service, site: WebSite) -> None:
    page_id = (await service.client.post("/pages", json={"url": site.url("/held")})).json()["id"]
    path = f"/pages/{page_id}/events"
    async with service.client.stream("GET", path) as stays:
        async with service.client.stream("GET", path) as leaves:
            assert await anext(events(leaves))
        site.gate.set()
        last = [report async for _, report in events(stays)][-1]
    assert last.status in FINISHED


async def test_a_stream_ends_when_the_server_stops(service: Service, site: WebSite) -> None:
    page_id = (await service.client.post("/pages", json={"url": site.url("/held")})).json()["id"]
    async with service.client.stream("GET", f"/pages/{page_id}/events") as answer:
        stream = events(answer)
        assert await anext(stream)
        await service.server.stop(FOR_EVER)
        assert [report.status async for _, report in stream].count("weighed") == 0
    site.gate.set()


async def test_whoever_looks_is_told_that_something_changed(
    service: Service, site: WebSite
) -> None:
    async with service.client.stream("GET", "/events") as answer:
        beats = pulses(answer)
        first = await anext(beats)
        await service.client.post("/pages", json={"url": site.url()})
        assert (await anext(beats)).pages > first.pages
        assert first.banner == ""
        await service.server.stop(FOR_EVER)
        assert [beat.banner async for beat in beats] in ([], [""])  # the stream ends


async def pulses(answer: httpx.Response) -> AsyncIterator[Update]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            assert kind == "pulse"
            yield msgspec.json.decode(value, type=Update)


async def test_when_as_many_follow_as_may_the_next_is_told_to_come_again(
    service: Service, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_id = (await service.client.post("/pages", json={"url": site.url("/held")})).json()["id"]
    path = f"/pages/{page_id}/events"
    monkeypatch.setattr("libra.web.http.event_stream.STREAMS", 1)
    async with service.client.stream("GET", path) as stays:
        await anext(stays.aiter_lines())
        for address in (path, "/events"):
            answer = await service.client.get(address)
            assert (answer.status_code, answer.json()["type"]) == (503, "/docs#busy")
            assert int(answer.headers["retry-after"]) >= 1
    site.gate.set()
