"""Media queries are judged as a desktop browser's window would be."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.options import Viewport
from libra.weighing.viewport.lengths import length_px
from libra.weighing.viewport.media_queries import media_matches
from support.work import assert_linear

DESKTOP = Viewport(1350, 940, 1)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "all",
        "screen",
        "only screen",
        "print, screen",
        "not print",
        "screen and (min-width: 600px)",
        "(min-width:1350px)",
        "(max-width: 1350px)",
        "(width: 1350px)",
        "(min-width: 40em) and (max-width: 90em)",
        "(width >= 600px)",
        "(600px <= width <= 1400px)",
        "(1400px > width)",
        "(orientation: landscape)",
        "(min-aspect-ratio: 4/3)",
        "(prefers-color-scheme: light)",
        "(prefers-reduced-motion: no-preference)",
        "(hover: hover) and (pointer: fine)",
        "(hover)",
        "not all and (max-width: 100px)",
        "not (max-width: 100px)",
        "(max-width: 1px) or (min-width: 2px)",
        "(not (max-width: 1px))",
        "screen and (-webkit-min-device-pixel-ratio: 1)",
        "(max-resolution: 1dppx)",
        "(resolution: 96dpi)",
        "(color)",
        "SCREEN AND (MIN-WIDTH: 1PX)",
        "screen /* a comment */ and (min-width:1px)",
        "(min-width: calc(10px + 1em))",
        "(scripting: enabled)",
        "bogus, screen",
        "not print and (bogus)",
        "not print and (min-width)",
        "(width\t>/* */=\n1350px)",
        "(/**/ 1x >= resolution /**/)",
        "(color-index < 1)",
        "(1 <= -webkit-device-pixel-ratio < 2)",
        "(max-aspect-ratio: 1/0)",
        "(aspect-ratio > 1px)",
        "(color: calc(7.5))",
        "(resolution: 37.8dpcm)",
        "(max-width: calc(1px / 0))",
        "(w\\69 dth: round(1349.6px, 1px))",
        "(grid: 0.0)",
        "(-webkit-transform-3d: 1.5)",
    ],
)
def test_these_hold_on_a_desktop(query: str) -> None:
    assert media_matches(query, DESKTOP)


@pytest.mark.parametrize(
    "query",
    [
        "print",
        "speech",
        "not all",
        "not screen",
        "screen and (max-width: 600px)",
        "(min-width: 1351px)",
        "(width < 1350px)",
        "(orientation: portrait)",
        "(prefers-color-scheme: dark)",
        "(prefers-reduced-motion)",
        "(-webkit-min-device-pixel-ratio: 1.5)",
        "(min-resolution: 192dpi)",
        "(monochrome)",
        "(hover: none)",
        "(bogus-feature)",
        "(min-width: bogus)",
        "not (bogus-feature)",
        "screen and",
        "screen (min-width: 1px)",
        "(min-width: 1px) and (min-width: 2px) or (min-width: 3px)",
        "&",
        "not screen and (bogus)",
        "not (scan:)",
        "not (hover: 5px)",
        "not (orientation: square)",
        "not (aspect-ratio >= -1/1)",
        "not (width > 1350)",
        "not (width < 1 px)",
        "not (width < = 1px)",
        "not (1px < width > 2px)",
        "not (prefers-reduced-data)",
        "not (inline-size < 1px)",
        "not (grid: 2)",
        "not (color < 1e0)",
        "not (max-aspect-ratio: infinity)",
        "not (a]b)",
        "(\u212aidth), (hover: h\u212aver)",
        "(width\u00a0> 1px)",
        "(" * 500,
        "and",
    ],
)
def test_these_do_not(query: str) -> None:
    assert not media_matches(query, DESKTOP)


def test_a_phone_is_another_window() -> None:
    phone = Viewport(412, 823, 2.625)
    assert media_matches("(max-width: 600px) and (orientation: portrait)", phone)
    assert media_matches("(min-resolution: 2dppx)", phone)
    assert not media_matches("(min-width: 600px)", phone)


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("10px", 10), ("1in", 96), ("2em", 32), ("10vw", 135), ("10dvh", 94), ("0", 0), ("72pt", 96),
        ("calc(1px + 2 * 3px)", 7), ("calc(100vw / 2 - 10px)", 665), ("max(1px, 2px, 3px)", 3),
        ("calc(1px + (2px + 3px))", 6), ("min(10px", 10),
        ("10", None), ("10%", None), ("auto", None), ("calc(", None), ("foo(1px)", None),
        ("1 px", None), ("1.px", None), ("(1px)", None), ("calc(1px+ 1px)", None),
        ("calc(1px + 1)", None), ("calc(1)", None), ("calc(1px * 1px)", None),
        ("calc(1px * 1px / 1em)", 1 / 16), ("calc(1px/**/+/**/1px)", None),
        ("calc(1px /**/+/**/ 1px)", 2), ("round(up, 7px, 3px)", 9), ("round(7px)", None),
        ("mod(-7px, 3px)", 2), ("rem(-7px, 3px)", -1), ("abs(-2em)", 32), ("hypot(3px, 4px)", 5),
        ("calc(sign(-5px) * -1px)", 1), ("calc(1px * sin(90deg))", 1), ("calc(1px * sin(1px))", None),
        ("calc(1px * pow(2, 3) * sqrt(4))", 16), ("calc(1px * pi / pi)", 1), ("calc(1px * NaN)", 0),
        ("clamp(none, 5px, 3px)", 3), ("calc(1px * sibling-index())", None),
        ("calc(1px / 0)", 3.4028234663852886e38), ("calc(1px / (-0))", -3.4028234663852886e38),
        ("1e999px", 3.4028234663852886e38),
    ],
)  # fmt: skip
def test_lengths(text: str, pixels: float | None) -> None:
    found = length_px(text, DESKTOP)
    assert found == (None if pixels is None else pytest.approx(pixels))


@given(st.text(alphabet="(),:<>=/ 0123456789pxmindthaorescgb-wk*+.e%", max_size=120))
def test_any_query_has_an_answer(query: str) -> None:
    assert media_matches(query, DESKTOP) in {True, False}
    length_px(query, DESKTOP)


@pytest.mark.parametrize("unit", ["(", "not (", "(a) and ", ",", "<", "(1<", "calc(", "/*", "((a)"])
def test_the_worst_is_judged_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = unit * (size // len(unit))

        def judge() -> None:
            media_matches(text, DESKTOP)
            length_px(text, DESKTOP)

        return judge

    assert_linear(prepare, 9_000)  # about as much as is looked at
    assert_linear(prepare, 1_000_000)
