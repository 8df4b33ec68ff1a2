"""Watches: weighed when due, kept through restarts and outages, heard when something is wrong."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest

from libra.app import (
    Full,
    InvalidOptions,
    InvalidSchedule,
    InvalidURL,
    Libra,
    TooManyWatches,
    Watch,
    WatchChanges,
    WatchNotFound,
    WatchUnknown,
)
from libra.ids import new_id
from libra.inspector.durability import journal_writer
from libra.inspector.records.watches.alerts import TRIES
from libra.inspector.records.watches.watch_record import restore_watch
from libra.inspector.watches import watches as watching
from libra.inspector.watches.watcher import Watcher, WatcherStep
from libra.otp import TaskDone
from libra.settings import Settings
from libra.storage.rows.entries import WatchRow
from libra.testing import (
    FakeClock,
    Page,
    PageServer,
    crash,
    finished,
    journal_size,
    process_of,
    run_until,
    settled,
    until_watch,
    watches_restored,
)
from support.journal import entry_of, journal_in
from support.receiver import Delivery, Receiver
from support.site import WebSite

T = TypeVar("T")

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Time:
    """Timers and the wall clock, moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock(start=START)
        self.now = self.clock.now

    async def pass_by(self, **time: float) -> None:
        seconds = timedelta(**time).total_seconds()
        if seconds > 120:
            # At one go, as when a laptop slept: each timer that is due meanwhile runs once.
            self.clock.block(seconds)
            seconds = 0.0
        await self.clock.advance(seconds)


class Watched(PageServer):
    """A page of a weight that a test can change, or that cannot be weighed."""

    def weigh(self, size: int) -> None:
        start = b'<link rel="icon" href="data:,">'
        self.site = {"/": Page(start + b"x" * (size - len(start)), "text/html")}

    def fail(self) -> None:
        self.site = {}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is as fast as ever, however fast the clock is moved."""
    monkeypatch.setattr(journal_writer, "PATIENCE", 1e9)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that leave pages the time that the clock is moved by."""
    return msgspec.structs.replace(settings, page_timeout=1e9, asset_timeout=1e9, ttl=1e9)


@pytest.fixture
async def page() -> AsyncIterator[Watched]:
    async with Watched() as running:
        running.weigh(1_000)
        yield running


@pytest.fixture
def away(settings: Settings) -> Settings:
    """Settings whose database cannot be opened until its directory is there: see `mend`."""
    missing = f"sqlite:///{settings.data_dir}/disk/libra.sqlite3"
    return msgspec.structs.replace(settings, database=missing)


def mend(settings: Settings) -> None:
    (settings.data_dir / "disk").mkdir()


@asynccontextmanager
async def opened(settings: Settings, time: Time) -> AsyncIterator[Libra]:
    async with Libra.open(settings, clock=time.clock, now=time.now) as libra:
        yield libra


async def weighed(libra: Libra, watch_id: str, *, after: str | None = None) -> Watch:
    """The watch once its page was weighed, another than that before."""
    return await until_watch(
        libra, watch_id, lambda watch: watch.last is not None and watch.last.page != after
    )


async def again(libra: Libra, watch_id: str) -> Watch:
    """The watch after its page was weighed once more."""
    page_id = await libra.watch_now(watch_id)
    return await until_watch(
        libra, watch_id, lambda watch: watch.last is not None and watch.last.page == page_id
    )


async def stored(libra: Libra, watch_id: str) -> Watch:
    """The watch once the database has its newest state."""
    return await run_until(
        libra, until_watch(libra, watch_id, lambda watch: watch.backup == "stored")
    )


def last_page(watch: Watch) -> str:
    assert watch.last is not None
    return watch.last.page


