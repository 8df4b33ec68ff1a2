"""Selectors are asked of a page at rest: nothing hovered, pseudo-elements there with their element."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.modules import ImportMap
from libra.weighing.scope import Scope
from libra.weighing.selector import at_rest, names_in


@pytest.mark.parametrize(
    ("selector", "rest"),
    [
        ("a.b > c", "a.b > c"),
        ("a:hover", ""),
        ("a:hover, b", "b"),
        ("a::before", "a"),
        ("a:after", "a"),
        ("::before", "*"),
        (".a > ::after", ".a > *"),
        (".a ::marker", ".a *"),
        ("a:not(:hover)", "a"),
        ("a:not(:hover, .x)", "a:not(.x)"),
        ("a:not(.b):not(:focus-visible)", "a:not(.b)"),
        (":is(a:hover, b)", ":is(b)"),
        (":is(a:hover)", ""),
        (":where(a, b::before) c", ":is(a,b) c"),
        (".sm\\:flex:hover", ""),
        (".sm\\:flex", ".sm\\:flex"),
        ('[x="a,b:hover"] c', '[x="a,b:hover"] c'),
        ("p:nth-child(2n + 1)", "p:nth-child(2n + 1)"),
        ("a:lang(de) b", "a b"),
        ("::-webkit-scrollbar", ""),
        ("::selection", ""),
        ("a:-moz-focusring, b", ""),
        (":host(.x)", ""),
        (":root", ":root"),
    ],
)
def test_what_is_left_of_a_selector_at_rest(selector: str, rest: str) -> None:
    assert at_rest(selector) == rest


@pytest.fixture
def scope() -> Scope:
    tree = LexborHTMLParser(
        "<body class=home><p id=intro class='a b'>One <b>two</b></p><input type=checkbox checked></body>"
    )
    return Scope(tree, frozenset(), ImportMap("http://example.com/"))


@pytest.mark.parametrize(
    "selector",
    ["p", ".a.b", "#intro", "p > b", "p::before", "*", ":root", "p:not(.c)", "x, b", "input:checked",
     "p:has(b)", "p:first-child", "[type='checkbox']", "body.home p:not(:hover) b::after"],
)  # fmt: skip
def test_these_match(scope: Scope, selector: str) -> None:
    assert scope.matches(selector)


@pytest.mark.parametrize(
    "selector",
    ["q", ".c", "b > p", "p:hover", "p:not(.a)", "", ",", "p:bogus", "p{", "::selection", "p:has(q)",
     "p " * 6_000],
)  # fmt: skip
def test_these_do_not(scope: Scope, selector: str) -> None:
    assert not scope.matches(selector)


def test_in_a_large_document_all_names_must_occur(scope: Scope) -> None:
    scope.use_names({"body", "p", ".a", "#intro"})
    assert scope.matches("body p.a")
    assert scope.matches("x, #intro:not(.z)")
    assert not scope.matches("p.z")


def test_names_are_those_that_a_selector_cannot_do_without() -> None:
    assert names_in("a.b > #c:not(.d), .e [x='.f'] P") == [{"a", ".b", "#c"}, {".e", "p"}]


@given(st.text(alphabet="ab.#:()[]='\"\\,> +~*&hovernitsw-1", max_size=60))
def test_any_selector_has_an_answer(selector: str) -> None:
    tree = LexborHTMLParser("<p class=a>b")
    assert Scope(tree, frozenset(), ImportMap("")).matches(selector) in {True, False}


@pytest.mark.parametrize(
    "unit", [":not(", ":", "(", "a:hover,", "[", "\\", "::before", ":is(a,", '"', "[a='"]
)
def test_a_long_selector_is_rewritten_in_linear_time(unit: str) -> None:
    text = unit * (9_000 // len(unit))
    started = time.process_time()
    at_rest(text)
    names_in(text)
    assert time.process_time() - started < 0.5
