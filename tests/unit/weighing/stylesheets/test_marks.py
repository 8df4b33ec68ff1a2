"""One pass finds every place that a search for each word would find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.ascii import lowered
from libra.weighing.stylesheets import marks
from libra.weighing.stylesheets.marks import SheetMarks

ALWAYS = ("url(", "text-transform", "all:", "color-scheme", "base-select", "@layer", "@property")
FOLLOWED = {
    "font": ("-f", "-w", "-st", "-va", ":", " ", "/"),
    "background": (":", "-i", " ", "/"),
    "display": (":", " ", "/"),
    "content": (":", " ", "-v", "/"),
    "quotes": (":", " "),
    "container": ("-", ":", " "),
}
WITH_IMAGES = ("list-style", "cursor", "mask", "border-image", "filter", "clip-path", "animation")

pieces = st.one_of(
    st.sampled_from(
        (
            *ALWAYS, *FOLLOWED, *WITH_IMAGES, "border:", "image-set(", "@scope", "@import", "-", ":",
            " ", "/", "{", "}", ";", "-f", "-web", "é", "\u0130",
        )
    ),
    st.text("abfouc:-(@/ ", max_size=8),
)  # fmt: skip
sheets = st.lists(pieces, max_size=60).map("".join)


def places(text: str, word: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(word, at)]


def expected(lower: str) -> set[int]:
    found = {at for word in ALWAYS for at in places(lower, word)}
    for word, follows in FOLLOWED.items():
        found |= {
            at
            for at in places(lower, word)
            if lower.startswith(follows, at + len(word)) and not lower[:at].endswith("-")
        }
    if "url(" in lower or "image-set(" in lower:
        found |= {at for word in WITH_IMAGES for at in places(lower, word)}
        if "border-image" in lower:
            found |= set(places(lower, "border:"))
    return found


@given(sheets)
def test_it_finds_what_a_search_for_each_word_finds(text: str) -> None:
    # Custom properties and style queries have expressions of their own.
    text = text.replace("--", "- -").replace("\\", "").replace("style(", "style")
    lower = lowered(text)
    found = SheetMarks(text, lower)
    assert set(found.after(0)) == expected(lower)
    assert list(found.after(5)) == sorted(at for at in found.after(0) if at >= 5)
    assert found.scopes == ("@scope" in lower)
    assert found.imports == ("@import" in lower)
    assert found.may_name_images(rules=True) == ("url(" in lower or "image-set(" in lower)


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_word_that_lies_across_two_pieces_is_found_once(letter: str) -> None:
    for before in range(marks.PIECE - 20, marks.PIECE + 2):
        text = letter * before + "text-transform:none;background:url(a)"
        assert list(SheetMarks(text, text).after(0)) == [
            before, before + 20, before + 31,
        ]  # fmt: skip
