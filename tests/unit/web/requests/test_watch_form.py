"""What the form for a watch asks for, and what it is told of its mistakes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from libra.web.requests.watch_form import WatchForm, mistakes_in, of_form

text = st.text(max_size=30)
fields = st.fixed_dictionaries(
    {},
    optional={
        "url": text | st.just("https://example.com/"),
        "every": text | st.sampled_from(["hour", "day", "week"]),
        "cron": text | st.just("0 6 * * *"),
        "max_weight": text | st.from_regex(r"\d{1,20}(\.\d+)? ?[kMG]?B", fullmatch=True),
        "jump_percent": text | st.floats().map(str) | st.just("off"),
        "jump_bytes": text | st.integers().map(str),
        "webhook": text | st.just("https://hooks.example.com/"),
    },
)


@given(fields)
def test_a_form_either_has_mistakes_that_are_told_or_asks_for_a_watch(
    fields: dict[str, str],
) -> None:
    mistakes = mistakes_in(fields)
    assert set(mistakes) <= {"url", *fields}
    assert all(sentence.endswith(".") and len(sentence) > 10 for sentence in mistakes.values())
    if not mistakes:
        wanted = of_form(fields)
        assert wanted.url == fields["url"].strip()
        most = wanted.changes().max_weight
        assert most is UNSET or wanted.max_weight


def test_the_first_mistake_is_the_one_that_people_see_first() -> None:
    fields = {"webhook": "slack", "url": "example", "cron": "soon"}
    form = WatchForm(fields, mistakes_in(fields))
    assert form.failed
    assert form.first_mistake == "url"
    assert WatchForm({"url": "https://example.com"}).first_mistake is None
