"""Whatever style sheets say, a document is styled in bounded time.

What matches and what wins may take time that grows with the square of a page, so that there is a budget.
It holds if the clock is looked at often enough: as the work grows, so do the looks, and between two of
them lies no more than grows with the page. Here the clock goes on by one with every look.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from libra.weighing.html.document import read_document
from libra.weighing.options import Viewport
from libra.weighing.style import styled_document as scopes
from libra.weighing.style.page_styles import Styles, style
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.stylesheet import Sheet, read_stylesheet
from support.work import TIMES, assert_linear

BASE = "https://example.com/css/site.css"
DESKTOP = Viewport()
FACES = "@font-face{font-family:f;src:url(f)}@font-face{font-family:g;src:url(g)}"

Make = Callable[[int], tuple[str, str]]
"""A style sheet and a document for a size."""


def each(count: int, text: Callable[[int], str]) -> str:
    return "".join(map(text, range(count)))


HOSTILE: dict[str, Make] = {
    "crowd": lambda n: (
        each(n // 20, lambda k: f".a{k} b:not(.c{k}) i,p{{font-family:f;background:url({k % 7})}}"),
        "<p><b><i>x</i></b></p>" * (n // 3),
    ),
    "content": lambda n: (
        "p::before{content:'" + "x" * 10 * n + "';font-family:f}",
        "<p>x" * (n // 10),
    ),
    "variables": lambda n: (
        (
            f":root{{--a:{'var(--b)' * (n // 100)};--b:{'var(--c)' * (n // 100)}}}"
            f"p{{--c:{'f ' * (n // 10)};font-family:var(--a)}}"
        ),
        "<p>x" * (n // 25),
    ),
    "texts": lambda n: ("p{font-family:f}", "<p>" + "x<!---->" * 2 * n),
    "elements": lambda n: ("body{font-family:f}", "<p>abc <b>x</b>" * n),
    "images": lambda n: (
        "p{background:" + "url(data:x)," * n + "url(a.png)}",
        "<p>x" * (n // 2),
    ),
    "names": lambda n: (
        each(n // 10, lambda k: f"p{{--v{k}:f;font-family:var(--v{k})}}"),
        "<p>x" * (n // 100),
    ),
    "families": lambda n: (
        each(n // 10, lambda k: f".c{k}{{font-family:f{k},f}}"),
        each(n // 10, lambda k: f"<p class=c{k}>x"),
    ),
    "list": lambda n: ("p,b," * n + "q{font-family:f}", "<p>x" * 100),
    "long": lambda n: ("p{font-family:" + "f," * 2 * n + "g}", "<p>x" * (n // 3)),
    "family": lambda n: ("*{font-family:y" + " y" * 3 * n + "}", "<p>abc" * (n // 7)),
    "references": lambda n: (
        ",".join(["p"] * (n // 25)) + "{--a:b;font-family:" + "var(--a)," * (n // 3) + "f}",
        "<p>x",
    ),
    "everywhere": lambda n: (
        "*{--a:" + "b," * (n // 14) + "b;font-family:" + "var(--a)," * (n // 70) + "f}",
        "<p>abc" * (n // 23),
    ),
    "values": lambda n: (
        ",".join(["p"] * (n // 25)) + f"{{--a:{'b,' * 10 * n}c;background:{'b,' * 10 * n}c}}",
        "<p>x",
    ),
    "layers": lambda n: (
        f"@layer {'.'.join('a' * 250)};"
        + each(n // 25, lambda k: f"@layer a{k}{'.b' * 240};")
        + "p{content:x}",
        "<p>x",
    ),
    "sets": lambda n: ("p{background:" + "image-set()" * 2 * n + "}", "<p>x"),
    "deep": lambda n: ("*{font-weight:var(--w,bolder);font-style:var(--s)}", "<i><b>" * (n // 10)),
    "faces": lambda n: (
        each(
            n // 17,
            lambda k: f"@font-face{{font-family:f;src:url({k});unicode-range:u+{k + 0x20000:x}}}",
        )
        + "body{font-family:f}",
        each(n // 9, lambda k: chr(0x4E00 + k)),
    ),
}


class Looks:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return float(self.count)


def styled(make: Make, size: int) -> Callable[[], list[WantedByStyle]]:
    """A page of that size, to be read and styled when this is called."""
    css, html = make(size)

    def work() -> list[WantedByStyle]:
        source = f"<!doctype html><link rel=stylesheet href=site.css>{html}".encode()
        (document,) = read_document(source, "text/html", BASE).documents
        styles: Styles[StyledDocument, Sheet] = Styles()
        styles.add_document(document)
        sheet = read_stylesheet(FACES + "b{background:url(b.png)}" + css, BASE, DESKTOP)
        styles.add_sheet([BASE], sheet)
        ((document, parts),) = styles.ready(all_there=False)
        return style(document, parts, DESKTOP)

    return work


def looks(make: Make, size: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the clock is looked at if there is time enough."""
    clock = Looks()
    monkeypatch.setattr(scopes, "clock", clock)
    monkeypatch.setattr(scopes, "MATCHING_SECONDS", float("inf"))
    styled(make, size)()
    return clock.count


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_between_two_looks_at_the_clock_the_work_is_linear(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 8_000
    # Time enough for the small page: the large one gets no more.
    budget = looks(make, size // TIMES, monkeypatch)
    monkeypatch.setattr(scopes, "clock", Looks())
    monkeypatch.setattr(scopes, "MATCHING_SECONDS", float(budget))
    assert_linear(lambda size: styled(make, size), size)


@pytest.mark.parametrize("name", ["crowd", "elements", "everywhere", "faces", "images", "names"])
def test_the_more_there_is_to_do_the_more_often_the_clock_is_looked_at(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (looks(HOSTILE[name], size, monkeypatch) for size in (1_000, 8_000))
    assert many > 2 * few
