"""How sizes, durations and foreign text are written for people, and read from them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libra.wording import (
    count,
    duration,
    duration_in_full,
    parse_duration,
    parse_size,
    plain,
    sentence_list,
    shorten,
    signed_size,
    size,
    size_in_full,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (511_478, "511.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (12_345_678, "12.3 MB"),
        (999_960_000, "1.0 GB"),
        (1_234_000_000_000, "1,234.0 GB"),
        (-1500, "-1.5 kB"),
    ],
)
def test_sizes_are_in_units_of_a_thousand(number: int, text: str) -> None:
    assert size(number) == text


@given(st.integers(0, 999_000_000_000))
def test_a_size_reads_back_as_nearly_the_same_number(number: int) -> None:
    assert parse_size(size(number)) == pytest.approx(number, rel=0.05, abs=1)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_bytes_never_look_like_fewer(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert parse_size(size(less).replace(",", "")) <= parse_size(size(more).replace(",", ""))


def test_differences_have_a_sign() -> None:
    assert [signed_size(n) for n in (1500, 0, -20)] == ["+1.5 kB", "0 B", "-20 B"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 ms"), (812, "812 ms"), (2_400, "2.4 s"), (59_960, "1 min 0 s"), (185_000, "3 min 5 s")],
)
def test_durations_are_as_short_as_they_say(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_counts_have_their_plural() -> None:
    assert count(1, "request") == "1 request"
    assert count(5000, "request") == "5,000 requests"
    assert count(2, "body", "bodies") == "2 bodies"


def test_a_list_ends_with_and() -> None:
    assert sentence_list(["a"]) == "a"
    assert sentence_list(["a", "b", "c"]) == "a, b and c"


def test_escapes_of_a_terminal_become_harmless() -> None:
    assert plain("a\x1b[31mb\x07\x9b1mc") == "a\ufffd[31mb\ufffd\ufffd1mc"


def test_a_title_cannot_turn_the_direction_of_writing_or_break_the_line() -> None:
    assert plain("one\u202etwo\nthree\u2028four\u200b") == "onetwo three four"


def test_ordinary_foreign_text_stays_as_it_is() -> None:
    assert plain("Čeština, 日本語, 🙂 and 50 %") == "Čeština, 日本語, 🙂 and 50 %"


@given(st.text(st.characters()))
def test_plain_text_is_printable_whatever_it_was(text: str) -> None:
    assert plain(text).isprintable()


@given(st.text(), st.integers(0, 200))
def test_a_shortened_address_has_its_width_at_most(text: str, width: int) -> None:
    assert len(shorten(text, width)) <= width


@pytest.mark.parametrize(
    ("url", "width", "text"),
    [
        ("https://example.com/a.js", 30, "https://example.com/a.js"),
        ("https://example.com/a.js?v=123456789", 30, "https://example.com/a.js?v=12…"),
        ("https://example.com/one/two/three/main.css", 32, "https://example.com/on…/main.css"),
        ("https://example.com/one/two/three/main.css?v=1", 33, "https://example.com/o…/main.css?…"),
        (
            "https://example.com/a-very-long-name-indeed.min.js",
            34,
            "https://example.com/…indeed.min.js",
        ),
    ],
)
def test_host_and_file_name_are_what_stays_of_a_long_address(
    url: str, width: int, text: str
) -> None:
    assert shorten(url, width) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("500ms", 0.5), ("60s", 60), ("1.5m", 90), ("5min", 300), ("24h", 86_400),
     ("7d", 604_800), ("2w", 1_209_600), (" 1 H ", 3600)],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1y", "1 2", "1e3", "٣s", "1h30m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("20000", 20_000), ("500kB", 500_000), ("500 kb", 500_000), ("1.5MB", 1_500_000),
     ("300KiB", 307_200), ("1GiB", 2**30), ("2G", 2 * 10**9), ("7B", 7)],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, number: int) -> None:
    assert parse_size(text) == number


@pytest.mark.parametrize("text", ["", "kB", "-1", "1TB", "1 2 kB", "1,5MB", "1e3", "٣kB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@given(st.integers(0, 10**9), st.sampled_from([("", 1), ("k", 1000), ("KiB", 1024), ("MB", 10**6)]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    assert parse_size(f"{number}{unit[0]}") == number * unit[1]


@given(st.integers(0, 10**6), st.sampled_from([("", 1), ("s", 1), ("m", 60), ("h", 3600)]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    assert parse_duration(f"{number}{unit[0]}") == number * unit[1]


@given(st.text())
def test_no_text_is_a_negative_size_or_duration(text: str) -> None:
    for parse in (parse_size, parse_duration):
        with contextlib.suppress(ValueError):
            assert parse(text) >= 0


@given(st.integers(1, 10**12))
@example(1_500_000)
@example(1_234_567)
def test_a_size_is_read_as_it_is_written(count: int) -> None:
    assert parse_size(size_in_full(count)) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [(50_000, "50 kB"), (1_500_000, "1.5 MB"), (999, "999 B"), (1_234_567, "1234567 B")],
)
def test_a_size_is_written_as_people_do(count: int, text: str) -> None:
    assert size_in_full(count) == text


@given(st.integers(1, 10**6))
def test_a_duration_is_read_as_it_is_written(minutes: int) -> None:
    assert parse_duration(duration_in_full(minutes * 60)) == minutes * 60


@pytest.mark.parametrize(
    ("seconds", "text"), [(86_400, "24h"), (90 * 86_400, "90d"), (5400, "90m"), (45, "45s")]
)
def test_a_duration_is_written_as_people_do(seconds: int, text: str) -> None:
    assert duration_in_full(seconds) == text
