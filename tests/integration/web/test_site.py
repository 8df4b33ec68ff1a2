"""What people open, what machines watch, and what holds for every answer."""

from __future__ import annotations

import csv
import html
import re

import msgspec
import pytest

from libra.observability.health import Health
from libra.testing import until_watch
from support.service import BROWSER, MISSING, Service
from support.site import WebSite

PAGES = ["/", "/observer", "/docs", "/pages", f"/pages/{MISSING}", "/nowhere"]


async def test_the_start_page_lists_what_was_weighed(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    page = (await service.client.get("/", headers=BROWSER)).text
    assert f'href="/pages/{report.id}"' in page
    assert "A page" in page
    only = (await service.client.get("/", params={"url": "http://other.example/"})).text
    assert report.id not in only


async def test_the_list_goes_on_with_a_link(service: Service, site: WebSite) -> None:
    ids = [(await service.weighed(site.url(f"/{number}"))).id for number in range(21)]
    page = (await service.client.get("/?view=weigh-ins")).text
    link = re.search(r'href="(/\?[^"]+)" rel="next"', page)
    assert link
    older = (await service.client.get(html.unescape(link[1]))).text
    assert f'id="p-{ids[0]}"' in older
    assert f'id="p-{ids[1]}"' not in older


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(
    service: Service, path: str
) -> None:
    answer = await service.client.get(path, headers=BROWSER)
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=", answer.text)
    for url in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', answer.text):
        assert url.startswith("/static/")
        assert (await service.client.get(url)).status_code == 200


async def test_every_answer_carries_the_safe_headers(service: Service) -> None:
    for path in (*PAGES, "/health", "/openapi.json", "/metrics", "/static/style.css"):
        headers = (await service.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "server" not in headers, path


HOST = b"Host: localhost\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
OTHER_ANSWERS = [
    (b"GET /x HTTP/1.1\r\n" + HOST, 404),
    (b"GET /static/x HTTP/1.1\r\n" + HOST, 404),
    (b"GET /pages?limit=0 HTTP/1.1\r\n" + HOST, 400),
    (b"PATCH /pages HTTP/1.1\r\n" + HOST, 405),
    (b"OPTIONS /pages HTTP/1.1\r\n" + HOST, 204),
    (b"GET /events HTTP/1.1\r\n" + HOST, 200),
    (b"GET / HTTP/1.1\r\nHost: evil.example\r\n", 421),
    (b"GET / HTTP/1.1\r\n", 400),
    (b"POST /pages HTTP/1.1\r\nOrigin: http://evil.example\r\n" + HOST + FORM, 403),
    (b"POST /pages HTTP/1.1\r\nContent-Length: 99999999\r\n" + HOST + FORM, 413),
    (b"POST /pages HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n" + HOST, 415),
    (b"POST /pages/x/delete HTTP/1.1\r\nContent-Length: 0\r\n" + HOST, 303),
    (b"nonsense\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\n" + HOST, 400),
]


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_what_goes_wrong_carries_them_too(service: Service, accept: str) -> None:
    for request_head, status in OTHER_ANSWERS:
        head = request_head + f"Accept: {accept}\r\n\r\n".encode()
        ((answer, _),) = await service.raw(head)
        assert answer.startswith(b"HTTP/1.1 %d " % status), head
        lines = answer.lower().split(b"\r\n")
        assert b"x-content-type-options: nosniff" in lines, head
        assert b"referrer-policy: same-origin" in lines, head
        assert b"cross-origin-resource-policy: same-origin" in lines, head
        if any(line.startswith(b"content-type: text/html") for line in lines):
            assert any(
                line.startswith(b"content-security-policy: default-src 'none'") for line in lines
            ), head


async def test_a_file_is_kept_for_ever_only_under_the_address_of_its_content(
    service: Service,
) -> None:
    page = (await service.client.get("/")).text
    found = re.search(r'"(/static/style\.css\?v=\w+)"', page)
    assert found
    assert "immutable" in (await service.client.get(found[1])).headers["cache-control"]
    for path in ("/static/style.css", "/static/style.css?v=old"):
        assert (await service.client.get(path)).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.css", "..%2Fserver.py", "%2e%2e/server.py", "style.css/x"]
)
async def test_only_the_files_of_the_pages_are_served(service: Service, name: str) -> None:
    assert (await service.client.get(f"/static/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/pages/a/b/c", "/health/x", "/.env"])
async def test_an_unknown_route_is_a_problem(service: Service, path: str) -> None:
    answer = await service.client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"title": "Not Found", "status": 404}


