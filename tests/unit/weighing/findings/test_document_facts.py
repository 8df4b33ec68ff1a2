"""What a document shows of itself: images' sizes, refreshes, and whether scripts build it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.findings.document_facts import observe
from libra.weighing.findings.observed import Observed
from libra.weighing.html.document import read_document
from libra.weighing.html.document_walk import parse_html
from support.work import assert_linear

URL = "https://example.com/page"


def look(html: str) -> Observed:
    source = html.encode("utf-8", "surrogatepass")
    seen = read_document(source, "text/html; charset=utf-8", URL).observed
    assert seen is not None
    return seen


@pytest.mark.parametrize(
    ("content", "target", "seconds"),
    [
        ("5; url=/new", "https://example.com/new", 5),
        ("0;URL='https://other.example/'", "https://other.example/", 0),
        ('3, url = "x"', "https://example.com/x", 3),
        ("1.5; url=x", "https://example.com/x", 1),
        ("2 url=x", "https://example.com/x", 2),
        ("7; /plain", "https://example.com/plain", 7),
    ],
)
def test_a_refresh_that_leads_elsewhere_is_seen(content: str, target: str, seconds: int) -> None:
    seen = look(f"<meta http-equiv=Refresh content='{content}'>".replace("''", '"'))
    if "'" in content:
        seen = look(f'<meta http-equiv=Refresh content="{content}">')
    assert (seen.refresh, seen.refresh_seconds) == (target, seconds)


@pytest.mark.parametrize(
    "content", ["5", "", "; url=x", "60; url=page", "0; url=javascript:alert(1)"]
)
def test_a_refresh_of_the_page_itself_or_to_nowhere_is_none(content: str) -> None:
    assert look(f"<meta http-equiv=refresh content='{content}'>").refresh is None


def test_the_size_of_an_image_is_what_its_attributes_say() -> None:
    seen = look("<img src=a.png width=300 height=200px><img src=b.png width=50% height=10>")
    assert seen.shown == {"https://example.com/a.png": (300, 200)}


def test_an_image_that_is_shown_twice_has_its_larger_size() -> None:
    seen = look("<img src=a width=10 height=90><img src=a width=80 height=20>")
    assert seen.shown == {"https://example.com/a": (80, 90)}


def test_an_image_that_also_appears_without_a_size_has_none() -> None:
    assert look("<img src=a width=10 height=9><img src=a>").shown == {}
    assert (
        look("<img src=a width=10 height=9><img src=a srcset='b 2x' width=1 height=1>").shown == {}
    )


@pytest.mark.parametrize(
    "body",
    [
        "<div id=root></div><script src=/app.js></script>",
        "<noscript>You need to enable JavaScript to run this app." + " Please." * 50 + "</noscript>"
        "<div id=app>Loading</div><script>start()</script>",
        "<my-app></my-app><script type=module src=/main.js></script><style>"
        + "a{}" * 500
        + "</style>",
    ],
)
def test_a_document_with_nothing_but_scripts_is_a_shell(body: str) -> None:
    assert look(f"<title>{'App' * 200}</title><body>{body}").is_shell


@pytest.mark.parametrize(
    "body",
    [
        "<p>Nothing here yet.",
        "<p>" + "Words, words, words. " * 20 + "<script src=/a.js></script>",
        "<img src=photo.jpg><script src=/a.js></script>",
        "",
    ],
)
def test_a_document_with_content_or_without_scripts_is_none(body: str) -> None:
    assert not look(f"<body>{body}").is_shell


@given(st.text(alphabet=st.sampled_from("<>metaimg sript='\"url;=,0123%px/\n")))
def test_looking_never_fails(html: str) -> None:
    look(
        f"<meta http-equiv=refresh content='{html}'><img src='{html}' width='{html}' height=1>{html}"
    )


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ("<meta http-equiv=refresh content='", " ", "'>"),
        ("<meta http-equiv=refresh content='0;", " url=", "'>"),
        ("<img src=a width='", "1", "' height=1>"),
        ("<img src=a width='", " ", "' height=1>"),
        ("", "<meta http-equiv=refresh>", ""),
        ("", "<img src=a width=1 height=1>", ""),
    ],
)
def test_the_worst_is_looked_at_in_linear_time(begin: str, unit: str, end: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        html = begin + unit * (size // len(unit)) + end
        tree, _ = parse_html(html.encode())
        return lambda: observe(tree, len(html), URL)

    assert_linear(prepare, 400_000)
