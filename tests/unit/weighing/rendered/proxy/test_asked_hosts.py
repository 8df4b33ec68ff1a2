"""Connections of a browser wait until its page has named their host."""

from __future__ import annotations

import asyncio

import pytest

from libra.weighing.rendered.proxy import asked_hosts as asked
from libra.weighing.rendered.proxy.asked_hosts import AskedHosts


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.com/", "example.com"),
        ("https://example.com:8443/x?y#z", "example.com"),
        ("http://somebody:secret@example.com:81/", "example.com"),
        ("ws://example.com/chat", "example.com"),
        ("wss://example.com:444", "example.com"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1"),
    ],
)
async def test_a_host_that_was_named_may_be_connected_to(url: str, host: str) -> None:
    page = AskedHosts()
    page.note(url)
    assert await page.wait(host)
    assert await page.wait(host.upper())
    assert page.refused == set()


async def test_a_connection_waits_for_a_host_that_is_named_later() -> None:
    page = AskedHosts()
    waiting = [asyncio.create_task(page.wait("late.example")) for _ in range(3)]
    await asyncio.sleep(0)
    page.note("wss://late.example/")
    assert await asyncio.gather(*waiting) == [True] * 3
    assert page.refused == set()


async def test_a_host_that_nobody_names_is_refused_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked, "PATIENCE", 0)
    page = AskedHosts()
    page.note("https://example.com/")
    for host in ("services.example", "www.example.com", "example.com.services.example", "com"):
        assert not await page.wait(host)
        assert host in page.refused


async def test_beside_workers_only_what_the_browsers_maker_offers_must_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked, "_SECOND", 0)
    page = AskedHosts()
    page.has_workers = True
    assert await page.wait("socket.example")
    for host in ("content-autofill.googleapis.com", "google.com"):
        assert not await page.wait(host)
    page.note("https://fonts.googleapis.com/css")
    assert await page.wait("fonts.googleapis.com")
    assert await page.wait("notgoogle.com")


@pytest.mark.parametrize(
    "url", ["data:text/html,http://a.example/", "blob:http://a.example/1", "about:blank"]
)
async def test_what_is_no_address_names_no_host(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "PATIENCE", 0)
    page = AskedHosts()
    page.note(url)
    assert not await page.wait("a.example")