async def test_a_parameter_that_is_missing_is_named(service: Service) -> None:
    answer = await service.client.get("/history.csv")
    assert answer.status_code == 400
    assert "'url'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/pages"), ("POST", "/"), ("PATCH", "/health")]
)
async def test_another_method_is_405_and_says_which_are_allowed(
    service: Service, method: str, path: str
) -> None:
    answer = await service.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]
    asked = await service.client.request("OPTIONS", path)
    assert answer.headers.get_list("allow") == [asked.headers["allow"]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
async def test_a_page_of_another_site_can_neither_submit_nor_delete(
    service: Service, site: WebSite, headers: dict[str, str]
) -> None:
    report = await service.weighed(site.url())
    submitted = await service.client.post("/pages", data={"url": site.url()}, headers=headers)
    deleted = await service.client.delete(f"/pages/{report.id}", headers=headers)
    assert submitted.status_code == deleted.status_code == 403
    assert submitted.headers["content-type"] == "application/problem+json"
    assert (await service.client.get(f"/pages/{report.id}", headers=headers)).status_code == 200


async def test_its_own_pages_can_submit(service: Service, site: WebSite) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": service.server.url}):
        answer = await service.client.post("/pages", data={"url": site.url()}, headers=headers)
        assert answer.status_code == 202


async def test_it_says_that_it_lives_and_takes_work_and_how_each_part_is(
    service: Service,
) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = await service.client.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}
    health = msgspec.json.decode((await service.client.get("/health")).content, type=Health)
    assert health.accepting
    assert "database" in {name.lower() for name in health.parts}


async def test_metrics_count_what_was_answered(service: Service, site: WebSite) -> None:
    await service.weighed(site.url())
    await service.client.get(f"/pages/{MISSING}")
    answer = await service.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'method="POST",route="/pages",status="202"} 1.0\n' in answer.text
    assert 'method="GET",route="/pages/{id}",status="404"} 1.0\n' in answer.text


async def test_the_observer_shows_the_tree(service: Service) -> None:
    page = (await service.client.get("/observer")).text
    for name in ("libra", "registry", "inspectors"):
        assert f"<b>{name}" in page.lower()


async def test_an_error_that_nobody_foresaw_is_logged_and_not_shown(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(service.libra, "health", broken)
    answer = await service.client.get("/health")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "secret" in caplog.text


async def test_the_history_can_be_taken_along_as_csv(service: Service, site: WebSite) -> None:
    reports = [await service.weighed(site.url()) for _ in range(2)]
    answer = await service.client.get("/history.csv", params={"url": site.url(), "range": "day"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="history.csv"'
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["id"] for row in rows] == [report.id for report in reports[::-1]]
    assert {int(row["transfer_bytes"]) for row in rows} == {
        report.total.transfer_bytes for report in reports
    }
    never = await service.client.get("/history.csv", params={"url": "http://never.example/"})
    assert len(never.text.splitlines()) == 1


@pytest.mark.parametrize("path", ["/history", "/history.csv"])
async def test_a_range_that_does_not_exist_is_an_error_that_names_the_others(
    service: Service, path: str
) -> None:
    wanted = {"url": "http://never.example/", "range": "eon"}
    answer = await service.client.get(path, params=wanted)
    assert answer.status_code == 400
    assert "day, week, month, year, all" in answer.json()["detail"]


async def test_crawlers_are_told_what_to_leave_alone_and_browsers_get_their_icon(
    service: Service,
) -> None:
    robots = await service.client.get("/robots.txt")
    assert robots.headers["content-type"].startswith("text/plain")
    assert "Disallow: /pages" in robots.text
    icon = await service.client.get("/favicon.ico")
    assert icon.headers["content-type"] == "image/x-icon"
    assert icon.content[:4] == b"\0\0\1\0"


async def test_the_page_to_try_the_api_needs_nothing_from_elsewhere(service: Service) -> None:
    page = (await service.client.get("/docs/try", headers=BROWSER)).text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) == 5
    for file in files:
        answer = await service.client.get(file)
        assert answer.status_code == 200
        assert "sourceMappingURL" not in answer.text


async def test_of_a_page_that_did_not_come_nothing_is_broken_down(service: Service) -> None:
    failed = await service.weighed("http://nobody.invalid/")
    page = (await service.client.get(f"/pages/{failed.id}", headers=BROWSER)).text
    for part in ("kinds", "hosts", "sections", "waterfall"):
        assert f'id="{part}" data-live hidden>' in page


async def test_a_line_of_the_list_is_one_url_and_leads_to_its_newest_weigh_in(
    service: Service, site: WebSite
) -> None:
    for path in ("/a?b", "/c"):
        await service.weighed(site.url(path))
    last = await service.weighed(site.url("/a?b"))
    watch = await service.libra.watch(site.url("/c"), max_weight=1)
    await until_watch(service.libra, watch.id, lambda watch: watch.status == "over-budget")
    page = (await service.client.get("/", headers=BROWSER)).text
    assert page.count('<li id="u-') == 2
    assert f'<a class="name" href="/pages/{last.id}">/a?b</a>' in page
    assert 'aria-label="2 weigh-ins,' in page
    assert "Over budget" in page[page.index(">/c</a>") :]
    for query, count in (
        ({"state": "over-budget"}, 1),
        ({"state": "watched", "text": "/C"}, 1),
        ({"state": "failed"}, 0),
        ({"host": "nobody.example"}, 0),
        ({"sort": "site"}, 2),
        ({"sort": "nonsense", "state": "nonsense"}, 2),
        ({"after": "nonsense"}, 0),
    ):
        listed = (await service.client.get("/", params=query, headers=BROWSER)).text
        assert listed.count('<li id="u-') == count, query
