"""Of a page's icons those are loaded that Chromium loads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.icons import Icon, choose_icons


@pytest.mark.parametrize(
    ("icons", "loaded"),
    [
        ({"16.png": "16x16", "32.png": "32x32", "192.png": "192x192"}, ["32.png"]),
        ({"16.png": "16x16", "192.png": "192x192"}, ["16.png"]),
        ({"64.png": "64x64", "24.png": "24x24"}, ["64.png"]),
        ({"16.png": "16x16", "24.png": "24x24"}, ["16.png"]),
        ({"48.png": "48x48", "64.png": "64x64", "96.png": "96x96"}, ["48.png"]),
        ({"128.png": "128x128", "256.png": "256x256"}, ["128.png"]),
        ({"8.png": "8x8", "16.png": "16x16"}, ["16.png"]),
        ({"a.ico": "16x16 32x32 48x48", "b.png": "48x48"}, ["a.ico"]),
        ({"a.png": "32x32", "b.png": "32x32"}, ["b.png"]),
    ],
)
def test_of_icons_with_sizes_the_best_is_loaded(icons: dict[str, str], loaded: list[str]) -> None:
    assert choose_icons([Icon(url, sizes) for url, sizes in icons.items()]) == loaded


@pytest.mark.parametrize(
    ("icons", "loaded"),
    [
        ({"96.png": "96x96", "a.ico": "", "16.png": "16x16"}, ["a.ico"]),
        ({"a.ico": "any", "b.svg": ""}, ["b.svg", "a.ico"]),
        ({"a.png": "bogus", "b.png": "", "c.png": "0x0"}, ["c.png", "b.png", "a.png"]),
        ({"": "", "b.png": ""}, ["b.png"]),
        ({"": "32x32"}, []),
        ({}, []),
    ],
)
def test_icons_without_sizes_are_all_looked_into(icons: dict[str, str], loaded: list[str]) -> None:
    assert choose_icons([Icon(url, sizes) for url, sizes in icons.items()]) == loaded


@given(st.lists(st.builds(Icon, st.sampled_from("abc"), st.text("0123456789x any", max_size=12))))
def test_whatever_sizes_say_only_named_icons_are_loaded_each_once(icons: list[Icon]) -> None:
    chosen = choose_icons(icons)
    assert bool(chosen) == bool(icons)
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= {icon.url for icon in icons}
