"""Random selectors, values, sheets and cascades mean here what Chromium's own API says of them.

`scripts/chromium_css.py --compared` asks Chromium anew.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.css.scan import ScannedDeclaration
from libra.weighing.css.tokens import preprocessed
from libra.weighing.css.value_text import urls_in
from libra.weighing.options import DESKTOP
from libra.weighing.style.cascade.longhands import longhands
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.stylesheets.selectors import at_rest, is_valid
from libra.weighing.stylesheets.stylesheet import StyleRule, read_stylesheet
from libra.weighing.stylesheets.supports import is_valid_text
from unit.weighing.css.test_asked_by_chromium import asked

TABLES = Path(__file__).parent / "compared"


def table(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TABLES / f"{name}.json").read_text("utf-8"))
    return found


def selected(document: StyledDocument, selector: str) -> list[int] | None:
    """The numbers of the elements that a selector matches; None if it is invalid."""
    if not is_valid(selector):
        return None
    numbers = {node.mem_id: int(node.attrs.sget("n") or 0) for node in document.tree.css("*")}
    plain = at_rest(selector)
    found = document.select(plain) if plain else ()
    assert found is not None, "the engine cannot read it"
    return sorted({numbers[element] for element in found})


def test_selectors_match_what_they_match_in_chromium() -> None:
    known = table("selectors")
    documents = [StyledDocument(LexborHTMLParser(html)) for html in known["documents"]]
    wrong = [
        (selector, expected, found)
        for place, selector, expected in known["cases"]
        if (found := selected(documents[place], selector)) != expected
    ]
    assert not wrong


def test_values_are_valid_where_they_are_in_chromium() -> None:
    wrong = [
        (name, value, expected)
        for name, value, expected in table("values")["cases"]
        if is_valid_text(name, preprocessed(value)) is not expected
    ]
    assert not wrong


def named(sheet: str) -> list[int]:
    """The numbers that the rules of a sheet name, as the last image of each block."""
    found: set[int] = set()
    last: dict[tuple[StyleRule, str], ScannedDeclaration] = {}
    before: StyleRule | None = None
    for rule in read_stylesheet(sheet, "https://example.com/", DESKTOP).rules:
        same = before is not None and before == StyleRule(
            rule.selector, before.block, rule.layer, rule.containers, rule.starting
        )
        key = before if same and before is not None else rule
        before = key
        if not is_valid(rule.selector):
            continue
        for name, one in longhands(rule.block):
            if name not in {"background", "list-style"} or not is_valid_text(one.name, one.value):
                continue
            if one.important or (key, name) not in last or not last[key, name].important:
                last[key, name] = one
    for one in last.values():
        found.update(int(url) for url in urls_in(one.value) if url.isdigit())
    return sorted(found)


def test_of_a_sheet_with_mistakes_the_same_rules_survive() -> None:
    wrong = [
        (sheet, expected, found)
        for sheet, expected in table("sheets")["cases"]
        if (found := named(sheet)) != expected
    ]
    assert not wrong


def test_the_same_images_win_the_cascade() -> None:
    wrong = [
        (css, body, expected, found)
        for css, body, expected in table("winners")["cases"]
        if (found := asked(css, body)) != expected
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("css", "body", "expected"),
    [
        # A cycle is invalid as a whole, whatever its fallback.
        (".a{--w:var(--w,url(x));background:var(--w)}", "<p class=a>", []),
        (".a{--v:var(--w,url(x));--w:var(--v);background:var(--w,url(y))}", "<p class=a>", ["y"]),
        (".a{--v:url(x);background:VAR(--v)}", "<p class=a>", ["x"]),
        # The important declarations of an attribute win over those of layers.
        (
            "@layer{.a{background:url(x)!important}}",
            "<p class=a style='background:url(y)!important'>",
            ["y"],
        ),
        # An attribute that names no image may win, too.
        (".a{mask:url(x)}", "<p class=a style=mask:none>", []),
        (".a{background:url(x)}", "<p class=a style=all:initial>", []),
        (".a{-webkit-mask-box-image:url(x) 1}p.a{mask-border:inherit}", "<p class=a>", ["x"]),
        ("--x:hover{}.a{background:url(x)}", "<p class=a>", ["x"]),
        ("@container not{.a{background:url(x)}}", "<p class=a>", []),
        ("@starting-style x{.a{background:url(x)}}", "<p class=a>", []),
        ("@scope(.a){@media all{background:url(x)}}", "<p class=a>", []),
        ("@layer a.{}@import 'x';", "<p class=a>", ["x"]),
    ],
)
def test_each_kind_of_difference_is_mended(css: str, body: str, expected: list[str]) -> None:
    assert asked(css, f"{body}x") == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("html:first-child", [1]),
        ("html:nth-child(2)", []),
        (".\\61  p:is(.c)", [4]),
        (":dir(RTL)", [3]),
        (":dir(ltr)", [1, 2, 4]),
        ("[class~ =a]", None),
        (":nth-child(1 OF p)", None),
        (":-webkit-any(div p)", None),
        ("p::before:not(.c)", None),
        ("p::file-selector-button:hover", []),
    ],
)
def test_each_kind_of_selector_is_mended(selector: str, expected: list[int] | None) -> None:
    html = "<!doctype html><!--x--><html n=1><body n=2><div n=3 class=a dir=RTL><p n=4 class=c dir=ltr>"
    assert [n for n in selected(StyledDocument(LexborHTMLParser(html)), selector) or [] if n] == (
        expected or []
    )
    assert is_valid(selector) is (expected is not None)
