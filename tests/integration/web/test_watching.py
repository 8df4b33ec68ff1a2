"""Watching pages in a browser: a form that needs no script, and pages that say how it goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from libra.app import Confirm, Watch, WatchChanges, schedule_words
from libra.inspector.watches import watches as watching
from libra.inspector.watches.watcher import Watcher
from libra.inspector.watches.watches import Watchers
from libra.settings import Settings
from libra.testing import process_of, until_watch
from support.receiver import Receiver
from support.service import BROWSER, Service, running
from support.site import WebSite

TOKENS = ("see:read:a-secret-to-read", "do:full:a-secret-to-change")
SEE = {**BROWSER, "Authorization": "Bearer a-secret-to-read"}
DO = {**BROWSER, "Authorization": "Bearer a-secret-to-change"}


async def sent(service: Service, **form: str) -> Any:
    return await service.client.post("/watches", data=form, headers=BROWSER)


async def seen(service: Service, path: str, headers: Mapping[str, str] = BROWSER) -> str:
    answer = await service.client.get(path, headers=dict(headers))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return text_of(answer.text)


def text_of(html: str) -> str:
    """What a page says, without its marks: words and single spaces."""
    return " ".join(re.sub(r"<[^>]*>", "", html).replace("&nbsp;", " ").split())


async def watch_with(service: Service, watch_id: str, **wanted: object) -> Watch:
    """Wait until a watch is so."""
    return await until_watch(
        service.libra,
        watch_id,
        lambda watch: all(getattr(watch, name) == value for name, value in wanted.items()),
    )


@pytest.fixture
async def watch(service: Service, site: WebSite) -> Watch:
    made = await service.libra.watch(site.url(), every="0 6 * * mon-fri", max_weight=1000)
    return await watch_with(service, made.id, status="over-budget", page=None)


async def test_the_form_of_a_page_has_it_watched_and_leads_to_its_history(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    page = (await service.client.get(f"/pages/{report.id}", headers=BROWSER)).text
    form = page[page.index('action="/watches"') :].partition("</form>")[0]
    assert f'type="hidden" name="url" value="{report.url}"' in form
    answer = await sent(service, url=report.url, every="week", max_weight="", jump_percent="20")
    assert answer.status_code == 303
    history = await seen(service, answer.headers["location"])
    (made,) = service.libra.watches(url=report.url).watches
    assert "Every week, next" in history
    assert "Libra sends no alerts" in history
    assert made.terms.max_weight is None
    assert "Watched: every week" in await seen(service, f"/pages/{report.id}")


async def test_a_page_whose_url_is_watched_meanwhile_is_another(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    path = f"/pages/{report.id}"
    tag = (await service.client.get(path, headers=BROWSER)).headers["etag"]
    asked = {**BROWSER, "If-None-Match": tag}
    assert (await service.client.get(path, headers=asked)).status_code == 304
    await service.libra.watch(report.url)
    assert (await service.client.get(path, headers=asked)).status_code == 200


async def test_the_secret_is_shown_once_and_says_so(service: Service, site: WebSite) -> None:
    form = {"url": site.url(), "webhook": "https://hooks.test/a-key"}
    answer = await sent(service, **form)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    secret = re.search(r"whsec_[\w-]+", answer.text)
    assert secret is not None
    assert "Copy it now" in answer.text
    (made,) = service.libra.watches().watches
    assert answer.headers["location"] == f"/watches/{made.id}"
    for path in ("/watches", f"/watches/{made.id}", f"/history?url={site.url()}"):
        shown = await seen(service, path)
        assert "whsec_" not in shown
        assert "a-key" not in shown
        assert "Alerts go to https://hooks.test/…" in shown


async def test_what_is_wrong_is_said_at_each_field_and_what_was_written_stays(
    service: Service,
) -> None:
    answer = await sent(
        service,
        url='bakery"><script>',
        every="day",
        cron="soon",
        max_weight="heavy",
        jump_percent="a lot",
        jump_bytes="50 kB",
        webhook="slack",
    )
    assert answer.status_code == 400
    assert service.libra.watches().watches == ()
    assert "<script>" not in answer.text.replace('<script src="/static', "")
    for name, value, words in (
        ("url", "bakery&#34;&gt;&lt;script&gt;", "has no scheme"),
        ("cron", "soon", "a cron expression of five fields"),
        ("max_weight", "heavy", "write 500kB"),
        ("jump_percent", "a lot", "write a number such as 20"),
        ("webhook", "slack", "Write it as https://slack"),
    ):
        field = re.search(rf"<input [^>]*name=\"{name}\"[^>]*>", answer.text)
        assert field is not None
        assert f'value="{value}"' in field[0]
        assert 'aria-invalid="true"' in field[0]
        assert f"watch-{name}-wrong" in field[0]
        said = answer.text.partition(f'id="watch-{name}-wrong">')[2].partition("</span>")[0]
        assert words in said
    assert answer.text.count("autofocus") == 1
    assert answer.text.count("aria-invalid") == 5
    assert "please correct 5 fields" in answer.text


async def test_a_form_without_a_url_asks_for_one(service: Service) -> None:
    answer = await sent(service, url=" ", every="fortnight")
    assert answer.status_code == 400
    assert "Write the address of a page here." in answer.text
    assert "correct 1 field." not in answer.text  # the schedule is wrong as well


async def test_the_address_of_a_page_may_lack_its_scheme(service: Service, site: WebSite) -> None:
    bare = site.url().removeprefix("http://")
    answer = await sent(service, url=bare, every="day")
    assert answer.status_code == 303
    (watch,) = service.libra.watches().watches
    assert watch.url == site.url()
    changed = await service.client.post(
        f"/watches/{watch.id}/edit", data={"url": f"{bare}b", "every": "day"}, headers=BROWSER
    )
    assert changed.status_code == 303
    assert service.libra.watch_of(watch.id).url == site.url("/b")
    for program in (
        await service.client.post("/watches", data={"url": bare}),
        await service.client.post("/watches", json={"url": bare}),
    ):
        assert program.status_code == 400


async def test_what_cannot_be_watched_now_can_be_sent_again(
    service: Service, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MAX_WATCHES", 0)
    answer = await sent(service, url=site.url(), max_weight="123 kB")
    assert answer.status_code == 409
    assert "Not watched: the limit of watches is reached" in answer.text
    assert 'value="123 kB"' in answer.text


async def test_who_submits_too_much_keeps_the_form(settings: Settings, site: WebSite) -> None:
    hurried = msgspec.structs.replace(settings, submit_limit="1/h")
    async with running(hurried) as service:
        assert (await sent(service, url=site.url())).status_code == 303
        answer = await sent(service, url=site.url(), max_weight="123 kB")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert 'value="123 kB"' in answer.text


async def test_a_form_of_another_site_makes_no_watch_and_takes_none_away(
    service: Service, watch: Watch
) -> None:
    foreign = {**BROWSER, "Origin": "https://evil.example"}
    paths = ("/watches", f"/watches/{watch.id}/delete", f"/watches/{watch.id}/run")
    for path in paths:
        answer = await service.client.post(path, data={"url": watch.url}, headers=foreign)
        assert answer.status_code == 403
    assert [one.id for one in service.libra.watches().watches] == [watch.id]


async def test_the_list_says_how_each_is_and_when_it_is_next(
    service: Service, watch: Watch
) -> None:
    text = await seen(service, "/watches")
    assert watch.url in text
    assert "Over its budget" in text
    assert "over its budget of 1.0 kB" in text
    assert f"{schedule_words('0 6 * * mon-fri')}, next" in text
    assert "At 06:00 on Monday through Friday (UTC)" in text
    assert "No webhook and no destination, so Libra sends no alerts." in text
    assert "weighed just now" in text
    narrowed = await seen(service, f"/watches?url={watch.url}")
    assert "Show all" in narrowed
    assert "Over its budget" in narrowed
    alone = await seen(service, f"/watches/{watch.id}")
    assert "Over its budget" in alone
    assert "No watches." in await seen(service, "/watches?url=http://a.test/")


async def test_a_long_list_is_turned_over(service: Service, site: WebSite) -> None:
    ids = [(await service.libra.watch(site.url(f"/{number}"))).id for number in range(3)]
    first = (await service.client.get("/watches?limit=2", headers=BROWSER)).text
    assert all(f'id="w-{one}"' in first for one in ids[1:])
    assert ids[0] not in first
    older = re.search(r'href="(/watches\?after=[^"]+)" rel="next"', first)
    assert older is not None
    second = (await service.client.get(older[1], headers=BROWSER)).text
    assert f'id="w-{ids[0]}"' in second
    assert "First" in second


async def test_json_is_as_ever_for_who_asks_for_it(service: Service, watch: Watch) -> None:
    for path in ("/watches", f"/watches/{watch.id}"):
        answer = await service.client.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["vary"] == "Accept"


async def test_a_watch_is_run_and_deleted_from_where_one_is(service: Service, watch: Watch) -> None:
    ran = await service.client.post(f"/watches/{watch.id}/run", headers=BROWSER)
    assert ran.status_code == 303
    assert re.fullmatch(r"/pages/[0-9a-f-]{36}", ran.headers["location"])
    path = f"/watches/{watch.id}/delete"
    gone = await service.client.post(path, data={"back": "history"}, headers=BROWSER)
    assert gone.headers["location"].startswith("/history?url=")
    assert "Libra sends no alerts" not in await seen(service, gone.headers["location"])


async def test_how_the_last_alert_went_is_told(settings: Settings, site: WebSite) -> None:
    async with Receiver() as receiver, running(settings) as service:
        made = await service.libra.watch(site.url(), max_weight=1, webhook=receiver.url)
        await watch_with(service, made.id, alerts_waiting=0, status="over-budget")
        text = await seen(service, f"/history?url={site.url()}")
        assert "the last one (over budget) arrived just now." in text
    async with running(settings) as service:
        made = await service.libra.watch(site.url(), max_weight=1, webhook=receiver.url)
        await until_watch(service.libra, made.id, lambda watch: watch.delivery is not None)
        text = await seen(service, f"/watches/{made.id}")
        assert "(over budget) did not arrive and will be retried, tried just now: refused" in text
        assert "1 alert pending." in text


class Bug(Exception):
    """What only a defect raises."""


def crash(_: Watcher, *__: object) -> None:
    raise Bug("planted")


async def test_a_watch_that_was_quarantined_says_why_and_is_given_another_chance(
    service: Service, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchers = process_of(service.libra, "watches")
    assert isinstance(watchers, Watchers)
    watchers._backoff = 0
    with monkeypatch.context() as patch:
        patch.setattr(Watcher, "init", crash)
        patch.setattr(Watcher, "handle_info", crash)
        process = process_of(service.libra, watch.id)
        assert process is not None
        process.send("a message")
        await watch_with(service, watch.id, status="quarantined")
    text = await seen(service, "/watches")
    assert "Stopped because it crashed too often" in text
    assert "planted" in text
    assert "Try again" in text
    observer = (await service.client.get("/observer", headers=BROWSER)).text
    sick = observer[observer.index(f'id="q-{watch.id}"') :].partition("</form>")[0]
    assert f'href="/watches/{watch.id}"' in sick
    assert "Retry" in sick
    answer = await service.client.post(f"/watches/{watch.id}/run", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/watches"
    await watch_with(service, watch.id, error=None)


async def test_nobody_is_offered_what_would_only_be_refused(
    settings: Settings, site: WebSite
) -> None:
    guarded = msgspec.structs.replace(settings, token=TOKENS, public="submit")
    async with running(guarded) as service:
        made = await service.client.post(
            "/watches", data={"url": site.url(), "webhook": "https://hooks.test/"}, headers=DO
        )
        assert made.status_code == 201
        (one,) = service.libra.watches().watches
        await watch_with(service, one.id, status="ok", page=None)
        last = service.libra.watch_of(one.id).last
        assert last is not None
        paths = (f"/history?url={site.url()}", f"/pages/{last.page}")
        for path in (*paths, "/watches", f"/watches/{one.id}"):
            page = (await service.client.get(path, headers=SEE)).text
            assert "very day" in page
            assert 'action="/watches' not in page
            assert 'href="/watches"' in page
        for path in paths:
            page = (await service.client.get(path, headers=BROWSER)).text
            assert "very day" not in page
            assert "Watch this page" not in page
            assert "hooks.test" not in page
            assert 'action="/watches' not in page
            assert 'href="/watches"' not in page
        assert (await service.client.get("/watches", headers=BROWSER)).status_code == 401


async def test_every_page_is_there_while_a_watch_is_paused_or_to_be_confirmed(
    service: Service, site: WebSite
) -> None:
    confirm = Confirm(bad=2, of=3)
    made = await service.libra.make_watch(
        WatchChanges(url=site.url(), max_weight=1000, confirm=confirm, public=True)
    )
    paths = ["/", "/watches", f"/watches/{made.id}", f"/history?url={site.url()}", "/observer"]
    last = await watch_with(service, made.id, status="unconfirmed", page=None)
    assert last.last is not None
    paths += [f"/public/{made.public}", f"/pages/{last.last.page}"]
    assert "to be confirmed" in await seen(service, "/")
    for path in paths:
        assert await seen(service, path)
    await service.libra.change_watch(made.id, WatchChanges(paused=True))
    assert "Watch paused" in await seen(service, "/")
    for path in paths:
        assert await seen(service, path)