async def test_a_watch_is_weighed_at_once_and_whenever_it_is_due(
    site: WebSite, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(site.url(), every="hour")
        assert (made.url, made.every, made.status) == (site.url(), "hour", "new")
        first = await until_watch(libra, made.id, lambda watch: watch.last is not None)
        assert first.last is not None
        report = await libra.report(first.last.page)
        assert (report.url, report.status) == (made.url, "weighed")
        assert (first.status, first.last.total) == ("ok", report.total.transfer_bytes)
        assert timedelta(hours=1) <= first.next_at - START < timedelta(hours=1.1)
        await time.pass_by(minutes=59)
        assert libra.watch_of(made.id).page is None
        await time.pass_by(minutes=8)
        again = await until_watch(
            libra, made.id, lambda w: w.last is not None and w.last.page != report.id
        )
        assert again.last is not None
        assert again.last.change == 0
        assert again.next_at == first.next_at + timedelta(hours=1)
        assert [watch.id for watch in libra.watches().watches] == [made.id]
        history = await libra.history(site.url())
        assert {page.id for page in history.pages} == {report.id, again.last.page}


# Restarts


@pytest.mark.parametrize("restore", ["eager", "lazy", "off"])
async def test_a_watch_survives_a_restart_and_keeps_its_plans(
    restore: Any, page: Watched, settings: Settings, time: Time
) -> None:
    settings = msgspec.structs.replace(settings, restore=restore)
    async with opened(settings, time) as libra:
        made = await libra.watch(page.url(), every="0 6 * * *", max_weight=5)
        await weighed(libra, made.id)
        before = await stored(libra, made.id)
    async with opened(settings, time) as libra:
        await watches_restored(libra)
        assert libra.watch_of(made.id) == before
        assert before.status == "over-budget"
        assert before.next_at.replace(second=0, microsecond=0) == START + timedelta(hours=18)
        await time.pass_by(hours=17)
        assert libra.watch_of(made.id).last == before.last
        await time.pass_by(hours=2)
        await weighed(libra, made.id, after=last_page(before))


async def test_what_was_due_while_libra_was_down_runs_once_and_not_all_at_one_moment(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = [await libra.watch(page.url(), every="hour") for _ in range(20)]
        before = {w.id: last_page(await weighed(libra, w.id)) for w in made}
    page.requests.clear()
    await time.pass_by(days=3, minutes=30)
    async with opened(settings, time) as libra:
        await watches_restored(libra)
        await time.pass_by(seconds=30)
        every = libra.watches().watches
        begun = sum(w.page is not None or last_page(w) != before[w.id] for w in every)
        assert 1 <= begun <= 19
        await time.pass_by(seconds=30)
        for watch in made:
            now = await weighed(libra, watch.id, after=before[watch.id])
            assert time.now() < now.next_at < time.now() + timedelta(hours=1.1)
    assert page.paths().count("/") == 20


async def test_a_watch_made_during_an_outage_survives_a_restart_and_reaches_the_database(
    page: Watched, away: Settings, time: Time
) -> None:
    async with opened(away, time) as libra:
        made = await libra.watch(page.url(), webhook="https://hooks.test/secret")
        assert made.backup == "journaled"
        await weighed(libra, made.id)
        before = await run_until(
            libra, until_watch(libra, made.id, lambda watch: watch.backup == "journaled")
        )
    async with opened(away, time) as libra:
        await settled(libra)
        assert libra.watch_of(made.id) == before
        assert libra.watches().partial
        mend(away)
        await run_until(libra, watches_restored(libra))
        assert not libra.watches().partial
        await stored(libra, made.id)
    async with opened(away, time) as libra:
        assert journal_size(libra) == 0
        await watches_restored(libra)
        assert libra.watch_of(made.id).last == before.last


async def test_a_watch_that_only_the_database_has_is_unknown_while_that_is_away(
    page: Watched, away: Settings, time: Time
) -> None:
    mend(away)
    async with opened(away, time) as libra:
        made = await libra.watch(page.url())
        await weighed(libra, made.id)
        await stored(libra, made.id)
    disk = away.data_dir / "disk"
    disk.rename(away.data_dir / "elsewhere")
    async with opened(away, time) as libra:
        await settled(libra)
        with pytest.raises(WatchUnknown):
            libra.watch_of(made.id)
        with pytest.raises(WatchUnknown):
            await libra.unwatch(made.id)
        assert libra.watches().partial
        (away.data_dir / "elsewhere").rename(disk)
        await run_until(libra, watches_restored(libra))
        assert libra.watch_of(made.id).url == made.url


async def test_a_page_that_only_the_database_may_know_of_is_weighed_anew_during_an_outage(
    page: Watched, away: Settings, time: Time
) -> None:
    async with opened(away, time) as libra:
        made = await libra.watch(page.url())
        await weighed(libra, made.id)
    with journal_in(away.data_dir) as journal:
        row = entry_of(journal, made.id)
        assert isinstance(row, WatchRow)
        record = restore_watch(row, "journaled")
        # As a kill leaves it that comes when the watch is on the disk and its page is not.
        record.change(page=(lost := new_id()), last=None)
        journal.write([record.row()])
    async with opened(away, time) as libra:
        await settled(libra)
        after = await run_until(libra, weighed(libra, made.id))
        assert after.last is not None
        assert after.last.page != lost
        assert (await libra.report(after.last.page)).status == "weighed"


async def test_a_watch_deleted_during_an_outage_stays_deleted(
    page: Watched, away: Settings, time: Time
) -> None:
    mend(away)
    async with opened(away, time) as libra:
        made = await libra.watch(page.url())
        await weighed(libra, made.id)
        await stored(libra, made.id)
    async with opened(away, time) as libra:
        await watches_restored(libra)
        file = away.data_dir / "disk"
        file.rename(away.data_dir / "elsewhere")
        await time.pass_by(minutes=1)
        await libra.unwatch(made.id)
        with pytest.raises(WatchNotFound):
            libra.watch_of(made.id)
    (away.data_dir / "elsewhere").rename(file)
    async with opened(away, time) as libra:
        await watches_restored(libra)
        with pytest.raises(WatchNotFound):
            libra.watch_of(made.id)
    async with opened(msgspec.structs.replace(away, journal=False), time) as libra:
        await watches_restored(libra)
        assert libra.watches().watches == ()


async def test_a_page_under_way_is_judged_after_a_restart_and_not_weighed_twice(
    site: WebSite, settings: Settings, time: Time
) -> None:
    settings = msgspec.structs.replace(settings, shutdown_grace=0)
    async with Receiver() as receiver:
        async with opened(settings, time) as libra:
            made = await libra.watch(site.url("/held"), max_weight=1, webhook=receiver.url)
            await site.until_held()
            page_id = libra.watch_of(made.id).page
        site.gate.set()
        async with opened(settings, time) as libra:
            await watches_restored(libra)
            after = await weighed(libra, made.id)
            assert last_page(after) == page_id
            await receiver.until_received(1)
        assert len((await history(settings, time, site.url("/held"))) or ()) == 1


async def history(settings: Settings, time: Time, url: str) -> list[str]:
    async with opened(settings, time) as libra:
        return [found.id for found in (await libra.history(url)).pages]


# Alerts


def verified(delivery: Delivery, secret: str | None) -> Any:
    """The body of a delivery whose signature is right."""
    assert secret is not None
    moment, _, mac = delivery.headers["libra-signature"].partition(",")
    signed = moment.removeprefix("t=").encode() + b"." + delivery.body
    assert mac == "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return delivery.json


async def test_an_alert_is_signed_and_sent_until_somebody_takes_it(
    page: Watched, settings: Settings, time: Time
) -> None:
    settings = msgspec.structs.replace(settings, public_url="https://libra.test")
    async with Receiver(503, 500) as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), max_weight=500, webhook=receiver.url)
        await receiver.until_received(1)
        failed = await until_watch(libra, made.id, lambda watch: watch.delivery is not None)
        assert failed.delivery is not None
        assert failed.delivery.error == "http: 503 Service Unavailable"
        assert failed.alerts_waiting == 1
        await time.pass_by(seconds=10)
        await receiver.until_received(2)
        await until_watch(libra, made.id, lambda w: w.version > failed.version)
        await time.pass_by(seconds=20)
        received = await receiver.until_received(3)
        done = await until_watch(libra, made.id, lambda watch: watch.alerts_waiting == 0)
        assert done.delivery is not None
        assert (done.delivery.event, done.delivery.error) == ("budget", None)
        bodies = [verified(delivery, made.secret) for delivery in received]
        assert bodies[0] == bodies[1] == bodies[2]
        assert bodies[0]["event"] == "budget"
        assert bodies[0]["page"] == last_page(done)
        assert bodies[0]["link"] == f"https://libra.test/pages/{last_page(done)}"
        assert bodies[0]["total"] == 1_000
        assert "over its budget" in bodies[0]["text"]


