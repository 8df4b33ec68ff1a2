"""Conditions of ``@supports`` hold where they hold in Chromium."""

import json
from pathlib import Path

import pytest

from libra.weighing.stylesheets.supports import supports, supports_import

TABLE = Path(__file__).parent / "asked/supports.json"


def test_conditions_hold_as_in_chromium() -> None:
    """``scripts/chromium_css.py`` asks Chromium anew."""
    cases = json.loads(TABLE.read_text())
    wrong = [(text, holds) for text, holds in cases if (supports_import(text) is True) != holds]
    assert not wrong


@pytest.mark.parametrize(
    "condition",
    [
        "(color: revert-rule)",
        "(--x: var(--y))",
        "not (--x: var(y))",
        "not (--: 1px)",
        "not (z-index: 1/2)",
        "not (z-index: 1e3)",
        "(z-index: sibling-index())",
        "(grid-row: 1/2)",
        "not (transition: rgb(1 2 3))",
        "(width: calc(1px * 1px / 1em))",
        "not (width: (1px))",
        "not (width: calc(1px * 1px))",
        "not (width: round(1px))",
        "not (rotate: sin(1px))",
        "not selector(a:is(::before))",
        "not foo(1)",
        "not (margin: 1px, 2px)",
        "(transition: a, b)",
    ],
)
def test_these_hold(condition: str) -> None:
    assert supports(condition) is True


@pytest.mark.parametrize(
    "condition",
    [
        "not (--x:])",
        'not ("x\n")',
        "not (url(a b))",
        "not selector(a])",
        "selector(a\\\n)",
        "not at-rule(@charset)",
    ],
)
def test_these_do_not(condition: str) -> None:
    assert not supports(condition)
