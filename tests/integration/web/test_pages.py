"""Pages over HTTP, as clients and browsers see them."""

from __future__ import annotations

import csv
import gzip
import io
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from libra.report import decode, encode
from libra.settings import Settings
from libra.testing.pages import PageServer, html
from libra.web.http.large_answers import LARGE, LARGE_DOWNLOAD
from support.service import BROWSER, MISSING, Service, running
from support.site import ASSETS, WebSite

PROBLEM = "application/problem+json"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_page_submitted_as_json_is_accepted_with_its_place_and_report(
    service: Service, site: WebSite
) -> None:
    answer = await service.client.post("/pages", json={"url": site.url()})
    assert answer.status_code == 202
    report = decode(answer.content)
    assert report.url == site.url()
    assert answer.headers["location"] == f"/pages/{report.id}"
    assert answer.headers["etag"] == f'"{report.version}"'
    assert answer.headers["content-type"] == "application/json"


async def test_a_form_without_a_browser_is_answered_as_json(
    service: Service, site: WebSite
) -> None:
    answer = await service.client.post("/pages", data={"url": site.url()})
    assert answer.status_code == 202
    assert decode(answer.content).url == site.url()


async def test_a_multipart_form_will_do(service: Service, site: WebSite) -> None:
    answer = await service.client.post("/pages", files={"url": (None, site.url())})
    assert answer.status_code == 202


async def test_a_form_in_a_browser_leads_to_the_page(service: Service, site: WebSite) -> None:
    answer = await service.client.post("/pages", data={"url": site.url()}, headers=BROWSER)
    assert answer.status_code == 303
    page = await service.client.get(answer.headers["location"], headers=BROWSER)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


async def test_a_form_in_a_browser_takes_an_address_without_its_scheme(
    service: Service, site: WebSite
) -> None:
    bare = site.url("/bare").removeprefix("http://")
    answer = await service.client.post("/pages", data={"url": bare}, headers=BROWSER)
    assert answer.status_code == 303
    both = {"url": bare, "urls": f"{bare}/b\n{site.url('/c')}"}
    assert (await service.client.post("/pages", data=both, headers=BROWSER)).status_code == 303
    weighed = {page.url for page in (await service.libra.recent()).pages}
    assert weighed == {site.url("/bare"), site.url("/bare/b"), site.url("/c")}
    looked = await service.client.get("/history", params={"url": bare}, headers=BROWSER)
    assert site.url("/bare") in looked.text


async def test_the_interface_for_programs_does_not_guess(service: Service, site: WebSite) -> None:
    bare = site.url().removeprefix("http://")
    for answer in (
        await service.client.post("/pages", data={"url": bare}),
        await service.client.post("/pages", json={"url": bare}),
    ):
        assert answer.status_code == 400
        assert answer.json()["type"] == "/docs#invalid-url"
    bulk = await service.client.post("/pages/bulk", json={"urls": [bare]})
    assert bulk.json()["refused"] == 1


@pytest.mark.parametrize("urls", ["", "{url}"])
@pytest.mark.parametrize(
    ("name", "text"), [("headers", "no header"), ("headers", "Host: a.example"), ("viewport", "1x")]
)
async def test_what_is_wrong_with_an_option_is_told_at_its_field(
    service: Service, site: WebSite, urls: str, name: str, text: str
) -> None:
    fields = {"url": site.url(), "urls": urls.format(url=site.url("/b")), name: text}
    answer = await service.client.post("/pages", data=fields, headers=BROWSER)
    assert answer.status_code == 400
    (field,) = re.findall(r"<(?:input|textarea)[^>]*aria-invalid[^>]*>", answer.text)
    assert f'id="{name}"' in field
    assert f'aria-describedby="wrong {name}-hint"' in field
    assert answer.text.count('id="wrong"') == 1
    assert '<details class="fold options" open>' in answer.text
    assert (await service.libra.recent()).pages == ()