async def test_every_event_is_told_once(page: Watched, settings: Settings, time: Time) -> None:
    async with Receiver() as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), max_weight=400_000, webhook=receiver.url)
        await weighed(libra, made.id)
        for weight in (300_000, 300_000, 500_000, 500_000, 1_000):
            page.weigh(weight)
            await again(libra, made.id)
        page.fail()
        await again(libra, made.id)
        await again(libra, made.id)
        assert libra.watch_of(made.id).status == "failed"
        page.weigh(2_000)
        await again(libra, made.id)
        received = await receiver.until_received(5)
        await until_watch(libra, made.id, lambda watch: watch.alerts_waiting == 0)
        events = [verified(delivery, made.secret)["event"] for delivery in received]
        assert events == ["jump", "budget", "recovered", "failed", "recovered"]
        assert received[0].json["change"] == 299_000


async def test_an_alert_that_nobody_took_survives_a_restart(
    page: Watched, away: Settings, time: Time
) -> None:
    async with Receiver(503) as receiver:
        async with opened(away, time) as libra:
            made = await libra.watch(page.url(), max_weight=500, webhook=receiver.url)
            await receiver.until_received(1)
            await until_watch(libra, made.id, lambda watch: watch.delivery is not None)
            # The clock runs, since what nobody waits for is written in company.
            await run_until(
                libra, until_watch(libra, made.id, lambda watch: watch.backup == "journaled")
            )
        async with opened(away, time) as libra:
            first, second = await run_until(libra, receiver.until_received(2))
            assert verified(first, made.secret) == verified(second, made.secret)


