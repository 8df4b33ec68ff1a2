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
        {"subject": "script", "measure": "size", "most": 1024, "about": "kind"}
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
        ({"url": "https://a.test", "budget": [{"maxGrowth": "5%"}]}, "use jump"),
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


async def test_a_watch_is_changed_by_json_and_what_is_secret_is_shown_by_name_alone(
    service: Service, site: WebSite
) -> None:
    client = service.client
    watch = await made(service, url=site.url(), headers={"Cookie": "session=f00ba4"})
    path = f"/watches/{watch['id']}"
    changed = await client.patch(
        path,
        json={"name": "Shop", "tags": ["a", "b"], "every": "2h", "repeat": "24h", "paused": True},
    )
    assert changed.status_code == 200, changed.text
    read = (await client.get(path)).json()
    assert (read["name"], read["tags"], read["every"]) == ("Shop", ["a", "b"], "2h")
    assert (read["status"], read["terms"]["repeat"], read["headers"]) == (
        "paused",
        86400.0,
        ["Cookie"],
    )
    # What was read can be sent again.
    same = {"confirm": read["terms"]["confirm"], "repeat": read["terms"]["repeat"]}
    assert (await client.patch(path, json=same)).json()["terms"] == read["terms"]
    form = await client.get(f"{path}/edit", headers=BROWSER)
    assert (
        "f00ba4" not in f"{changed.text} {read} {form.text} {(await client.get('/watches')).text}"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"every": "soon"}, "30m"),
        ({"time_zone": "Europe/Berlln"}, "Europe/Berlin"),
        ({"confirm": "3 of 2"}, "2 of 3"),
        ({"repeat": "1s"}, "at least a minute"),
        ({"method": "fast"}, "method"),
        ({"viewport": "wide"}, "1350x940"),
        ({"headers": {"Host": "x"}}, "set by Libra itself"),
        ({"destination": "team"}, "no destination 'team'"),
        ({"tags": ["a,b"]}, "without a comma"),
        ({"tags": [str(one) for one in range(11)]}, "at most 10"),
        ({"name": "x" * 101}, "at most 100"),
        ({"webhook": "http://10.1.2.3:25/x"}, "denied"),
        ({"webhook": "ftp://a.test/"}, "webhook"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_a_watch_cannot_be_is_a_problem_that_says_why(
    service: Service, site: WebSite, body: dict[str, Any], words: str
) -> None:
    watch = await made(service, url=site.url())
    for answer in (
        await service.client.patch(f"/watches/{watch['id']}", json=body),
        await service.client.post("/watches", json={"url": site.url(), **body}),
    ):
        assert answer.status_code == 400
        assert words in answer.json()["detail"]
    assert len((await service.client.get("/watches")).json()["watches"]) == 1


async def test_the_form_for_a_change_keeps_secrets_and_clears_what_is_emptied(
    settings: Settings, site: WebSite
) -> None:
    async with Receiver() as receiver, running(settings) as service:
        client = service.client
        watch = await made(
            service,
            url=site.url(),
            name="Shop",
            max_weight="500kB",
            headers={"Cookie": "a=b"},
            webhook=receiver.url,
            webhook_headers={"X-Key": "k"},
        )
        path = f"/watches/{watch['id']}"
        text = (await client.get(f"{path}/edit", headers=BROWSER)).text
        assert 'value="Shop"' in text
        assert 'value="500 kB"' in text
        assert "Kept secret: Cookie." in text
        form = {"url": site.url(), "name": "", "every": "week", "cron": "", "max_weight": ""}
        form |= {"webhook": "", "headers": "", "public": "on", "no_recover": "on"}
        answer = await client.post(f"{path}/edit", data=form, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        now = service.libra.watch_of(watch["id"])
        assert (now.name, now.every, now.terms.max_weight, now.terms.recover) == (
            "",
            "week",
            None,
            False,
        )
        assert (now.headers, now.webhook_headers, now.webhook) == (
            ("Cookie",),
            ("X-Key",),
            watch["webhook"],
        )
        assert now.public is not None
        form |= {"webhook": "off", "headers": "off"}
        form.pop("public")
        await client.post(f"{path}/edit", data=form, headers=BROWSER)
        now = service.libra.watch_of(watch["id"])
        assert (now.headers, now.webhook, now.public) == ((), None, None)
        wrong = await client.post(f"{path}/edit", data=form | {"confirm": "x"}, headers=BROWSER)
        assert wrong.status_code == 400
        assert "Not changed yet: please correct 1 field." in wrong.text


async def test_pausing_and_testing_are_a_button_each(settings: Settings, site: WebSite) -> None:
    async with Receiver() as receiver, running(settings) as service:
        client = service.client
        watch = await made(service, url=site.url(), webhook=receiver.url)
        path = f"/watches/{watch['id']}"
        assert (await client.post(f"{path}/pause", headers=BROWSER)).status_code == 303
        assert service.libra.watch_of(watch["id"]).paused
        assert "Paused" in (await client.get(path, headers=BROWSER)).text
        await client.post(f"{path}/resume", headers=BROWSER)
        assert not service.libra.watch_of(watch["id"]).paused
        assert (await client.post(f"{path}/test")).status_code == 202
        (alert,) = await receiver.until_received(1)
        assert alert.json["event"] == "test"
        await until_watch(service.libra, watch["id"], lambda watch: bool(watch.deliveries))
        text = (await client.get(path, headers=BROWSER)).text
        assert "a test" in text
        assert "arrived" in text


async def test_the_broken_ones_come_first_for_people_and_are_counted(
    service: Service, site: WebSite
) -> None:
    client = service.client
    broken = await made(service, url=site.url(), max_weight=1, tags=["Shop"])
    fine = [await made(service, url=site.url(f"/?{one}")) for one in "ab"]
    for watch in (broken, *fine):
        await weighed(service, watch["id"])
    newest = (await client.get("/watches", params={"limit": 2})).json()
    assert [one["id"] for one in newest["watches"]] == [fine[1]["id"], fine[0]["id"]]
    assert (newest["counts"]["over-budget"], newest["counts"]["ok"]) == (1, 2)
    first = (await client.get("/watches", params={"order": "broken", "limit": 2})).json()
    assert [one["id"] for one in first["watches"]] == [broken["id"], fine[1]["id"]]
    after = {"order": "broken", "after": first["next"]}
    assert [
        one["id"] for one in (await client.get("/watches", params=after)).json()["watches"]
    ] == [fine[0]["id"]]
    # Its place is the same in the other order, where an empty list would look like the end.
    other = (await client.get("/watches", params={"after": first["next"]})).json()
    assert [one["id"] for one in other["watches"]] == [fine[0]["id"], broken["id"]]
    for narrow in ({"tag": "sHOP"}, {"status": "over-budget"}):
        (one,) = (await client.get("/watches", params=narrow)).json()["watches"]
        assert one["id"] == broken["id"]
    text = (await client.get("/watches", headers=BROWSER)).text
    assert "3 watches: 1 over budget, 2 fine." in text
    assert text.index(broken["id"]) < text.index(fine[1]["id"])


async def test_a_public_watch_shows_everybody_its_weight_and_nobody_its_address(
    settings: Settings, site: WebSite
) -> None:
    guarded = msgspec.structs.replace(settings, token=("boss:full:s3cret-s3cret-s3cret",))
    boss = {"Authorization": "Bearer s3cret-s3cret-s3cret"}
    async with running(guarded) as service:
        client = service.client
        watch = (
            await client.post(
                "/watches",
                json={"url": site.url(), "public": True, "name": "Shop", "max_weight": 1},
                headers=boss,
            )
        ).json()
        done = await weighed(service, watch["id"])
        pages = len((await client.get("/pages", headers=boss)).json()["pages"])
        place = f"/public/{watch['public']}"
        for show, words in (("weight", " kB"), ("score", "100"), ("budget", "1 limit broken")):
            badge = await client.get(f"{place}/badge.svg", params={"show": show})
            assert badge.status_code == 200
            assert badge.headers["content-type"] == "image/svg+xml"
            assert badge.headers["cache-control"] == "public, max-age=300"
            assert badge.headers.get_list("cross-origin-resource-policy") == ["cross-origin"]
            assert words in badge.text
            assert "127.0.0.1" not in badge.text
        page = await client.get(place, headers=BROWSER)
        assert (page.status_code, page.headers["cache-control"]) == (200, "public, max-age=300")
        assert "Shop" in page.text
        assert done.last is not None
        assert done.last.total is not None
        assert f"{done.last.total:,} bytes" in page.text
        assert site.url() not in page.text
        assert watch["id"] not in page.text
        assert len((await client.get("/pages", headers=boss)).json()["pages"]) == pages
        await watches_restored(service.libra)  # before that any watch may be one of the database's
        assert (await client.get(f"{place}x/badge.svg")).status_code == 404
        assert (await client.get(f"/watches/{watch['id']}")).status_code == 401
        await client.patch(f"/watches/{watch['id']}", json={"public": False}, headers=boss)
        assert (await client.get(f"{place}/badge.svg")).status_code == 404


async def test_metrics_have_the_weight_of_each_watched_page(
    service: Service, site: WebSite
) -> None:
    watch = await made(service, url=site.url(), name="Shop")
    done = await weighed(service, watch["id"])
    assert done.last is not None
    text = (await service.client.get("/metrics")).text
    line = f'libra_watch_transfer_bytes{{name="Shop",watch="{watch["id"]}"}} '
    assert float(text.partition(line)[2].split()[0]) == done.last.total
