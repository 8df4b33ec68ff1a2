"""Of the fonts that style sheets declare, those are loaded that text uses."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.fonts import Face, Fonts, FontUse, families_in
from libra.weighing.modules import ImportMap
from libra.weighing.scope import Scope


def taken(
    faces: list[Face],
    uses: list[FontUse],
    variables: dict[str, str] | None = None,
    text: str = "Text",
) -> list[str]:
    fonts = Fonts()
    scope = Scope(LexborHTMLParser(""), frozenset(map(ord, text)), ImportMap(""))
    fonts.add(faces, uses, variables or {}, scope)
    return sorted(face.url for face in fonts.take_used())


def test_a_face_is_loaded_when_its_family_is_used() -> None:
    faces = [Face("one", "1"), Face("two", "2")]
    assert taken(faces, [FontUse("One, serif")]) == ["1"]
    assert taken(faces, [FontUse("'two', \"ONE\"")]) == ["1", "2"]
    assert taken(faces, [FontUse("serif")]) == []
    assert taken(faces, []) == []


def test_a_face_in_the_sheet_itself_is_not_requested() -> None:
    assert taken([Face("one", "")], [FontUse("one")]) == []


def test_a_face_for_other_characters_is_not_loaded() -> None:
    faces = [
        Face("one", "latin", ((0x20, 0xFF),)),
        Face("one", "greek", ((0x370, 0x3FF),)),
        Face("one", "kanji", ((0x4E00, 0x9FFF),)),
    ]
    assert taken(faces, [FontUse("one")]) == ["latin"]
    assert taken(faces, [FontUse("one")], text="ab漢") == ["kanji", "latin"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (400, "400"),
        (500, "400"),
        (600, "700"),
        (700, "700"),
        (900, "700"),
        (300, "300"),
        (100, "300"),
    ],
)
def test_the_nearest_weight_is_loaded(wanted: int, chosen: str) -> None:
    faces = [Face("one", str(weight), weight=(weight, weight)) for weight in (300, 400, 700)]
    assert taken(faces, [FontUse("one", wanted, False)]) == [chosen]


def test_a_variable_font_covers_all_its_weights() -> None:
    faces = [Face("one", "all", weight=(100, 900))]
    assert taken(faces, [FontUse("one"), FontUse(weight=700), FontUse(weight=200)]) == ["all"]


def test_an_icon_font_of_one_weight_is_loaded_for_any() -> None:
    assert taken([Face("icons", "solid", weight=(900, 900))], [FontUse("icons")]) == ["solid"]


def test_italics_are_loaded_only_where_something_is_italic() -> None:
    faces = [Face("one", "upright"), Face("one", "italic", italic=True)]
    assert taken(faces, [FontUse("one")]) == ["upright"]
    assert "italic" in taken(faces, [FontUse("one"), FontUse(italic=True)])


def test_variables_are_followed() -> None:
    faces = [Face("one", "1")]
    assert taken(
        faces, [FontUse("var(--body)")], {"--body": "var(--brand), serif", "--brand": "One"}
    ) == ["1"]
    assert taken(faces, [FontUse("var(--missing, One)")]) == ["1"]
    assert taken(faces, [FontUse("var(--a)")], {"--a": "var(--b)", "--b": "var(--a)"}) == []


def test_fonts_are_taken_once() -> None:
    fonts = Fonts()
    fonts.add([Face("one", "1")], [FontUse("one")], {}, None)
    assert [face.url for face in fonts.take_used()] == ["1"]
    assert fonts.take_used() == []
    fonts.add([Face("two", "2")], [FontUse("two")], {}, None)
    assert [face.url for face in fonts.take_used()] == ["2"]


def test_families_are_compared_without_quotes_case_and_extra_space() -> None:
    assert families_in("'Open  Sans' , Arial,\"x\",,") == ["open sans", "arial", "x"]