async def test_a_receiver_that_is_gone_is_sent_nothing_more(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver(410) as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), max_weight=500, webhook=receiver.url)
        given_up = await until_watch(libra, made.id, lambda watch: watch.delivery is not None)
        assert given_up.delivery is not None
        assert given_up.delivery.given_up
        assert given_up.alerts_waiting == 0
        await time.pass_by(hours=5)
        assert len(receiver.received) == 1


async def test_an_alert_is_given_up_after_a_day_or_so(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver(*[500] * 100) as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), every="week", max_weight=500, webhook=receiver.url)
        for tries in range(1, TRIES + 1):
            await receiver.until_received(tries)
            watch = await until_watch(libra, made.id, partial(tried, time=time))
            assert watch.delivery is not None
            assert watch.delivery.given_up == (tries == TRIES)
            await time.pass_by(hours=4)
        assert len(receiver.received) == TRIES


def tried(watch: Watch, *, time: Time) -> bool:
    """Whether the last try to deliver an alert was a moment ago."""
    return watch.delivery is not None and time.now() - watch.delivery.at < timedelta(hours=3)


async def test_a_webhook_on_a_private_network_is_refused_when_it_is_made_or_changed(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver, opened(settings, time) as libra:
        webhook = receiver.url.replace("127.0.0.1", "[::1]")
        with pytest.raises(InvalidURL, match="denied"):
            await libra.watch(page.url(), max_weight=500, webhook=webhook)
        assert libra.watches().watches == ()
        made = await libra.watch(page.url(), max_weight=500, webhook=receiver.url)
        with pytest.raises(InvalidURL, match="denied"):
            await libra.change_watch(made.id, WatchChanges(webhook=webhook))
        assert libra.watch_of(made.id).webhook == made.webhook


async def test_a_webhook_that_the_gate_does_not_allow_any_more_is_denied(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver:
        async with opened(settings, time) as libra:
            webhook = receiver.url.replace("127.0.0.1", "127.0.0.2")
            made = await libra.watch(page.url(), every="hour", max_weight=500_000, webhook=webhook)
            await until_watch(libra, made.id, lambda watch: watch.last is not None)
        page.weigh(600_000)
        shut = msgspec.structs.replace(settings, allow=("127.0.0.1/32",))
        async with opened(shut, time) as libra:
            await watches_restored(libra)
            await libra.watch_now(made.id)
            denied = await until_watch(libra, made.id, lambda watch: watch.delivery is not None)
            assert denied.delivery is not None
            assert (denied.delivery.error or "").startswith("denied:")


async def test_neither_secret_nor_webhook_is_told_again(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(page.url(), webhook="https://hooks.test/T0/B0/key")
        assert (made.secret or "").startswith("whsec_")
        again = libra.watch_of(made.id)
        assert again.secret is None
        assert again.webhook == "https://hooks.test/…"
        assert (await libra.watch(page.url())).secret is None


# Crashes


class Bug(Exception):
    """What the tests plant."""


def plant(
    monkeypatch: pytest.MonkeyPatch, times: float, wanted: Callable[[Watcher, Any], bool]
) -> None:
    """Make a watch crash over a message, after it has dealt with it, so many times."""
    original = Watcher.handle_info
    left = [times]

    def crashing(watcher: Watcher, message: Any) -> None:
        original(watcher, message)
        if left[0] > 0 and wanted(watcher, message):
            left[0] -= 1
            raise Bug("planted")

    monkeypatch.setattr(Watcher, "handle_info", crashing)


@pytest.mark.parametrize("step", [WatcherStep.SUBMIT, WatcherStep.FOLLOW])
async def test_a_watch_that_crashes_goes_on_with_the_page_that_it_began(
    step: WatcherStep,
    page: Watched,
    settings: Settings,
    time: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch, 1, lambda _, message: isinstance(message, TaskDone) and message.tag is step)
    async with Receiver() as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), max_weight=500, webhook=receiver.url)
        done = await weighed(libra, made.id)
        assert timedelta(days=1) <= done.next_at - START < timedelta(days=1.1)
        await time.pass_by(seconds=1)
        await receiver.until_received(1)
        await until_watch(libra, made.id, lambda watch: watch.alerts_waiting == 0)
        assert page.paths().count("/") == 1
        assert len({delivery.json["id"] for delivery in receiver.received}) == 1


async def test_a_watch_that_always_crashes_is_quarantined_alone_and_can_be_retried(
    page: Watched, settings: Settings, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings, time) as libra:
        healthy = await libra.watch(page.url(), every="hour")
        made = await libra.watch(page.url("/?crash"))
        await weighed(libra, made.id)
        await weighed(libra, healthy.id)
        with monkeypatch.context() as patch:
            plant(patch, float("inf"), lambda watcher, _: watcher._record.id == made.id)
            for _ in range(4):
                if (process := process_of(libra, made.id)) is not None:
                    process.send("crash")
                await time.pass_by(seconds=30)
            broken = await until_watch(libra, made.id, lambda watch: watch.error is not None)
            assert broken.status == "quarantined"
            assert "planted" in (broken.error or "")
            assert libra.health().quarantined == 1
            await libra.retry(made.id)
            await until_watch(libra, made.id, lambda watch: watch.error is None)
            for _ in range(5):
                if (process := process_of(libra, made.id)) is not None:
                    process.send("crash")
                await time.pass_by(seconds=30)
            await until_watch(libra, made.id, lambda watch: watch.error is not None)
        first = last_page(libra.watch_of(healthy.id))
        await time.pass_by(hours=1.1)
        await weighed(libra, healthy.id, after=first)
        with pytest.raises(Full):
            await libra.watch_now(made.id)
        await until_watch(libra, made.id, lambda watch: watch.error is None)
        await again(libra, made.id)


async def test_watches_survive_the_crash_of_their_supervisor(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(page.url(), every="hour")
        before = await weighed(libra, made.id)
        supervisor = process_of(libra, "watches")
        await crash(libra, "watches")
        await time.pass_by(hours=1)
        await run_until(libra, weighed(libra, made.id, after=last_page(before)))
        assert process_of(libra, "watches") is not supervisor


# By hand


async def test_a_watch_deleted_while_its_page_is_weighed_leaves_the_page_alone(
    site: WebSite, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver, opened(settings, time) as libra:
        made = await libra.watch(site.url("/held"), max_weight=1, webhook=receiver.url)
        await site.until_held()
        page_id = libra.watch_of(made.id).page
        assert page_id is not None
        await libra.unwatch(made.id)
        with pytest.raises(WatchNotFound):
            await libra.unwatch(made.id)
        assert libra.watches().watches == ()
        site.gate.set()
        assert (await finished(libra, page_id)).status == "weighed"
        await time.pass_by(days=2)
        assert receiver.received == []


async def test_a_watch_whose_page_is_deleted_goes_on(
    site: WebSite, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(site.url("/held"), every="hour")
        await site.until_held()
        page_id = libra.watch_of(made.id).page
        assert page_id is not None
        await libra.forget(page_id)
        idle = await until_watch(libra, made.id, lambda watch: watch.page is None)
        assert idle.status == "new"
        site.gate.set()
        await time.pass_by(hours=1.1)
        await weighed(libra, made.id)


async def test_a_watch_can_be_run_now_and_is_weighed_once_at_a_time(
    site: WebSite, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(site.url("/held"), every="hour")
        await site.until_held()
        running = await libra.watch_now(made.id)
        assert running == libra.watch_of(made.id).page
        await time.pass_by(hours=3)
        assert libra.watch_of(made.id).page == running
        site.gate.set()
        done = await weighed(libra, made.id)
        assert done.next_at > time.now()
        assert last_page(await again(libra, made.id)) != running
        assert libra.watch_of(made.id).next_at == done.next_at


async def test_a_watch_that_finds_no_room_tries_again(
    site: WebSite, settings: Settings, time: Time
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=1)
    async with opened(settings, time) as libra:
        in_the_way = await libra.weigh(site.url("/held"))
        made = await libra.watch(site.url())
        with pytest.raises(Full):
            await libra.watch_now(made.id)
        await libra.forget(in_the_way)
        await time.pass_by(seconds=31)
        await weighed(libra, made.id)


async def test_a_list_goes_on_where_the_one_before_ended(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = [await libra.watch(page.url(f"/{n % 2}")) for n in range(7)]
        newest = [watch.id for watch in reversed(made)]
        first = libra.watches(limit=3)
        assert [watch.id for watch in first.watches] == newest[:3]
        rest = libra.watches(limit=4, after=first.next)
        assert [watch.id for watch in rest.watches] == newest[3:]
        assert rest.next is None
        odd = libra.watches(url=page.url("/1"))
        assert [watch.id for watch in odd.watches] == newest[1::2]


async def test_what_cannot_be_watched_is_refused_with_a_word(
    page: Watched, settings: Settings, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings, time) as libra:
        with pytest.raises(InvalidURL):
            await libra.watch("example")
        with pytest.raises(InvalidURL, match="webhook"):
            await libra.watch(page.url(), webhook="slack")
        with pytest.raises(InvalidSchedule):
            await libra.watch(page.url(), every="now and then")
        await watches_restored(libra)
        with pytest.raises(WatchNotFound):
            await libra.watch_now("nonsense")
        monkeypatch.setattr(watching, "MAX_WATCHES", 0)
        with pytest.raises(TooManyWatches):
            await libra.watch(page.url())
        assert libra.watches().watches == ()


async def test_what_is_shown_of_a_watch_process_has_no_secret(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(page.url(), webhook="https://hooks.test/T0/B0/key")
        process = process_of(libra, made.id)
        assert process is not None
        shown = str(process.format_status())
        assert "hooks.test" not in shown
        assert (made.secret or "?") not in shown


async def test_a_watch_that_is_changed_keeps_what_is_not_and_its_secret(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver:
        async with opened(settings, time) as libra:
            made = await libra.watch(page.url(), webhook=receiver.url, max_weight=5_000)
            changes = WatchChanges(
                name="Shop", tags=("shop", "mobile"), note="Ask Ann.", every="30m", confirm="2 of 3"
            )
            changed = await libra.change_watch(made.id, changes)
            assert (changed.name, changed.tags, changed.every) == (
                "Shop",
                ("shop", "mobile"),
                "30m",
            )
            assert (changed.secret, changed.webhook) == (None, made.webhook)
            assert changed.terms.max_weight == 5_000
            moved = await libra.change_watch(made.id, WatchChanges(webhook="https://other.test/"))
            assert moved.secret not in (None, made.secret)
            with pytest.raises(InvalidOptions, match="no destination 'team'"):
                await libra.change_watch(made.id, WatchChanges(destination="team"))
        async with opened(settings, time) as libra:
            await watches_restored(libra)
            again = libra.watch_of(made.id)
            assert (again.name, again.note, str(again.terms.confirm)) == (
                "Shop",
                "Ask Ann.",
                "2 of 3",
            )


async def test_a_paused_watch_rests_over_a_restart_until_it_is_resumed(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver:
        async with opened(settings, time) as libra:
            made = await libra.watch(
                page.url(), every="hour", max_weight=5_000, webhook=receiver.url
            )
            await until_watch(libra, made.id, lambda watch: watch.last is not None)
            paused = await libra.change_watch(made.id, WatchChanges(paused=True))
            assert paused.status == "paused"
            page.weigh(9_000)
            await time.pass_by(hours=3)
            await libra.watch_now(made.id)  # somebody may look all the same, and nobody is told
            seen = await until_watch(
                libra, made.id, lambda w: bool(w.last and w.last.total == 9_000)
            )
            assert (seen.status, seen.alerts_waiting, len(seen.runs)) == ("paused", 0, 2)
        async with opened(settings, time) as libra:
            await watches_restored(libra)
            await time.pass_by(hours=3)
            assert len(libra.watch_of(made.id).runs) == 2
            await libra.change_watch(made.id, WatchChanges(paused=False))
            await time.pass_by(hours=1, minutes=10)
            (alert,) = await receiver.until_received(1)
            assert alert.json["event"] == "budget"


async def test_what_is_to_be_confirmed_is_looked_at_again_after_a_minute(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver() as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), every="day", webhook=receiver.url)
        await until_watch(libra, made.id, lambda watch: watch.last is not None)
        await libra.change_watch(made.id, WatchChanges(confirm="2 of 3"))
        page.fail()
        await libra.watch_now(made.id)
        unsure = await until_watch(libra, made.id, lambda w: bool(w.last and w.last.error))
        assert (unsure.status, unsure.alerts_waiting) == ("unconfirmed", 0)
        await time.pass_by(seconds=61)
        (alert,) = await receiver.until_received(1)
        assert alert.json["event"] == "failed"
        assert (await until_watch(libra, made.id, lambda w: w.status == "failed")).page is None


async def test_a_test_alert_is_sent_at_once_and_once(
    page: Watched, settings: Settings, time: Time
) -> None:
    async with Receiver(500) as receiver, opened(settings, time) as libra:
        made = await libra.watch(page.url(), webhook=receiver.url)
        await libra.test_alert(made.id)
        (alert,) = await receiver.until_received(1)
        assert (alert.json["event"], alert.json["watch"]) == ("test", made.id)
        tried = await until_watch(libra, made.id, lambda watch: bool(watch.deliveries))
        assert (tried.deliveries[0].given_up, tried.alerts_waiting) == (True, 0)
        await libra.change_watch(made.id, WatchChanges(webhook=None))
        with pytest.raises(InvalidOptions, match="no webhook"):
            await libra.test_alert(made.id)


async def test_a_page_is_asked_for_with_the_headers_of_its_watch_and_nobody_is_told_them(
    settings: Settings, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with Watched() as page, opened(settings, time) as libra:
        page.weigh(1_000)
        secret = "session=f00ba4"
        made = await libra.make_watch(WatchChanges(url=page.url(), headers={"Cookie": secret}))
        done = await until_watch(libra, made.id, lambda watch: watch.last is not None)
        assert done.last is not None
        assert [request.headers.get("cookie") for request in page.requests][:1] == [secret]
        assert made.headers == ("Cookie",)
        report = await libra.report_bytes(done.last.page)
        assert secret not in f"{report} {libra.watches()} {libra.tree()} {caplog.text}"
        await crash(libra, made.id)
        assert secret not in caplog.text


async def test_a_page_that_was_under_way_is_asked_for_with_the_headers_of_its_watch_again(
    settings: Settings, time: Time
) -> None:
    hasty = msgspec.structs.replace(settings, shutdown_grace=0.0)
    async with PageServer({"/": Page(b"<p>Hello", held=True)}) as page:
        async with opened(hasty, time) as libra:
            wanted = WatchChanges(url=page.url(), headers={"Cookie": "session=1"})
            made = await libra.make_watch(wanted)
            await page.until_held()
        page.gate.set()
        async with opened(settings, time) as libra:
            await watches_restored(libra)
            done = await until_watch(libra, made.id, lambda watch: watch.last is not None)
        documents = [one for one in page.requests if one.path == "/"]
        assert [one.headers.get("cookie") for one in documents] == ["session=1"] * len(documents)
        assert len(documents) > 1
        assert done.last is not None
        assert done.last.error is None


async def test_a_public_watch_is_there_while_the_database_is_away(
    page: Watched, away: Settings, time: Time
) -> None:
    async with opened(away, time) as libra:
        made = await libra.make_watch(WatchChanges(url=page.url(), public=True))
        assert made.public is not None
        assert libra.public_watch(made.public).id == made.id
        with pytest.raises(WatchUnknown):
            libra.public_watch("nobody-knows-this")
