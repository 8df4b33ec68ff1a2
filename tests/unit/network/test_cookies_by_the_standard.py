"""The cookies of the http-state group (see the LICENSE beside them); where Chromium differs, it decides.

The tests are of 2011, as RFC 6265 was. Dates in them have passed since, so here it is 2012.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libra.network.cookies import CookieJar, parse_date
from libra.urls import join

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "httpstate/cookies.json").read_text("utf-8")
)
SITE = "http://home.example.org:8888/"
THEN = datetime(2012, 1, 1, tzinfo=UTC).timestamp()

SINCE = {
    # RFC 6265bis, section 5.6: what has no "=" is the value of a cookie without a name.
    "0004": "foo",
    "0021": "a=b; x; c=d",
    "0023": "foo",
    "0024": "foo",
    "0025": "foo",
    "0026": "foo",
    "0027": "bar",
    "0028": "foo",
    "CHROMIUM0009": "BLAHHH",
    "CHROMIUM0010": '"BLA\\"HHH"',
    "CHROMIUM0012": "ABC",
    "MOZILLA0012": 'test="fubar! = foo; five',
    "MOZILLA0014": "six",
    "MOZILLA0015": "seven",
    "MOZILLA0016": "eight",
    "MOZILLA0017": "eight; test=six",
    "NAME0023": "foo",
    "NAME0028": "a",
    "NAME0031": '"foo',
    "NAME0032": '"foo\\"bar',
    "NAME0033": "aaa",
    # The same: a control character spoils the whole cookie.
    "DISABLED_CHROMIUM0022": "",
    "DISABLED_CHROMIUM0023": "",
    # No browser decodes a path to compare it, hence disabled.
    "DISABLED_PATH0029": "",
    # The last Domain counts, and without a value it means the host alone.
    "OPTIONAL_DOMAIN0042": "foo=bar",
}
"""What Chromium sends today where the suite has something else."""


def test_the_cookies_are_those_of_the_suite() -> None:
    wrong = [
        (name, received, expected, sent)
        for name, received, to, suite in SUITE["cookies"]
        if (sent := _sent(name, received, to)) != (expected := SINCE.get(name, suite))
    ]
    assert wrong == []
    assert len(SUITE["cookies"]) == 222


def test_no_difference_from_the_suite_is_listed_in_vain() -> None:
    suite = {name: expected for name, _, _, expected in SUITE["cookies"]}
    assert [name for name, sent in SINCE.items() if suite[name] == sent] == []


def test_the_dates_are_those_of_the_suite() -> None:
    wrong = [
        (text, expected, found)
        for text, expected in SUITE["dates"]
        if (found := _date(text)) != expected
    ]
    assert wrong == []


def _sent(name: str, received: list[str], to: str) -> str:
    jar = CookieJar(lambda: THEN)
    jar.take(f"{SITE}cookie-parser?{name}", received, trusted=False, same_site=True)
    url = join(SITE, to or f"/cookie-parser-result?{name}")
    assert url is not None
    return jar.header(url, trusted=False, same_site=True)


def _date(text: str) -> str | None:
    seconds = parse_date(text)
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
