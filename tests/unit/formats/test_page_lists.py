"""Lists of pages as text."""

from __future__ import annotations

from libra.formats.page_lists import parse_url_list


def test_addresses_keep_the_number_of_their_line() -> None:
    text = "\ufeffhttps://a.example/\n\n# later\n  https://b.example/  \r\n"
    assert list(parse_url_list(text)) == [(1, "https://a.example/"), (4, "https://b.example/")]


def test_a_comment_may_stand_behind_an_address() -> None:
    text = "https://a.example/ # ours\nhttps://b.example/#part\t#theirs\n\t# none\r\n"
    assert [url for _, url in parse_url_list(text)] == [
        "https://a.example/",
        "https://b.example/#part",
    ]
