"""Options hold only what can be meant, and can be compared, hashed and stored."""

import msgspec
import pytest

from libra.weighing.options import (
    PLAIN_USER_AGENT,
    USER_AGENT,
    InvalidOptions,
    Limits,
    Options,
    Viewport,
)


def test_a_viewport_is_read_from_text() -> None:
    assert Viewport.parse("1350x940") == Viewport(1350, 940, 1.0)
    assert Viewport.parse("412x823@1.75") == Viewport(412, 823, 1.75)


@pytest.mark.parametrize("text", ["", "1350", "0x0", "1350x940@0", "axb", "1350x940@99", "99999x1"])
def test_a_viewport_that_no_window_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptions, match="viewport"):
        Viewport.parse(text)


@pytest.mark.parametrize(
    "header",
    [
        ("Bad Name", "x"),
        ("", "x"),
        ("X-Split", "a\r\nHost: evil.example"),
        ("X-Nul", "a\x00"),
        ("X-Wide", "ü"),
        ("Host", "evil.example"),
        ("Accept-Encoding", "identity"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_a_header_that_would_change_the_request_itself_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(InvalidOptions, match="headers"):
        Options(headers=(header,))


def test_a_user_agent_cannot_smuggle_a_header() -> None:
    with pytest.raises(InvalidOptions, match="user agent"):
        Options(user_agent="Libra\r\nX-Evil: 1")


def test_limits_cannot_be_negative_or_without_time() -> None:
    with pytest.raises(InvalidOptions):
        Limits(assets=-1)
    with pytest.raises(InvalidOptions):
        Limits(page_seconds=0)
    with pytest.raises(InvalidOptions):
        Limits(asset_seconds=float("nan"))


def test_options_survive_a_trip_through_json() -> None:
    options = Options(viewport=Viewport(400, 800, 2), headers=(("X-Test", "1"),))
    assert msgspec.json.decode(msgspec.json.encode(options), type=Options) == options
    assert hash(options) == hash(msgspec.json.decode(msgspec.json.encode(options), type=Options))


def test_the_user_agent_says_who_asks_and_where_to_complain() -> None:
    assert "Libra" in USER_AGENT
    assert "+https://" in USER_AGENT


@pytest.mark.parametrize("text", ["libra", "Libra", " libra "])
def test_libra_as_the_user_agent_is_the_plain_one(text: str) -> None:
    assert Options(user_agent=text).user_agent == PLAIN_USER_AGENT
    assert "Chrome" not in PLAIN_USER_AGENT
