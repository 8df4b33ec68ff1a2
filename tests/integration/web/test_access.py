"""Who gets in, over real connections: tokens, the login page, the short cut."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator

import msgspec
import pytest

from libra.report import Report
from libra.settings import Settings
from libra.web.access import guard
from libra.web.access.rate_limit import Rate
from libra.web.access.rights import is_loopback
from support.patience import FOR_EVER
from support.service import BROWSER, MISSING, Service, running
from support.site import WebSite

FULL = "a-secret-of-some-length"
READ = "another-secret-of-ours"
TOKENS = (f"ci:full:{FULL}", f"me:read:{READ}")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
async def guarded(settings: Settings) -> AsyncIterator[Service]:
    async with running(msgspec.structs.replace(settings, token=TOKENS)) as up:
        yield up


async def weighed(guarded: Service, site: WebSite) -> Report:
    answer = await guarded.client.post("/pages", json={"url": site.url()}, headers=bearer(FULL))
    assert answer.status_code == 202
    return await guarded.settled(answer.json()["id"])


async def test_without_a_token_there_is_nothing_but_the_way_in(guarded: Service) -> None:
    for path in ("/", "/pages", f"/pages/{MISSING}", "/metrics", "/docs", "/openapi.json", "/x"):
        answer = await guarded.client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == 'Bearer realm="libra"'
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/docs#token-needed"
    for path in ("/health/live", "/health/ready", "/login", "/static/style.css"):
        assert (await guarded.client.get(path)).status_code == 200, path


async def test_a_token_lets_in_as_far_as_its_role_goes(guarded: Service, site: WebSite) -> None:
    path = f"/pages/{(await weighed(guarded, site)).id}"
    for secret in (FULL, READ):
        assert (await guarded.client.get(path, headers=bearer(secret))).status_code == 200
        assert (await guarded.client.get("/metrics", headers=bearer(secret))).status_code == 200
    refused = await guarded.client.delete(path, headers=bearer(READ))
    assert refused.status_code == 403
    assert refused.json()["type"] == "/docs#not-allowed"
    assert (await guarded.client.delete(path, headers=bearer(FULL))).status_code == 204


async def test_the_short_cut_lets_nobody_in_whom_the_guard_would_not(
    guarded: Service, site: WebSite
) -> None:
    page_id = (await weighed(guarded, site)).id
    path = f"/pages/{page_id}"
    assert guarded.libra.report_at_hand(page_id) is not None
    assert (await guarded.client.get(path)).status_code == 401
    assert (await guarded.client.get(path, headers=bearer("wrong"))).status_code == 401
    assert (await guarded.client.get(path, headers={"Host": "evil.example"})).status_code == 421
    assert (await guarded.client.get(path, headers=bearer(READ))).status_code == 200
    head = f"GET {path} HTTP/1.1\r\nAuthorization: Bearer {READ}\r\n".encode()
    for more in (b"\r\n", b"Host: localhost\r\nHost: localhost\r\n\r\n"):
        ((answer, _),) = await guarded.raw(head + more)
        assert answer.startswith(b"HTTP/1.1 400 ")


async def test_the_short_cut_spends_from_the_rate_as_the_application_does(
    settings: Settings, site: WebSite
) -> None:
    limited = msgspec.structs.replace(settings, read_limit="5/h")
    async with running(limited) as service:
        report = await service.weighed(site.url())  # the first request
        path = f"/pages/{report.id}"
        statuses = [(await service.client.get(path)).status_code for _ in range(6)]
        assert statuses == [200] * 4 + [429] * 2
        answer = await service.client.get(path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after"] > 600


async def test_a_browser_is_shown_the_login_page_and_led_back(
    guarded: Service, site: WebSite
) -> None:
    path = f"/pages/{(await weighed(guarded, site)).id}"
    asked = await guarded.client.get(f"{path}?x=1", headers=BROWSER)
    assert asked.status_code == 401
    assert f'name="next" value="{path}?x=1"' in asked.text
    assert asked.headers["cache-control"] == "no-store"
    form = {"token": f" {READ} ", "next": f"{path}?x=1"}
    entered = await guarded.client.post("/login", data=form, headers=BROWSER)
    assert entered.status_code == 303
    assert entered.headers["location"] == f"{path}?x=1"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie  # this is plain HTTP
    assert READ not in cookie
    # httpx keeps the cookie, as a browser does.
    assert (await guarded.client.get(path, headers=BROWSER)).status_code == 200
    assert (await guarded.client.get(path)).status_code == 200
    assert (await guarded.client.delete(path)).status_code == 403
    assert "As <b>me</b>" in (await guarded.client.get("/login", headers=BROWSER)).text
    left = await guarded.client.post("/logout", headers=BROWSER)
    assert left.status_code == 303
    assert (await guarded.client.get(path, headers=BROWSER)).status_code == 401


async def test_a_wrong_token_is_said_to_be_wrong_and_not_for_ever(
    guarded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "FAILURES", Rate(20, FOR_EVER))
    answers = [
        await guarded.client.post("/login", data={"token": "wrong", "next": "//evil"})
        for _ in range(21)
    ]
    assert answers[0].status_code == 401
    assert 'role="alert"' in answers[0].text
    assert 'value="/"' in answers[0].text
    assert answers[20].status_code == 429
    assert int(answers[20].headers["retry-after"]) > 0
    assert "set-cookie" not in answers[0].headers


@pytest.mark.parametrize("body", [b"", b"\xff", b"token", b"token=%ff", b"x" * 9000])
async def test_whatever_is_sent_to_the_login_page_is_refused(guarded: Service, body: bytes) -> None:
    answer = await guarded.client.post("/login", content=body, headers=FORM)
    assert answer.status_code in (400, 401, 413)


async def test_nobody_logs_somebody_in_from_another_site(guarded: Service) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await guarded.client.post("/login", data={"token": READ}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_strangers_may_read_or_submit_where_that_is_said(
    settings: Settings, site: WebSite
) -> None:
    changes = {"token": TOKENS, "public": "submit", "submit_limit": "1/h"}
    async with running(msgspec.structs.replace(settings, **changes)) as service:
        page_id = (await service.client.post("/pages", json={"url": site.url()})).json()["id"]
        assert (await service.client.get(f"/pages/{page_id}")).status_code == 200
        assert (await service.client.get("/")).status_code == 200
        for path in ("/metrics", "/observer", "/health"):
            assert (await service.client.get(path)).status_code == 401
        assert (await service.client.delete(f"/pages/{page_id}")).status_code == 401
        second = await service.client.post("/pages", json={"url": site.url()})
        assert second.status_code == 429
        more = await service.client.post("/pages", json={"url": site.url()}, headers=bearer(FULL))
        assert more.status_code == 202


DISGUISES = [
    "/{}", "//{}", "///{}", "/{}/", "//{}//", "/./{}", "/static/../{}", "/static/%2e%2e/{}",
    "/login/../{}", "/%2f{}", "/%2F%2f{}", "/health/live/../../{}", "/{}%2f", "/{}?x=//y", "/x/../{}",
    "/{};x", "/static//../{}", "/%5c{}", "/%2e/{}", "/{}%00", "http://x/{}", "//x/{}", "*{}",
]  # fmt: skip


@pytest.mark.parametrize("path", ["metrics", "observer", "health", "watches"])
async def test_no_way_to_write_an_address_leads_past_the_guard(
    settings: Settings, path: str
) -> None:
    """What the router takes for the same path must be the same for whoever judges it."""
    async with running(msgspec.structs.replace(settings, public="read")) as service:
        for disguise in DISGUISES:
            target = disguise.format(path)
            request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            ((head, _),) = await service.raw(request.encode())
            status = int(head.split(b" ")[1])
            assert status in (400, 401, 404), (target, head)


async def test_no_way_to_write_an_address_lets_strangers_write(
    settings: Settings, site: WebSite
) -> None:
    changes = {"public": "submit", "submit_limit": "off", "read_limit": "off"}
    async with running(msgspec.structs.replace(settings, **changes)) as service:
        page_id = (await service.client.post("/pages", json={"url": site.url()})).json()["id"]
        await service.settled(page_id)
        for method, path in (("DELETE", f"pages/{page_id}"), ("POST", f"pages/{page_id}/delete")):
            for disguise in DISGUISES:
                target = disguise.format(path)
                request = (
                    f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                ((head, _),) = await service.raw(request.encode())
                assert int(head.split(b" ")[1]) in (400, 401, 404), (target, head)
        assert (await service.client.get(f"/pages/{page_id}")).status_code == 200


async def test_a_name_that_is_not_ours_is_refused_where_everything_is_open(
    service: Service,
) -> None:
    answer = await service.client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "--allowed-host" in answer.json()["detail"]


async def test_who_writes_or_fails_is_told_the_id_of_the_request(service: Service) -> None:
    failed = await service.client.get(f"/pages/{MISSING}", headers={"X-Request-Id": "my-own-id-1"})
    assert failed.headers["x-request-id"] == "my-own-id-1"
    strange = await service.client.get("/x", headers={"X-Request-Id": "a\tb"})
    assert len(strange.headers["x-request-id"]) == 32
    assert "x-request-id" not in (await service.client.get("/health/live")).headers


def test_a_name_is_known_by_what_it_stands_for() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("")  # every address of this machine


async def test_what_opens_the_gate_is_told_to_those_who_may_open_it(
    settings: Settings, site: WebSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "libra.gate")
    closed = msgspec.structs.replace(settings, token=TOKENS, public="read", allow=())
    async with running(closed) as up:
        url = site.url().replace("127.0.0.1", "localhost")
        answer = await up.client.post("/pages", json={"url": url}, headers=bearer(FULL))
        report = await up.settled(answer.json()["id"])
        assert (report.status, report.error) == ("failed", "denied: address not allowed")
        path = f"/pages/{report.id}"
        words = "is this machine itself: start with <code>--allow "
        for secret, told in ((FULL, True), (READ, False), (None, False)):
            headers = BROWSER | ({} if secret is None else bearer(secret))
            page = await up.client.get(path, headers=headers)
            assert (page.status_code, words in page.text) == (200, told), secret
            assert ("127.0.0.1" in page.text or "::1" in page.text) == told
        assert (await up.client.get(path)).text.count("--allow") == 0
        assert "start with `--allow" in caplog.text
        # An address that is written as one asks no resolver.
        caplog.clear()
        answer = await up.client.post("/pages", json={"url": site.url()}, headers=bearer(FULL))
        await up.settled(answer.json()["id"])
        words = "127.0.0.1 is this machine itself: start with `--allow 127.0.0.0/8`"
        assert f"refused 127.0.0.1: {words}" in caplog.text


async def test_a_token_is_made_and_revoked_in_the_browser(guarded: Service) -> None:
    client, full = guarded.client, BROWSER | bearer(FULL)
    form = {"name": "grafana", "role": "read", "days": "30"}
    for secret in (READ, None):
        headers = BROWSER | ({} if secret is None else bearer(secret))
        assert (await client.get("/tokens", headers=headers)).status_code in (401, 403)
        assert (await client.post("/tokens", data=form, headers=headers)).status_code in (401, 403)
    elsewhere = full | {"Origin": "https://evil.example"}
    assert (await client.post("/tokens", data=form, headers=elsewhere)).status_code == 403
    page = await client.post("/tokens", data=form, headers=full)
    assert (page.status_code, page.headers["cache-control"]) == (201, "no-store")
    found = re.search(r"<code>([\w-]{43})</code>", page.text)
    assert found is not None
    assert (await client.get("/metrics", headers=bearer(found[1]))).status_code == 200
    page = await client.get("/tokens", headers=full)
    assert "grafana" in page.text
    assert found[1] not in page.text
    for wrong in ({"name": "grafana"}, {"name": "x", "days": "0"}, {"name": "x", "role": "root"}):
        page = await client.post("/tokens", data=form | wrong, headers=full)
        assert (page.status_code, "Not done: " in page.text) == (400, True), wrong
    page = await client.post("/tokens/grafana/revoke", headers=full)
    assert (page.status_code, page.headers["location"]) == (303, "/tokens")
    assert (await client.get("/metrics", headers=bearer(found[1]))).status_code == 401
    assert (await client.post("/tokens/grafana/revoke", headers=full)).status_code == 404
