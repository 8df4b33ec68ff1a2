"""What is sent to a webhook, how it is signed, and how long it is tried."""

import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libra.budgets.alarms import Event, Standing, Terms, judge
from libra.inspector.records.watches.alerts import TRIES, Alert, delay_after
from libra.inspector.watches.alert_delivery import AlertMessage, compose, new_secret, sign
from libra.report import Report, Total

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAGE = "0199c0de-0000-7000-8000-000000000000"


def composed(
    report: Report, terms: Terms, standing: Standing | None = None, public: str | None = None
) -> list[AlertMessage]:
    judgement = judge(report, terms, standing or Standing())
    return [
        msgspec.json.decode(alert.body, type=AlertMessage)
        for alert in compose("the-watch", report, judgement, NOW, public)
    ]


def weighed(size: int, url: str = "https://a.test/") -> Report:
    return Report(PAGE, url, status="weighed", complete=True, total=Total(9, size, size))


def test_a_broken_budget_says_which_limits_by_how_much_and_what_changed() -> None:
    standing = Standing(weight=400_000, complete=True)
    (message,) = composed(weighed(612_345), Terms(max_weight=500_000), standing)
    assert (message.event, message.watch, message.page) == ("budget", "the-watch", PAGE)
    assert (message.total, message.change, message.link) == (612_345, 212_345, None)
    (breach,) = message.breaches
    assert (breach.subject, breach.limit, breach.measured) == ("total size", 500_000, 612_345)
    assert message.text == (
        "https://a.test/ is over its budget: total size is 612.3 kB, 112.3 kB over its budget of "
        "500.0 kB. That is 212.3 kB more than before."
    )


def test_a_jump_a_failure_and_a_recovery_say_so() -> None:
    (jump,) = composed(weighed(900_000), Terms(), Standing(weight=400_000, complete=True))
    assert jump.text == (
        "https://a.test/ has become heavier: it weighs 900.0 kB. That is 500.0 kB more than before."
    )
    failed = Report(PAGE, "https://a.test/", status="failed", error="dns: no such name")
    (failure,) = composed(failed, Terms())
    assert failure.text == "https://a.test/ could not be weighed: dns: no such name"
    assert (failure.total, failure.error) == (None, "dns: no such name")
    (recovery,) = composed(weighed(1_000), Terms(), Standing(trouble=("failed",)))
    assert recovery.text == "https://a.test/ is fine again: it weighs 1.0 kB."


def test_there_is_a_link_where_the_service_knows_its_address() -> None:
    (message,) = composed(weighed(2), Terms(max_weight=1), public="https://libra.test/")
    assert message.link == f"https://libra.test/pages/{PAGE}"
    assert message.text.endswith(f"\n{message.link}")


def test_foreign_text_cannot_speak_to_slack() -> None:
    failed = Report(PAGE, "https://a.test/?a&b", status="failed", error="tls: <!channel>\n\x1b[31m")
    (message,) = composed(failed, Terms())
    assert "<" not in message.text
    assert "\n" not in message.text
    assert "\x1b" not in message.text
    assert "a&amp;b" in message.text
    assert message.url == "https://a.test/?a&b"


def test_the_same_weigh_in_judged_again_is_the_same_alert() -> None:
    first, second = (composed(weighed(2), Terms(max_weight=1)) for _ in range(2))
    assert first == second


def test_the_signature_is_the_hmac_of_time_and_body() -> None:
    secret = new_secret()
    moment, _, mac = sign(secret, b'{"a": 1}', NOW).partition(",")
    assert moment == f"t={int(NOW.timestamp())}"
    signed = f"{int(NOW.timestamp())}.".encode() + b'{"a": 1}'
    assert mac == "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert new_secret() != secret


def test_delays_double_up_to_hours_with_full_jitter() -> None:
    for tries in range(1, 200):
        limit = min(4 * 3600, 10 * 2 ** (tries - 1))
        delays = [delay_after(tries) for _ in range(200)]
        assert 0 <= min(delays) <= limit / 10
        assert 0.9 * limit <= max(delays) <= limit


@pytest.mark.parametrize(("luck", "hours"), [(0.5, 24), (1.0, 48)])
def test_an_alert_is_tried_for_about_a_day(
    luck: float, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low + (high - low) * luck)
    event: Event = "budget"
    alert: Alert | None = Alert("1", event, "{}", NOW)
    now, tries = NOW, 0
    while alert is not None:
        now, tries, last = alert.due_at, tries + 1, alert
        alert = last.failed(now)
    assert tries == TRIES
    assert timedelta(hours=hours * 0.8) < now - NOW < timedelta(hours=hours * 1.2)


@pytest.mark.parametrize("tries", range(TRIES))
def test_an_alert_is_due_in_its_time_and_at_once_when_the_clock_is_set_back(tries: int) -> None:
    alert = Alert("1", "budget", "{}", NOW, tries)
    assert alert.is_due(NOW)
    assert alert.is_due(NOW + timedelta(days=1))
    assert not tries or not alert.is_due(NOW - timedelta(seconds=1))
    assert alert.is_due(NOW - timedelta(days=1))


def test_the_code_in_the_documentation_checks_a_signature() -> None:
    page = Path(__file__).parents[4] / "docs/how-to/watch-and-alert.md"
    code = next(
        block.partition("```")[0]
        for block in page.read_text("utf-8").split("```python\n")
        if block.startswith("import hashlib")
    )
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    check, secret, now = namespace["is_from_libra"], new_secret(), datetime.now(UTC)
    assert check(secret, sign(secret, b"{}", now), b"{}")
    assert not check(secret, sign(secret, b"{}", now), b"{ }")
    assert not check(new_secret(), sign(secret, b"{}", now), b"{}")
    assert not check(secret, sign(secret, b"{}", now - timedelta(hours=1)), b"{}")
