"""Alerts reach the operator's destinations: real services of the test's own stand in for them."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from libra.app import Libra, WatchChanges
from libra.destinations import Destination
from libra.inspector.watches import courier
from libra.inspector.watches.courier import AppriseCourier
from libra.settings import Settings, SettingsError
from libra.testing import PageServer, html, until_watch
from support.loop_clock import Clock
from support.mail import MailServer, TunnelProxy
from support.receiver import Receiver


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, an interpreter has started by then."""
    monkeypatch.setattr(courier, "DEADLINE", 240.0)


def to(receiver: Receiver, scheme: str, path: str) -> str:
    place = receiver.url.partition("://")[2].partition("/")[0]
    return f"{scheme}://{place}/{path}"


async def test_a_watch_alerts_a_destination_by_its_name_beside_its_webhook(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with PageServer({"/": html("x" * 5000)}) as page, Receiver() as chat, Receiver() as hook:
        secret = tmp_path / "team"
        secret.write_text(to(chat, "ntfy", "t0pic-secret"))
        alerts = {"team": Destination(url_file=secret)}
        async with Libra.open(msgspec.structs.replace(settings, alerts=alerts)) as libra:
            assert libra.destinations == ("team",)
            made = await libra.make_watch(
                WatchChanges(
                    url=page.url(),
                    name="Shop",
                    max_weight=100,
                    destination="team",
                    webhook=hook.url,
                )
            )
            (sent,) = await chat.until_received(1)
            assert sent.json["topic"] == "t0pic-secret"
            assert sent.json["title"] == "Libra: over budget: Shop"
            assert "is over its budget: total size is" in sent.json["message"]
            await hook.until_received(1)
            done = await until_watch(libra, made.id, lambda watch: len(watch.deliveries) == 2)
            assert {(one.to, one.error) for one in done.deliveries} == {
                ("team", None),
                (None, None),
            }
            assert done.destination == "team"
            said = (
                f"{caplog.text} {libra.watches()} {libra.tree()} {libra.health()} {libra.settings}"
            )
            assert "t0pic-secret" not in said


async def test_a_service_that_takes_nothing_is_told_by_name_alone() -> None:
    async with Receiver(500) as chat:
        courier = AppriseCourier(
            {"team": Destination(url_env="TEAM")}, environ={"TEAM": to(chat, "ntfy", "t0pic")}
        )
        error = await courier.deliver("team", "title", "text")
        assert error == "not-taken: the service could not be reached or did not accept the alert"
        gone = await courier.deliver("other", "title", "text")
        assert gone is not None
        assert gone.startswith("no-destination:")


async def test_an_address_that_is_no_service_of_ours_is_not_used() -> None:
    async with Receiver() as chat:
        environ = {"TEAM": to(chat, "https", "whatever")}
        courier = AppriseCourier({"team": Destination(url_env="TEAM")}, environ=environ)
        error = await courier.deliver("team", "title", "text")
        assert error is not None
        assert error.startswith("bad-url:")
        assert chat.received == []


async def test_a_service_that_hangs_ends_with_its_process() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with suppress(ConnectionError):
            await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        # Apprise itself waits for as long as the test.
        environ = {"TEAM": f"ntfy://127.0.0.1:{port}/topic?rto={courier.DEADLINE}"}
        slow = AppriseCourier({"team": Destination(url_env="TEAM")}, environ=environ)
        delivery = asyncio.create_task(slow.deliver("team", "title", "text"))
        await asked.wait()
        Clock(asyncio.get_running_loop()).move(courier.DEADLINE)
        assert await delivery == "timeout: no response within 240 s"
        await ended.wait()


MAIL = "?from=libra@example.com&to=team@example.com"


async def test_mail_goes_through_the_proxy_and_no_other_way() -> None:
    async with MailServer() as mail, TunnelProxy() as proxy:
        environ = {"TEAM": f"mailto://127.0.0.1:{mail.port}/{MAIL}"}
        way = f"http://libra:pass%20word@127.0.0.1:{proxy.port}"
        courier = AppriseCourier({"team": Destination(url_env="TEAM")}, way, environ)
        assert await courier.deliver("team", "Over budget", "It is over its budget.") is None
        assert proxy.asked == [(f"127.0.0.1:{mail.port}", "libra:pass word")]
        (message,) = mail.messages
        assert b"Subject: Over budget" in message
        assert b"It is over its budget." in message

        proxy.refuses = True
        error = await courier.deliver("team", "Over budget", "It is over its budget.")
        assert error == "not-taken: the service could not be reached or did not accept the alert"
        assert (mail.connections, len(proxy.asked)) == (1, 2)


async def test_mail_through_a_proxy_with_tls_stops_the_start(settings: Settings) -> None:
    way = "https://proxy.example.com"
    environ = {"TEAM": f"mailtos://user:password@example.com/{MAIL}"}
    courier = AppriseCourier({"team": Destination(url_env="TEAM")}, way, environ)
    with pytest.raises(SettingsError, match=r"alerts\.team: mail cannot use an HTTPS proxy"):
        courier.check()
    AppriseCourier({"team": Destination(url_env="TEAM")}, "http://proxy:3128", environ).check()


async def test_a_destination_that_cannot_be_used_stops_the_start(settings: Settings) -> None:
    broken = msgspec.structs.replace(settings, alerts={"team": Destination(url_env="NOT_SET")})
    with pytest.raises(SettingsError, match=r"alerts\.team: the variable NOT_SET"):
        async with Libra.open(broken):
            raise AssertionError


SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
SERVICES = {
    SLACK: "NotifySlack",
    "https://discord.com/api/webhooks/927309/lWEFKLwefklwef": "NotifyDiscord",
    "https://ntfy.sh/our-topic": "NotifyNtfy",
    "tgram://123456789:abcdefg_hijklmnop/12315544/": "NotifyTelegram",
    "mailtos://user:password@example.com": "NotifyEmail",
    "matrixs://user:password@example.com/#room": "NotifyMatrix",
    "https://127.0.0.1/whatever": "NoneType",
    "json://127.0.0.1/whatever": "NoneType",
    "syslog://": "NoneType",
    "dbus://": "NoneType",
}


async def test_an_address_becomes_a_service_that_is_taken_or_nothing() -> None:
    """In a process of its own, as `apprise` is never imported into another."""
    program = """
import json, sys, apprise
from libra.destinations import SCHEMES
from libra.inspector.watches.apprise_sender import readings, service_of
asset = apprise.AppriseAsset()
found = [type(service_of(url, asset)).__name__ for url in json.loads(sys.argv[1])]
plugins = sorted(name for name in sys.modules if name.startswith("apprise.plugins."))
knows = {}
for scheme in SCHEMES:
    ((kind, _),) = readings(f"{scheme}://user:password@example.com/a/b/c")
    names = [kind.protocol, kind.secure_protocol]
    knows[scheme] = [name for one in names for name in ([one] if isinstance(one, str) else one or ())]
print(json.dumps([found, plugins, knows]))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, json.dumps(list(SERVICES)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    found, plugins, knows = json.loads(output)
    assert dict(zip(SERVICES, found, strict=True)) == SERVICES
    assert all(scheme in names for scheme, names in knows.items())
    assert not [name for name in plugins if "syslog" in name or "dbus" in name]
