"""Of the fonts that style sheets declare, those are loaded that text uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.stylesheets.fonts import (
    FontFace,
    FontLibrary,
    FontStyle,
    bolder,
    families_in,
    is_met,
    lighter,
    weight_of,
)


def face(family: str, url: str, **rest: object) -> FontFace:
    return FontFace(family, (url,) if url else (), **rest)  # type: ignore[arg-type]


def needed(
    faces: list[FontFace],
    families: str,
    text: str = "Text",
    weight: int = 400,
    *,
    italic: bool = False,
) -> list[str]:
    found = FontLibrary(faces).needed(FontStyle(families, weight, italic), set(text))
    return [found.sources[0] for found in found]


def test_the_first_family_that_is_declared_is_loaded() -> None:
    faces = [face("one", "1"), face("two", "2")]
    assert needed(faces, "One, serif") == ["1"]
    assert needed(faces, "Unknown, 'two', \"ONE\"") == ["2"]
    assert needed(faces, "serif") == []
    assert needed(faces, "") == []


def test_a_family_that_every_desktop_has_ends_the_search() -> None:
    assert needed([face("one", "1")], "Arial, one") == []
    assert needed([face("one", "1")], "system-ui, one") == []
    assert needed([face("one", "1")], "-apple-system, 'Segoe UI', one") == ["1"]


def test_a_page_may_declare_a_family_of_such_a_name() -> None:
    assert needed([face("arial", "1")], "Arial") == ["1"]


LATIN = face("one", "latin", ranges=((0x00, 0xFF),))
GREEK = face("one", "greek", ranges=((0x370, 0x3FF),))
KANJI = face("one", "kanji", ranges=((0x4E00, 0x9FFF),))


def test_a_face_for_other_characters_is_not_loaded() -> None:
    faces = [LATIN, GREEK, KANJI]
    assert needed(faces, "one") == ["latin"]
    assert sorted(needed(faces, "one", "ab漢")) == ["kanji", "latin"]
    assert needed(faces, "one", "β") == ["greek"]


def test_characters_that_a_family_lacks_are_looked_for_in_the_next() -> None:
    faces = [LATIN, face("two", "2")]
    assert needed(faces, "one, two", "漢") == ["2"]
    assert needed(faces, "one, two", "a漢") == ["latin", "2"]
    assert needed(faces, "one, two", "a") == ["latin"]


def test_a_line_without_text_needs_the_font_that_has_the_space() -> None:
    assert needed([LATIN, GREEK], "one", "") == ["latin"]


def test_characters_that_are_not_drawn_need_no_font() -> None:
    joiner = face("one", "symbols", ranges=((0x200B, 0x200F), (0xFE00, 0xFE0F)))
    assert needed([LATIN, joiner], "one", "a\u200d\ufe0f") == ["latin"]


def test_of_two_faces_for_the_same_text_the_later_one_is_loaded() -> None:
    assert needed([face("one", "1"), face("one", "2")], "one") == ["2"]


def test_symbols_are_asked_of_every_face_whose_range_has_them() -> None:
    arrows, maths = ((0x2190, 0x21FF),), ((0x2100, 0x2200),)
    faces = [face("one", "math", ranges=maths), face("one", "symbols", ranges=arrows)]
    assert needed(faces, "one, two", "→") == ["symbols", "math"]


WEIGHTS = [face("one", str(weight), weight=(weight, weight)) for weight in (300, 400, 700)]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [(400, "400"), (500, "400"), (600, "700"), (700, "700"), (900, "700"), (300, "300"), (100, "300")],
)  # fmt: skip
def test_the_nearest_weight_is_loaded(wanted: int, chosen: str) -> None:
    assert needed(WEIGHTS, "one", weight=wanted) == [chosen]


def test_a_variable_font_covers_all_its_weights() -> None:
    faces = [face("one", "bold", weight=(700, 700)), face("one", "all", weight=(100, 600))]
    assert needed(faces, "one", weight=250) == ["all"]
    assert needed(faces, "one", weight=650) == ["bold"]
    faces = [face("one", "all", weight=(100, 900)), face("one", "bold", weight=(700, 700))]
    assert needed(faces, "one", weight=700) == ["bold"]


def test_an_icon_font_of_one_weight_is_loaded_for_any() -> None:
    assert needed([face("icons", "solid", weight=(900, 900))], "icons") == ["solid"]


def test_italics_are_loaded_only_where_something_is_italic() -> None:
    faces = [face("one", "upright"), face("one", "italic", italic=True)]
    assert needed(faces, "one") == ["upright"]
    assert needed(faces, "one", italic=True) == ["italic"]
    assert needed(faces[:1], "one", italic=True) == ["upright"]


def test_a_condensed_face_is_not_for_ordinary_text() -> None:
    faces = [face("one", "wide"), face("one", "narrow", stretch=(75.0, 75.0))]
    assert needed(faces, "one") == ["wide"]
    assert needed(faces[1:], "one") == ["narrow"]


def test_families_are_compared_without_quotes_case_and_extra_space_between_words() -> None:
    assert families_in('Open  Sans , Arial,"x",,') == ["open sans", "arial", "x"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [("normal", 400), ("Bold", 700), (" 650 ", 650), ("450.5", 450), ("1000", 1000),
     ("0", None), ("1001", None), ("bolder", None), ("", None), ("\u0664\u0660\u0660", None)],
)  # fmt: skip
def test_weights_are_numbers_or_two_words(text: str, weight: int | None) -> None:
    assert weight_of(text) == weight


@pytest.mark.parametrize(
    ("inherited", "more", "less"),
    [(100, 400, 100), (300, 400, 100), (400, 700, 100), (600, 900, 400), (700, 900, 400),
     (900, 900, 700)],
)  # fmt: skip
def test_relative_weights_go_by_the_table_of_the_standard(
    inherited: int, more: int, less: int
) -> None:
    assert (bolder(inherited), lighter(inherited)) == (more, less)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=8),
    st.sets(st.integers(0xC0, 400), min_size=1),
)
def test_a_face_with_a_range_is_loaded_only_for_a_character_in_it(
    spans: list[tuple[int, int]], text: set[int]
) -> None:
    ranges, low = [], 0
    for gap, length in spans:
        ranges.append((low + gap, low + gap + length))
        low += gap + length + 1
    declared = face("one", "1", ranges=tuple(ranges))
    expected = not ranges or any(a <= c <= b for a, b in ranges for c in text)
    assert is_met(declared, sorted(text)) == expected
    assert bool(needed([declared], "one", "".join(map(chr, text)))) == expected
