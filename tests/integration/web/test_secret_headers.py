"""Request headers of a single weigh-in: they are sent, they survive, and nobody sees them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from libra.app import Libra
from libra.report import Backup
from libra.settings import Settings
from libra.testing import crash, settled, until
from support.service import BROWSER, Service, running
from support.site import WebSite

SECRET = "session=f00ba4"
HEADERS = {"Cookie": SECRET}
STRANGER = BROWSER
FULL = {**BROWSER, "Authorization": "Bearer a-secret-to-change"}


@pytest.fixture
def away(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose database cannot be opened until its directory is there."""
    return msgspec.structs.replace(settings, database=f"sqlite:///{tmp_path}/disk/libra.sqlite3")


@pytest.fixture
def mend(tmp_path: Path) -> Callable[[], None]:
    return (tmp_path / "disk").mkdir


def hurried(settings: Settings) -> Settings:
    """As of a program that is ended while it weighs."""
    return msgspec.structs.replace(settings, shutdown_grace=0)


def cookies(site: WebSite, path: str = "/") -> list[str | None]:
    return [one.headers.get("cookie") for one in site.requests if one.path == path]


def column(path: Path, page_id: str) -> str | None:
    """The headers of a page as the database has them."""
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT headers FROM pages WHERE id = ?", (page_id,)).fetchone()
    found: str | None = row[0]
    return found


async def as_safe(libra: Libra, page_id: str, backup: Backup) -> None:
    await until(libra, page_id, lambda report: report.backup == backup)


async def test_a_page_is_asked_for_with_them_however_it_is_submitted(
    service: Service, site: WebSite
) -> None:
    one, form, bulk = site.url("/one"), site.url("/form"), site.url("/bulk")
    answers = [
        await service.client.post("/pages", json={"url": one, "headers": HEADERS}),
        await service.client.post("/pages", data={"url": form, "headers": f"Cookie: {SECRET}\n"}),
    ]
    many = await service.client.post("/pages/bulk", json={"urls": [bulk], "headers": HEADERS})
    for page_id in (*(one.json()["id"] for one in answers), many.json()["pages"][0]["id"]):
        assert (await service.settled(page_id)).status == "weighed"
    for path in ("/one", "/form", "/bulk"):
        assert cookies(site, path) == [SECRET]


async def test_the_form_of_the_start_page_takes_them_for_one_url_and_for_many(
    service: Service, site: WebSite
) -> None:
    assert 'name="headers"' in (await service.client.get("/", headers=BROWSER)).text
    fields = {"url": site.url("/one"), "headers": f"Cookie: {SECRET}\r\nX-Two: 2"}
    answer = await service.client.post("/pages", data=fields, headers=BROWSER)
    assert answer.status_code == 303
    await service.settled(answer.headers["location"].rpartition("/")[2])
    fields["urls"] = site.url("/two")
    assert (await service.client.post("/pages", data=fields, headers=BROWSER)).status_code == 303
    for summary in (await service.client.get("/pages")).json()["pages"]:
        await service.settled(summary["id"])
    assert (cookies(site, "/one"), cookies(site, "/two")) == ([SECRET, SECRET], [SECRET])


@pytest.mark.parametrize("urls", ["", "https://a.example/"])
@pytest.mark.parametrize("line", ["no header f00ba4", "Host: f00ba4", "A b: f00ba4", "X: f00ba4é"])
async def test_what_cannot_be_sent_is_refused_and_a_value_is_not_shown_again(
    service: Service, urls: str, line: str
) -> None:
    form = {"url": "https://b.example/", "urls": urls, "headers": line}
    answer = await service.client.post("/pages", data=form, headers=BROWSER)
    assert answer.status_code == 400
    assert re.search(r'<textarea id="headers"[^>]* aria-invalid="true"', answer.text)
    assert answer.text.count("aria-invalid") == 1
    assert "Enter them again" in answer.text
    assert "f00ba4" not in answer.text
    assert (await service.client.get("/pages")).json()["pages"] == []


