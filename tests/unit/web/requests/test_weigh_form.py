"""What people write into the form of the start page, and where it says what is wrong with it."""

from __future__ import annotations

import pytest

from libra.urls import parse_url
from libra.web.requests.weigh_form import WeighForm
from libra.weighing.options import Options


def test_the_scheme_may_be_left_out_in_either_field() -> None:
    form = WeighForm({"url": " example.com/a ", "urls": "localhost:3000\n\nhttp://b.example\n"})
    assert form.urls == ["https://example.com/a", "http://localhost:3000", "http://b.example"]
    assert [one.url for one in form.submissions()] == form.urls


@pytest.mark.parametrize("text", ["nowhere", "ftp://example.com", "javascript:alert(1)", "/x"])
def test_what_is_no_address_is_left_to_be_refused_as_it_was_written(text: str) -> None:
    assert WeighForm({"url": text}).urls == [text]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "", "urls": "ftp://example.com"}, "urls"),
        ({"url": "example.com", "headers": "Cookie"}, "headers"),
        ({"url": "example.com", "headers": "Host: other.example"}, "headers"),
        ({"url": "example.com", "urls": "b.example", "headers": "Cookie"}, "headers"),
        ({"url": "example.com", "viewport": "wide", "headers": "Cookie: a=b"}, "viewport"),
        ({"url": "example.com", "viewport": "wide", "headers": "Cookie"}, "headers"),
        ({"url": "nowhere", "viewport": "390x844@3", "headers": "Cookie: a=b"}, "url"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_that_it_is_wrong_with(
    fields: dict[str, str], wrong: str
) -> None:
    form = WeighForm(fields)
    with pytest.raises(ValueError, match=r"\w") as refusal:
        for submission in form.submissions():
            submission.options(Options())
            parse_url(submission.url)
    assert form.refused(str(refusal.value)).wrong == wrong


def test_what_is_wrong_with_their_number_is_told_at_the_addresses() -> None:
    form = WeighForm({"url": "", "urls": "a.example\nb.example", "viewport": "wide"})
    told = form.refused("These are too many. Fewer, please?")
    assert (told.wrong, told.error) == ("urls", "These are too many. Fewer, please?")
