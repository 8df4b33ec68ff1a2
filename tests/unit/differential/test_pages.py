"""The pages of the differential test follow from their choices alone, and can be made smaller."""

import pytest

from differential.areas import AREAS
from differential.draw import Draw, smaller
from differential.known import reason_of
from differential.made import make
from support.in_memory import asked_by_libra


@pytest.mark.parametrize("area", sorted(AREAS))
def test_a_page_can_be_made_again_from_its_choices(area: str) -> None:
    for number in range(50):
        made = make(area, AREAS[area], "x", Draw(seed=f"{area}-{number}"))
        assert make(area, AREAS[area], "x", Draw(made.choices)) == made


@pytest.mark.parametrize("area", sorted(AREAS))
def test_pages_are_different(area: str) -> None:
    pages = [make(area, AREAS[area], "x", Draw(seed=f"{area}-{number}")) for number in range(100)]
    assert len({str(page.answers) for page in pages}) == len(pages)


@pytest.mark.parametrize("area", sorted(AREAS))
def test_any_page_can_be_weighed(area: str) -> None:
    for number in range(20):
        made = make(area, AREAS[area], "x", Draw(seed=f"any-{area}-{number}"))
        asked_by_libra(made.case())


def test_the_first_choices_make_a_plain_page() -> None:
    made = make("css", AREAS["css"], "x", Draw())
    assert made.choices == (0,) * len(made.choices)
    assert asked_by_libra(made.case())


def test_choices_become_fewer_or_plainer() -> None:
    whole = (3, 0, 2, 1)
    found = list(smaller(whole))
    assert found
    assert all(len(each) < len(whole) or sum(each) < sum(whole) for each in found)
    assert (3, 0, 2) in found
    assert (3, 0, 0, 1) in found


def test_what_is_the_same_has_no_reason_to_be_known() -> None:
    made = make("html", AREAS["html"], "x", Draw())
    assert reason_of(made, ["/1.png"], ["/2.png"]) is None
