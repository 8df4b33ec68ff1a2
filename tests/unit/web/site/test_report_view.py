from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.app import WatchStatus
from libra.budgets.alarms import Event
from libra.web.site.public_view import VERDICTS
from libra.web.site.report_view import code_spans, host, watch_words
from libra.web.site.watch_view import COUNT_WORDS, EVENT_WORDS


@given(st.text(max_size=60))
def test_a_host_can_be_shown_for_whatever_stands_there(url: str) -> None:
    assert host(url) or not url


def test_words_between_backticks_are_code_and_all_of_it_is_escaped() -> None:
    assert code_spans("use `<b>` & ``x``") == "use <code>&lt;b&gt;</code> &amp; <code>x</code>"


@pytest.mark.parametrize("status", get_args(WatchStatus))
def test_there_are_words_for_every_status_of_a_watch(status: WatchStatus) -> None:
    assert watch_words(status)
    assert COUNT_WORDS[status]
    assert VERDICTS[status]


@pytest.mark.parametrize("event", get_args(Event))
def test_there_are_words_for_every_event_that_is_told(event: Event) -> None:
    assert EVENT_WORDS[event]
