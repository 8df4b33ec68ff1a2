"""Where alerts go, and what the receiver is shown."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.inspector.records.watches.webhook import (
    address_and_headers,
    parse_webhook,
    parse_webhook_headers,
    shown,
)
from libra.urls import InvalidURL
from libra.weighing.options import InvalidOptions

HOOK = "https://hooks.example.com/a?b=c"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.parametrize(
    ("written", "user", "password"),
    [
        ("https://me:secret@hooks.example.com/a?b=c", "me", "secret"),
        ("https://me:a%40b%3Ac%2F@hooks.example.com/a?b=c", "me", "a@b:c/"),
        ("https://me:a@b@hooks.example.com/a?b=c", "me", "a@b"),
        ("https://token@hooks.example.com/a?b=c", "token", ""),
        ("https://:secret@hooks.example.com/a?b=c", "", "secret"),
        (" HTTPS://m%C3%BC:%E2%82%AC@Hooks.Example.com/a?b=c", "mü", "€"),
    ],
)
def test_credentials_in_the_address_are_sent_as_basic(
    written: str, user: str, password: str
) -> None:
    webhook = parse_webhook(written)
    assert address_and_headers(webhook, ()) == (HOOK, basic(user, password))
    assert shown(webhook) == "https://hooks.example.com/…"


@pytest.mark.parametrize("written", [HOOK, "https://@hooks.example.com/a?b=c"])
def test_an_address_without_credentials_is_sent_none(written: str) -> None:
    assert address_and_headers(parse_webhook(written), ()) == (HOOK, {})


def test_a_header_of_its_own_goes_with_it_and_before_the_credentials() -> None:
    headers = parse_webhook_headers({"Authorization": "Bearer abc", "X-Gate": "1"})
    address, sent = address_and_headers(parse_webhook("https://me:x@hooks.example.com/"), headers)
    assert address == "https://hooks.example.com/"
    assert sent == {"Authorization": "Bearer abc", "X-Gate": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"Content-Length": "1"},
        {"Libra-Signature": "forged"},
        {"content-type": "text/html"},
        {"A b": "x"},
        {"A": "x\r\nB: y"},
        {f"X-{n}": "x" for n in range(21)},
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidOptions):
        parse_webhook_headers(headers)


@pytest.mark.parametrize(
    "written", ["ftp://me:secret@a.example/", "me:secret@a.example", "https://a b:secret@c/"]
)
def test_what_is_wrong_is_told_without_the_password(written: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        parse_webhook(written)
    assert "secret" not in str(caught.value)


@given(st.text(), st.text())
def test_any_text_is_an_address_or_refused(user: str, rest: str) -> None:
    try:
        webhook = parse_webhook(f"https://{user}@{rest}")
    except InvalidURL:
        return
    address, _ = address_and_headers(webhook, ())
    assert "@" not in address.split("/")[2]
