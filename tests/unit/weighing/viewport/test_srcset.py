"""Of the candidates of an image exactly one is loaded, and it is Chromium's."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.options import Viewport
from libra.weighing.viewport.sizes import source_size
from libra.weighing.viewport.srcset import Candidate, choose, parse_srcset
from support.work import assert_linear

DESKTOP = Viewport()


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("a.png", [Candidate("a.png")]),
        ("a.png 1x, b.png 2x", [Candidate("a.png", None, 1), Candidate("b.png", None, 2)]),
        ("a.png 100w,b.png 200w", [Candidate("a.png", 100), Candidate("b.png", 200)]),
        ("a,b.png 2x", [Candidate("a,b.png", None, 2)]),
        ("a.png,, b.png", [Candidate("a.png"), Candidate("b.png")]),
        (" , a.png ", [Candidate("a.png")]),
        ("a.png 100w 50h", [Candidate("a.png", 100)]),
        ("a.png 1.5x", [Candidate("a.png", None, 1.5)]),
        ("data:image/png;base64,AA== 1x, b.png 2x",
         [Candidate("data:image/png;base64,AA==", None, 1), Candidate("b.png", None, 2)]),
        ("a.png 0w, b.png 1q, c.png 1x 2x, d.png 1x", [Candidate("d.png", None, 1)]),
        ("a.png -0x, b.png -1x", [Candidate("a.png", None, 0)]),
        ("a.png 2147483648w, b.png 00100w, c.png 1w 9999999999h",
         [Candidate("b.png", 100)]),
        ("a.png (foo, bar) , b.png", [Candidate("b.png")]),
        ("", []),
    ],
)  # fmt: skip
def test_a_srcset_is_parsed_as_the_standard_has_it(text: str, candidates: list[Candidate]) -> None:
    assert parse_srcset(text) == candidates


@pytest.mark.parametrize(
    ("srcset", "sizes", "src", "viewport", "chosen"),
    [
        ("s.png 400w, m.png 800w, l.png 1600w", None, "x.png", DESKTOP, "l.png"),
        ("s.png 400w, m.png 800w, l.png 1600w", "400px", "x.png", DESKTOP, "s.png"),
        ("s.png 400w, m.png 800w", "(max-width: 600px) 100vw, 50vw", None, DESKTOP, "m.png"),
        ("s.png 400w, m.png 800w", "(max-width: 600px) 100vw, 50vw", None, Viewport(400, 800), "s.png"),
        ("l.png 2x", None, "s.png", DESKTOP, "s.png"),
        ("l.png 2x", None, "s.png", Viewport(400, 800, 2), "l.png"),
        ("l.png 3x, m.png 2x", None, "s.png", Viewport(400, 800, 2), "m.png"),
        ("m.png 1.5x", None, "s.png", Viewport(400, 800, 1.2), "s.png"),
        ("m.png 1.5x", None, "s.png", Viewport(400, 800, 1.3), "m.png"),
        ("only.png 100w", "1000px", None, DESKTOP, "only.png"),
        (None, None, "s.png", DESKTOP, "s.png"),
        ("", None, "s.png", DESKTOP, "s.png"),
        ("bad 1q", None, "s.png", DESKTOP, "s.png"),
        (None, None, None, DESKTOP, None),
        ("a.png 1x, b.png 1x", None, None, DESKTOP, "a.png"),
    ],
)  # fmt: skip
def test_one_candidate_is_chosen(
    srcset: str | None, sizes: str | None, src: str | None, viewport: Viewport, chosen: str | None
) -> None:
    assert choose(srcset, sizes, src, viewport) == chosen


@pytest.mark.parametrize(
    ("sizes", "pixels"),
    [
        (None, 1350),
        ("50vw", 675),
        ("calc(100vw - 50px)", 1300),
        ("min(300px, 50vw)", 300),
        ("clamp(10px, 20vw, 200px)", 200),
        ("(min-width: 2000px) 10px, 20px", 20),
        ("(min-width: 1000px) and (max-width: 1400px) calc((100vw - 2em) / 2), 20px", 659),
        ("20em", 320),
        ("auto", 1350),
        ("50%", 1350),
        ("(min-width: 1px) bogus, 7px", 7),
        ("((((", 1350),
        ("round(1.5px, 1px)", 1350),
        ("calc(7px*pi)", 1350),
        ("calc(7px/0)", 1350),
        ("calc(7px+ 2px)", 9),
        ("calc(7px +2px)", 1350),
        ("calc(()7px)", 7),
        ("calc(1px - 7px)", 0),
        ("clamp(none, 2px, 3px)", 1350),
        ("(1px), 2px", 2),
        ("(width > 1px)2px", 2),
        ("(width 2px", 1350),
        ("5%, auto, 2px", 1350),
        ("print 1px, not (foo) 2px, not (width < 1px) 3px", 3),
    ],
)
def test_sizes_give_the_width(sizes: str | None, pixels: float | None) -> None:
    assert source_size(sizes, DESKTOP) == pytest.approx(pixels)


@given(
    st.text(alphabet="ab.,()[]{}:;%/ \t\n0123456789wxhepvcal-+*'\"\\", max_size=200),
    st.text(alphabet="(),: 0123456789pxvwemcalinax-+*/andortx", max_size=100),
)
def test_any_srcset_yields_at_most_one_of_its_urls(srcset: str, sizes: str) -> None:
    chosen = choose(srcset, sizes, None, DESKTOP)
    assert chosen is None or chosen in srcset


@pytest.mark.parametrize(
    "unit", ["a ", "(", ")", "a (", ",", "a 1x,", "a 1x ", "calc(", "((a)", " "]
)
def test_the_worst_is_read_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = unit * (size // len(unit))
        return lambda: choose(text, text, "x", DESKTOP)

    assert_linear(prepare, 300_000)