async def test_nobody_is_told_them(
    service: Service, site: WebSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wanted = {"url": site.url("/held"), "headers": HEADERS}
    key = {"Idempotency-Key": "k"}
    submitted = await service.client.post("/pages", json=wanted, headers=key)
    page_id = submitted.json()["id"]
    other = {"url": site.url("/other"), "headers": HEADERS}
    refused = await service.client.post("/pages", json=other, headers=key)
    assert refused.status_code == 422
    await site.until_held()
    seen = [submitted.text, refused.text]

    async def look() -> None:
        paths = ["", ".json", ".csv", ".har", ".json?download"]
        paths = [f"/pages/{page_id}{path}" for path in paths]
        paths += ["/", "/?view=weigh-ins", "/pages", "/observer", "/health", "/metrics"]
        requests = [(path, accept) for path in paths for accept in (BROWSER, {})]
        for path, accept in requests:
            answer = await service.client.get(path, headers=accept)
            seen.append(answer.text)
        seen.append(f"{service.libra.tree()}")

    await look()
    await crash(service.libra, page_id)
    await look()
    site.gate.set()
    await service.settled(page_id)
    await look()
    seen.append((await service.client.get(f"/pages/{page_id}/events")).text)
    assert "Weigh again</i> sends none" in "".join(seen)
    assert (await service.libra.report(page_id)).with_headers
    history = await service.client.get(
        "/history", params={"url": site.url("/held")}, headers=BROWSER
    )
    assert set(cookies(site, "/held")) == {SECRET}
    assert "f00ba4" not in "\n".join([*seen, history.text, caplog.text])


async def test_they_survive_a_restart_and_are_gone_from_the_database_once_the_page_is_weighed(
    settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    file = tmp_path / "libra.sqlite3"
    wanted = {"url": site.url("/held"), "headers": HEADERS}
    async with running(hurried(settings)) as service:
        page_id = (await service.client.post("/pages", json=wanted)).json()["id"]
        await as_safe(service.libra, page_id, "stored")
        await site.until_held()
    assert json.loads(column(file, page_id) or "null") == [["Cookie", SECRET]]
    # Neither in what people query nor in the report that is kept beside it.
    with closing(sqlite3.connect(file)) as connection:
        row = connection.execute("SELECT * FROM pages WHERE id = ?", (page_id,)).fetchone()
    assert sum("f00ba4" in str(value) for value in row) == 1
    site.gate.set()
    async with running(settings) as service:
        assert (await service.settled(page_id)).status == "weighed"
    assert set(cookies(site, "/held")) == {SECRET}
    assert len(cookies(site, "/held")) > 1
    assert column(file, page_id) is None


async def test_they_survive_a_restart_in_an_outage(
    away: Settings, mend: Callable[[], None], site: WebSite, tmp_path: Path
) -> None:
    wanted = {"url": site.url("/held"), "headers": HEADERS}
    async with running(hurried(away)) as service:
        page_id = (await service.client.post("/pages", json=wanted)).json()["id"]
        await as_safe(service.libra, page_id, "journaled")
        await site.until_held()
    before = len(cookies(site, "/held"))
    site.gate.set()
    async with running(away) as service:
        await settled(service.libra)
        await until(service.libra, page_id, lambda report: report.status == "weighed")
        mend()
        await service.settled(page_id)
    assert set(cookies(site, "/held")) == {SECRET}
    assert len(cookies(site, "/held")) > before
    assert column(tmp_path / "disk" / "libra.sqlite3", page_id) is None


async def test_those_that_python_gives_survive_a_restart_too(
    settings: Settings, site: WebSite
) -> None:
    async with Libra.open(hurried(settings)) as libra:
        options = msgspec.structs.replace(libra.options, headers=tuple(HEADERS.items()))
        page_id = await libra.weigh(site.url("/held"), options)
        await site.until_held()
        assert "f00ba4" not in repr(options)
    site.gate.set()
    async with Libra.open(settings) as libra:
        await until(libra, page_id, lambda report: report.status == "weighed")
    assert set(cookies(site, "/held")) == {SECRET}


async def test_they_are_gone_with_a_page_that_is_deleted_or_fails(
    settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    file = tmp_path / "libra.sqlite3"
    async with running(settings) as service:
        wanted = {"url": site.url("/held"), "headers": HEADERS}
        deleted = (await service.client.post("/pages", json=wanted)).json()["id"]
        await as_safe(service.libra, deleted, "stored")
        await site.until_held()
        assert column(file, deleted) is not None
        assert (await service.client.delete(f"/pages/{deleted}")).status_code == 204
        nowhere = {"url": "http://10.1.2.3/", "headers": HEADERS}
        failed = (await service.client.post("/pages", json=nowhere)).json()["id"]
        assert (await service.settled(failed)).status == "failed"
        site.gate.set()
    assert (column(file, deleted), column(file, failed)) == (None, None)


async def test_what_is_kept_of_a_key_says_nothing_of_them(
    service: Service, site: WebSite, tmp_path: Path
) -> None:
    wanted = {"url": site.url(), "headers": HEADERS}
    bodies = []
    for key in ("first", "second"):
        answer = await service.client.post("/pages", json=wanted, headers={"Idempotency-Key": key})
        again = await service.client.post("/pages", json=wanted, headers={"Idempotency-Key": key})
        assert answer.json()["id"] == again.json()["id"]
        await service.settled(answer.json()["id"])
        with closing(sqlite3.connect(tmp_path / "libra.sqlite3")) as connection:
            query = "SELECT idempotency FROM pages WHERE id = ?"
            ((kept,),) = connection.execute(query, (answer.json()["id"],))
        bodies.append(kept[32:])
    # Else whoever reads the database could try values until one leads to what is kept.
    assert bodies[0] != bodies[1]


async def test_strangers_who_may_submit_may_not_choose_them(
    settings: Settings, site: WebSite
) -> None:
    settings = msgspec.structs.replace(
        settings, public="submit", token=("do:full:a-secret-to-change",)
    )
    wanted = {"url": site.url(), "headers": HEADERS}
    async with running(settings) as service:
        client = service.client
        assert 'name="headers"' not in (await client.get("/", headers=STRANGER)).text
        assert 'name="headers"' in (await client.get("/", headers=FULL)).text
        refused = [
            await client.post("/pages", json=wanted),
            await client.post("/pages/bulk", json={"urls": [site.url()], "headers": HEADERS}),
            await client.post("/pages", data={"url": site.url(), "headers": f"Cookie: {SECRET}"}),
        ]
        # Who has no field for them is told all the same what is wrong with them.
        typed = {"url": site.url(), "headers": "Cookie"}
        told = await client.post("/pages", data=typed, headers=STRANGER)
        assert (told.status_code, told.text.count('role="alert"')) == (400, 1)
        assert [answer.status_code for answer in refused] == [403, 403, 403]
        assert {answer.json()["type"] for answer in refused} == {"/docs#not-allowed"}
        assert (await client.post("/pages", json={"url": site.url()})).status_code == 202
        allowed = {"Authorization": FULL["Authorization"]}
        assert (await client.post("/pages", json=wanted, headers=allowed)).status_code == 202
