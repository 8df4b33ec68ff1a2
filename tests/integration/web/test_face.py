"""What a browser is sent: pages that offer what may be done, and forms that need no script."""

from __future__ import annotations

import msgspec
import pytest

from libra.settings import Settings
from support.service import BROWSER, MISSING, Service, running
from support.site import WebSite

CONTROLS = ('action="/pages"', "/delete", "Weigh again", "/observer")


async def test_a_page_is_deleted_by_a_form_and_one_is_back_where_one_was(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    path = f"/pages/{report.id}/delete"
    answer = await service.client.post(path, data={"back": "/?host=127.0.0.1&after=x"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?host=127.0.0.1&after=x"
    assert (await service.client.get(f"/pages/{report.id}")).status_code == 404
    # Once more, as by somebody who was slower: that is what was asked for.
    assert (await service.client.post(path)).headers["location"] == "/"


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/?a\r\nSet-Cookie: a=b",
        "/?é",
    ],
)
async def test_a_form_leads_nowhere_else(service: Service, back: str) -> None:
    answer = await service.client.post(f"/pages/{MISSING}/delete", data={"back": back})
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers


async def test_a_form_of_another_site_is_refused(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    headers = {"Origin": "https://evil.example"}
    for path in (f"/pages/{report.id}/delete", "/observer/retry"):
        assert (await service.client.post(path, headers=headers)).status_code == 403
    assert (await service.client.get(f"/pages/{report.id}")).status_code == 200


async def test_what_is_not_quarantined_cannot_be_retried_and_does_no_harm(
    service: Service,
) -> None:
    for form in ({}, {"page": MISSING}, {"page": "<script>"}):
        answer = await service.client.post("/observer/retry", data=form)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/observer"


async def test_pages_offer_only_what_whoever_looks_may_do(
    settings: Settings, site: WebSite
) -> None:
    settings = msgspec.structs.replace(settings, token=("boss:full:" + "s" * 32,), public="read")
    async with running(settings) as service:
        boss = {**BROWSER, "Authorization": "Bearer " + "s" * 32}
        submitted = await service.client.post("/pages", json={"url": site.url()}, headers=boss)
        report = await service.settled(submitted.json()["id"])
        for path in ("/", f"/pages/{report.id}", f"/history?url={site.url()}"):
            seen = (await service.client.get(path, headers=BROWSER)).text
            assert not any(control in seen for control in CONTROLS)
            assert "Log in" in seen
            seen = (await service.client.get(path, headers=boss)).text
            assert any(control in seen for control in CONTROLS[:3])
            assert "Log in" not in seen
            assert "boss" in seen


async def test_a_copy_of_a_page_is_current_only_for_who_got_it_and_as_it_was_sorted(
    settings: Settings, site: WebSite
) -> None:
    settings = msgspec.structs.replace(settings, token=("boss:full:" + "s" * 32,), public="read")
    async with running(settings) as service:
        boss = {**BROWSER, "Authorization": "Bearer " + "s" * 32}
        submitted = await service.client.post("/pages", json={"url": site.url()}, headers=boss)
        path = f"/pages/{(await service.settled(submitted.json()['id'])).id}"
        tag = {"If-None-Match": (await service.client.get(path, headers=boss)).headers["etag"]}
        assert (await service.client.get(path, headers=boss | tag)).status_code == 304
        assert (await service.client.get(path, headers=BROWSER | tag)).status_code == 200
        for query in ("sort=time", "find=png", "show=image"):
            other = await service.client.get(f"{path}?{query}", headers=boss | tag)
            assert other.status_code == 200


async def test_pages_and_files_are_compressed_and_json_is_as_it_rests(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    accept = {"Accept-Encoding": "gzip"}
    for path in ("/", f"/pages/{report.id}", "/observer", "/docs", "/static/style.css"):
        answer = await service.client.get(path, headers={**BROWSER, **accept})
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert int(answer.headers["content-length"]) < len(answer.content) / 2
        plain = await service.client.get(path, headers={**BROWSER, "Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
    as_json = await service.client.get(f"/pages/{report.id}", headers=accept)
    assert "content-encoding" not in as_json.headers


async def test_looking_back_at_nothing_is_a_page_too(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    never = await service.client.get("/history?url=http://never.example/", headers=BROWSER)
    assert never.status_code == 200
    assert "Not weighed yet" in never.text
    alone = await service.client.get(f"/compare?b={report.id}", headers=BROWSER)
    assert "nothing to compare it with" in alone.text
    for path, status in (
        ("/history", 303),
        ("/history?url=nonsense", 400),
        ("/compare", 303),
        (f"/compare?b={MISSING}", 404),
        (f"/compare?a={MISSING}&b={report.id}", 404),
        (f"/compare?b={'x' * 100}", 400),
    ):
        answer = await service.client.get(path, headers=BROWSER)
        assert answer.status_code == status
        assert status == 303 or answer.headers["content-type"].startswith("text/html")


async def test_pages_are_listed_by_host_and_text(service: Service, site: WebSite) -> None:
    one = await service.weighed(site.url("/one"))
    two = await service.weighed(site.url("/two"))
    found = (await service.client.get("/pages", params={"text": "/ONE"})).json()["pages"]
    assert [page["id"] for page in found] == [one.id]
    found = (await service.client.get("/pages", params={"host": "127.0.0.1"})).json()["pages"]
    assert [page["id"] for page in found] == [two.id, one.id]
    assert (await service.client.get("/pages", params={"host": "x.test"})).json()["pages"] == []