async def test_a_browser_is_shown_what_is_wrong_with_the_url_beside_what_was_typed(
    service: Service,
) -> None:
    answer = await service.client.post("/pages", data={"url": 'ftp://"<x>'}, headers=BROWSER)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert 'value="ftp://&#34;&lt;x&gt;"' in answer.text
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "ftp://example.com",
        "javascript:alert(1)",
        "http://",
        "http://a:70000",
        "x" * 5000,
        "http://user:secret@example.com/",
        "http://exa mple.com/",
        "example.com",
    ],
)
async def test_a_url_that_cannot_be_weighed_is_refused_with_the_reason(
    service: Service, url: str
) -> None:
    answer = await service.client.post("/pages", json={"url": url})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["type"] == "/docs#invalid-url"
    assert problem["status"] == 400
    assert len(problem["detail"]) > 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{}",
        b'{"url": 1}',
        b'{"url": null}',
        b'{"uri": "x"}',
        b"\xff",
        b'{"url": "http://a/", "more": 1}',
        b"[" * 60000,
    ],
)
async def test_json_of_another_shape_is_refused_with_the_reason(
    service: Service, body: bytes
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = await service.client.post("/pages", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"].startswith("The body is invalid")


@pytest.mark.parametrize(
    "body", [b"", b"uri=x", b"url=%ff\xff", b'{"url": "http://a/"}', b"&" * 999]
)
async def test_a_form_without_a_url_is_refused(service: Service, body: bytes) -> None:
    answer = await service.client.post("/pages", content=body, headers=FORM)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
async def test_a_body_of_another_type_is_415(service: Service, headers: dict[str, str]) -> None:
    answer = await service.client.post("/pages", content=b"url=x", headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.headers["accept-post"]


async def test_a_compressed_body_is_415_and_the_answer_says_why(service: Service) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(b'{"url": "https://example.com"}')
    answer = await service.client.post("/pages", content=body, headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert "Content-Encoding" in answer.json()["detail"]


async def _in_pieces() -> AsyncIterator[bytes]:
    for _ in range(70):
        yield b"x" * 1024


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_413(service: Service, chunked: bool) -> None:
    body = _in_pieces() if chunked else b"x" * 70_000
    answer = await service.client.post("/pages", content=body, headers=FORM)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == PROBLEM


async def test_a_report_is_json_for_programs_and_html_for_browsers(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    path = f"/pages/{report.id}"
    as_json = await service.client.get(path)
    assert as_json.headers["content-type"] == "application/json"
    assert decode(as_json.content) == report
    as_html = await service.client.get(path, headers=BROWSER)
    assert as_html.headers["content-type"] == "text/html; charset=utf-8"
    assert "A page" in as_html.text
    assert as_json.headers["vary"] == "Accept"
    assert as_html.headers["vary"] == "Accept, Accept-Encoding"


async def test_a_suffix_chooses_the_format_whatever_the_client_accepts(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    path = f"/pages/{report.id}"
    as_json = await service.client.get(f"{path}.json", headers=BROWSER)
    assert decode(as_json.content) == report
    as_csv = await service.client.get(f"{path}.csv", headers=BROWSER)
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(as_csv.text)))) == ASSETS
    as_har = await service.client.get(f"{path}.har", headers=BROWSER)
    assert len(as_har.json()["log"]["entries"]) == ASSETS
    assert (await service.client.get(f"{path}.pdf")).status_code == 404


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_a_copy_that_is_current_is_not_sent_again(
    service: Service, site: WebSite, accept: str
) -> None:
    report = await service.weighed(site.url())
    for suffix in ("", ".json", ".csv", ".har"):
        await _is_not_sent_again(service, f"/pages/{report.id}{suffix}", accept)


async def _is_not_sent_again(service: Service, path: str, accept: str) -> None:
    etag = (await service.client.get(path, headers={"Accept": accept})).headers["etag"]
    headers = {"Accept": accept, "If-None-Match": f'"other", {etag}'}
    answer = await service.client.get(path, headers=headers)
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["etag"] == etag
    headers["If-None-Match"] = '"other"'
    assert (await service.client.get(path, headers=headers)).status_code == 200


async def test_head_is_get_without_the_body(service: Service, site: WebSite) -> None:
    path = f"/pages/{(await service.weighed(site.url())).id}"
    for headers in ({}, BROWSER):
        got = await service.client.get(path, headers=headers)
        head = await service.client.head(path, headers=headers)
        assert head.status_code == 200
        assert head.content == b""
        for name in ("etag", "content-type", "content-length", "vary"):
            assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("suffix", ["", ".json", ".csv", "/events"])
async def test_a_page_that_is_not_there_is_404(service: Service, suffix: str) -> None:
    for path in (f"/pages/{MISSING}", "/pages/nonsense", "/pages/%00%ff"):
        answer = await service.client.get(path + suffix)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == PROBLEM, path
        assert answer.json()["type"] == "/docs#page-not-found", path


async def test_a_browser_gets_an_error_as_a_page(service: Service) -> None:
    answer = await service.client.get(f"/pages/{MISSING}", headers=BROWSER)
    assert answer.status_code == 404
    assert "No such page" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_deleted_page_is_gone(service: Service, site: WebSite) -> None:
    path = f"/pages/{(await service.weighed(site.url())).id}"
    answer = await service.client.delete(path)
    assert answer.status_code == 204
    assert answer.content == b""
    assert (await service.client.get(path)).status_code == 404
    assert (await service.client.delete(path)).status_code == 404


async def test_pages_are_listed_newest_first_in_pages_of_the_list(
    service: Service, site: WebSite
) -> None:
    ids = [(await service.weighed(site.url(f"/{number}"))).id for number in range(5)]
    found, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        answer = (await service.client.get("/pages", params=params)).json()
        assert answer["partial"] is False
        found += [page["id"] for page in answer["pages"]]
        after = answer["next"]
        if after is None:
            break
    assert found == ids[::-1]


async def test_a_list_goes_on_where_it_was_although_pages_come_and_go_meanwhile(
    service: Service, site: WebSite
) -> None:
    ids = [(await service.weighed(site.url(f"/{number}"))).id for number in range(5)]
    first = (await service.client.get("/pages", params={"limit": 2})).json()
    await service.weighed(site.url("/newer"))
    await service.client.delete(f"/pages/{first['next']}")  # the one that the cursor names
    await service.client.delete(f"/pages/{ids[1]}")
    rest = (await service.client.get("/pages", params={"after": first["next"]})).json()
    assert [page["id"] for page in first["pages"]] == [ids[4], ids[3]]
    assert [page["id"] for page in rest["pages"]] == [ids[2], ids[0]]


@pytest.mark.parametrize(
    "after",
    ["x", "0", "../..", "0199AAAA-AAAA-7AAA-8AAA-AAAAAAAAAAAA", f"{MISSING} ", "%00", "zzz"],
)
async def test_what_is_no_cursor_is_refused_and_not_guessed_at(
    service: Service, after: str
) -> None:
    for path in ("/pages", "/watches", "/"):
        answer = await service.client.get(path, params={"after": after})
        assert answer.status_code == 400, path
        assert "after" in answer.json()["errors"][0]


async def test_a_list_can_be_of_one_url(service: Service, site: WebSite) -> None:
    wanted = await service.weighed(site.url("/wanted"))
    await service.weighed(site.url("/other"))
    answer = await service.client.get("/pages", params={"url": wanted.url})
    assert [page["id"] for page in answer.json()["pages"]] == [wanted.id]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", f"after={'x' * 65}"])
async def test_a_parameter_out_of_range_is_refused_by_name(service: Service, query: str) -> None:
    answer = await service.client.get(f"/pages?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert query.partition("=")[0] in answer.json()["errors"][0]


async def test_when_no_page_may_leave_the_next_is_told_when_to_come_back(
    site: WebSite, settings: Settings
) -> None:
    async with running(msgspec.structs.replace(settings, max_pages=1, shutdown_grace=0)) as full:
        first = await full.client.post("/pages", json={"url": site.url("/held")})
        assert first.status_code == 202
        answer = await full.client.post("/pages", json={"url": site.url()})
        assert answer.status_code == 503
        assert answer.json()["type"] == "/docs#full"
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after"] >= 1


async def test_while_the_database_is_down_a_page_that_may_exist_is_never_404(
    tmp_path: Path, site: WebSite, settings: Settings
) -> None:
    (tmp_path / "file").write_text("no folder, so there can be no database in it")
    down = msgspec.structs.replace(
        settings, database=f"sqlite:///{tmp_path}/file/libra.sqlite3", shutdown_grace=0
    )
    async with running(down) as service:
        answer = await service.client.get(f"/pages/{MISSING}")
        assert answer.status_code == 503
        assert answer.json()["type"] == "/docs#page-unknown"
        assert int(answer.headers["retry-after"]) >= 1
        page_id = (await service.client.post("/pages", json={"url": site.url()})).json()["id"]
        assert (await service.client.get(f"/pages/{page_id}")).status_code == 200
        listed = (await service.client.get("/pages")).json()
        assert listed["partial"] is True
        assert [page["id"] for page in listed["pages"]] == [page_id]
        assert (await service.client.get("/health/ready")).status_code == 200


async def test_a_page_whose_row_is_damaged_is_neither_404_nor_503(
    tmp_path: Path, site: WebSite, settings: Settings
) -> None:
    async with running(settings) as service:
        page_id = (await service.weighed(site.url())).id
    with closing(sqlite3.connect(tmp_path / "libra.sqlite3", isolation_level=None)) as connection:
        connection.execute("UPDATE pages SET url = CAST(x'ff' AS TEXT)")
    async with running(settings) as service:
        answer = await service.client.get(f"/pages/{page_id}")
        assert answer.status_code == 500
        assert answer.json()["type"] == "/docs#page-unreadable"
        listed = await service.client.get("/pages")
        assert (listed.status_code, listed.json()["pages"]) == (200, [])


async def test_a_large_report_can_be_read_in_every_form(service: Service) -> None:
    async with PageServer() as server:
        images = "".join(f"<img src=/{number}.png>" for number in range(500))
        server.site["/"] = html(images)
        report = await service.weighed(server.url())
    assert len(encode(report)) > LARGE
    page = await service.client.get(f"/pages/{report.id}", headers=BROWSER)
    assert f"<dd>{report.total.requests}</dd>" in page.text
    compared = await service.client.get(f"/compare?a={report.id}&b={report.id}", headers=BROWSER)
    assert f"{report.total.requests} requests" in compared.text
    table = await service.client.get(f"/pages/{report.id}.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["url"] for row in rows] == [asset.url for asset in report.assets]


async def test_all_rows_of_a_long_report_can_be_seen_and_searched(service: Service) -> None:
    async with PageServer() as server:
        images = "".join(f"<img src=/{number}.png>" for number in range(530))
        server.site["/"] = html(images, head="<link rel=icon href=data:,>")
        report = await service.weighed(server.url())
    path = f"/pages/{report.id}"

    async def rows(query: str) -> tuple[set[str], str]:
        answer = await service.client.get(f"{path}{query}", headers=BROWSER)
        assert answer.status_code == 200
        return set(re.findall(r'<tr id="a(\d+)"', answer.text)), answer.text

    first, text = await rows("")
    assert len(first) == 101
    assert 'href="?show=image#s-image">Show all 530<' in text
    one, text = await rows("?show=image")
    assert 'href="?show=image&amp;page=2#s-image" rel="next"' in text
    other, text = await rows("?show=image&page=2")
    assert "501 to 530 of 530" in text
    assert one | other == {str(index) for index in range(531)}
    found, text = await rows("?find=/52&sort=address")
    assert {report.assets[int(index)].url for index in found} == {
        server.url(f"/{name}.png") for name in (52, *range(520, 530))
    }
    assert "11 of 531 requests have “/52” in the address." in text
    assert 'value="/52"' in text
    assert '<input type="hidden" name="sort" value="address">' in text
    none, text = await rows("?find=%22%3E%3Cscript%3E&show=nonsense&page=0")
    assert none == set()
    assert "No request has “&#34;&gt;&lt;script&gt;” in the address." in text


async def test_a_download_whose_parser_may_not_finish_is_503_with_the_reason(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PageServer() as server:
        server.site["/"] = html("".join(f"<img src=/{number}.png>" for number in range(100)))
        report = await service.weighed(server.url())
    assert len(encode(report)) > LARGE_DOWNLOAD
    monkeypatch.setattr("libra.parsers.pool.PAGE_SECONDS", 0.0)
    answer = await service.client.get(f"/pages/{report.id}.har")
    assert (answer.status_code, answer.json()["type"]) == (503, "/docs#not-converted")
    assert "too-complex: " in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    monkeypatch.undo()
    answer = await service.client.get(f"/pages/{report.id}.har")
    assert (answer.status_code, len(answer.json()["log"]["entries"])) == (
        200,
        len(report.assets),
    )
