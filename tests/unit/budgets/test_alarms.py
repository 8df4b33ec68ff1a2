"""What a watcher is told after a weigh-in."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.alarms import Confirm, Event, Jump, Standing, Terms, judge
from libra.budgets.budget import Budget, Limit
from libra.report import KINDS, Report, Total

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FAILED = Report("1", "https://a.test/", status="failed", error="dns: the name does not resolve")


def weighed(
    size: int, *, scripts: int = 0, complete: bool = True, coverage: str | None = None
) -> Report:
    by_kind = dict.fromkeys(KINDS, Total()) | {
        "script": Total(1, scripts, scripts),
        "document": Total(1, size - scripts, size - scripts),
    }
    total = Total(2, size, size)
    page = "https://a.test/"
    return Report(
        "1",
        page,
        status="weighed",
        complete=complete,
        total=total,
        by_kind=by_kind,
        coverage=coverage,
    )


def shell(size: int) -> Report:
    """A page that scripts build now: this is only a part of its weight."""
    return weighed(size, coverage="built by scripts")


def told(*reports: Report, terms: Terms | None = None) -> list[tuple[Event, ...]]:
    """The events of one weigh-in after the other."""
    standing, events = Standing(), []
    for report in reports:
        judgement = judge(report, terms or Terms(), standing)
        standing = judgement.standing
        events.append(judgement.events)
    return events


def test_a_page_that_weighs_what_it_weighed_is_no_news() -> None:
    assert told(*[weighed(500_000)] * 3) == [(), (), ()]


def test_a_jump_is_more_than_the_percentage_and_more_than_the_bytes() -> None:
    assert told(weighed(1_000_000), weighed(1_200_000)) == [(), ()]
    assert told(weighed(1_000_000), weighed(1_200_001)) == [(), ("jump",)]
    assert told(weighed(10_000), weighed(60_000)) == [(), ()]
    assert told(weighed(10_000), weighed(60_001)) == [(), ("jump",)]
    assert told(weighed(0), weighed(50_001)) == [(), ("jump",)]


def test_a_jump_is_told_once_and_its_end_is_none() -> None:
    heavy = weighed(2_000_000)
    assert told(weighed(1_000_000), heavy, heavy, weighed(1_000_000)) == [(), ("jump",), (), ()]


def test_a_page_that_grows_slowly_never_jumps() -> None:
    assert set(told(*[weighed(1_000_000 + n * 40_000) for n in range(50)])) == {()}


def test_who_does_not_care_for_jumps_is_told_of_none() -> None:
    terms = Terms(jump=None)
    assert told(weighed(1_000_000), weighed(9_000_000), terms=terms) == [(), ()]
    terms = Terms(jump=Jump(percent=100, bytes=0))
    assert told(weighed(10), weighed(20), weighed(41), terms=terms) == [(), (), ("jump",)]


def test_a_broken_budget_is_told_when_it_breaks_and_when_it_holds_again() -> None:
    fine, heavy = weighed(500_000), weighed(500_001)
    reports = [fine, heavy, heavy, fine, fine, heavy]
    expected = [(), ("budget",), (), ("recovered",), (), ("budget",)]
    assert told(*reports, terms=Terms(max_weight=500_000)) == expected


def test_a_budget_that_is_broken_from_the_beginning_is_told_at_once() -> None:
    assert told(weighed(2), terms=Terms(max_weight=1)) == [("budget",)]


def test_another_limit_that_breaks_is_news_and_one_of_two_that_holds_again_is_not() -> None:
    budget = Budget(limits=(Limit("script", "size", 10), Limit("total", "size", 500)))
    terms = Terms(budgets=(budget,))
    scripts, both = weighed(100, scripts=20), weighed(600, scripts=20)
    expected = [("budget",), ("budget",), (), ()]
    assert told(scripts, both, both, scripts, terms=terms) == expected
    judgement = judge(both, terms, Standing())
    assert [check.subject for check in judgement.breaches] == ["script size", "total size"]


def test_a_page_over_budget_that_jumps_is_told_of_once() -> None:
    expected = [(), ("budget",)]
    assert told(weighed(1), weighed(9_000_000), terms=Terms(max_weight=1_000)) == expected


def test_a_page_that_is_over_budget_already_may_still_jump() -> None:
    terms = Terms(max_weight=1_000)
    assert told(weighed(1_000_000), weighed(9_000_000), terms=terms) == [("budget",), ("jump",)]


def test_a_failure_is_told_once_and_so_is_its_end() -> None:
    fine = weighed(500_000)
    expected = [(), ("failed",), (), ("recovered",), ()]
    assert told(fine, FAILED, FAILED, fine, fine) == expected
    assert told(FAILED, fine) == [("failed",), ("recovered",)]


def test_what_was_known_of_the_weight_outlives_a_failure() -> None:
    assert told(weighed(1_000_000), FAILED, weighed(9_000_000)) == [
        (),
        ("failed",),
        ("recovered", "jump"),
    ]
    assert told(FAILED, weighed(9), terms=Terms(max_weight=1)) == [("failed",), ("budget",)]


def test_the_change_is_since_the_last_good_weigh_in() -> None:
    standing = Standing(weight=100, complete=True)
    assert judge(weighed(150), Terms(), standing).change == 50
    assert judge(weighed(50), Terms(), standing).change == -50
    assert judge(weighed(50), Terms(), Standing()).change is None
    assert judge(FAILED, Terms(), standing).change is None


def test_an_incomplete_weigh_in_is_not_what_the_next_is_compared_with() -> None:
    part = weighed(100_000, complete=False)
    assert told(weighed(1_000_000), part, weighed(1_000_000)) == [(), (), ()]
    assert told(weighed(1_000_000), weighed(9_000_000, complete=False)) == [(), ("jump",)]


def test_an_incomplete_weigh_in_neither_breaks_nor_recovers_anything() -> None:
    terms = Terms(max_weight=500_000)
    fine, heavy = weighed(400_000), weighed(600_000)
    light, partly = weighed(10, complete=False), weighed(600_000, complete=False)
    assert told(fine, partly, fine, terms=terms) == [(), ("jump",), ()]
    assert told(heavy, light, heavy, terms=terms) == [("budget",), (), ()]
    assert told(heavy, light, fine, terms=terms) == [("budget",), (), ("recovered",)]
    assert told(FAILED, light, light, fine) == [("failed",), (), (), ("recovered", "jump")]


def test_a_page_that_scripts_build_now_does_not_recover_from_what_it_was() -> None:
    heavy, fine = weighed(500_001), weighed(499_999)
    reports = [heavy, shell(190), shell(190), heavy, fine]
    expected = [("budget",), (), (), (), ("recovered",)]
    assert told(*reports, terms=Terms(max_weight=500_000)) == expected


def test_a_page_that_scripts_build_now_is_not_what_the_next_is_compared_with() -> None:
    assert told(weighed(900_000), shell(190), weighed(900_000)) == [(), (), ()]


def test_a_page_that_scripts_build_is_over_budget_if_a_part_of_it_is() -> None:
    light, heavy = shell(190), shell(500_001)
    terms = Terms(max_weight=500_000)
    assert told(weighed(100), heavy, terms=terms) == [(), ("budget",)]
    assert told(light, heavy, light, terms=terms) == [(), ("budget",), ("recovered",)]


def test_no_reminder_is_sent_of_a_limit_that_the_weighed_part_keeps() -> None:
    terms = Terms(max_weight=500_000, repeat=60.0)
    first = judge(weighed(500_001), terms, Standing(), NOW)
    later = judge(shell(190), terms, first.standing, NOW + timedelta(hours=1))
    assert (later.events, later.standing.trouble) == ((), ("total size",))


def test_a_page_that_was_down_and_is_built_by_scripts_now_is_weighed_again() -> None:
    assert told(weighed(900), FAILED, shell(190)) == [(), ("failed",), ("recovered",)]


def test_a_budget_that_was_told_is_not_told_again_after_a_failure() -> None:
    terms, heavy, fine = Terms(max_weight=500_000), weighed(600_000), weighed(400_000)
    expected = [("budget",), ("failed",), (), (), ("recovered",)]
    assert told(heavy, FAILED, FAILED, heavy, fine, terms=terms) == expected
    assert told(heavy, FAILED, fine, terms=terms) == [("budget",), ("failed",), ("recovered",)]


def test_a_page_that_is_never_complete_is_compared_with_what_it_was() -> None:
    small, large = weighed(100_000, complete=False), weighed(200_000, complete=False)
    assert told(large, small, large, large) == [(), (), ("jump",), ()]


reports = st.just(FAILED) | st.builds(weighed, st.integers(0, 10**7), complete=st.booleans())


@given(st.lists(reports, max_size=12), st.integers(0, 10**7) | st.none())
def test_trouble_begins_and_ends_with_a_word(history: list[Report], most: int | None) -> None:
    standing, known = Standing(), False
    for report in history:
        judgement = judge(report, Terms(max_weight=most), standing)
        standing = judgement.standing
        if {"budget", "failed"} & set(judgement.events):
            known = True
        if "recovered" in judgement.events:
            assert known
            known = False
        assert known == bool(standing.trouble)
        assert len(judgement.events) == len(set(judgement.events))
        assert msgspec.json.decode(msgspec.json.encode(standing), type=Standing) == standing
        # The same once more is no news, whatever it is.
        assert judge(report, Terms(max_weight=most, jump=None), standing).events == ()


SURE = Terms(max_weight=100, jump=None, confirm=Confirm(2, 3))


@pytest.mark.parametrize(
    ("weights", "events"),
    [
        ((150, 150), [(), ("budget",)]),
        ((150, 50, 150), [(), (), ("budget",)]),
        ((150, 50, 50, 150), [(), (), (), ()]),
        ((None, None, None), [(), ("failed",), ()]),
        ((150, 150, 50, 150, 150), [(), ("budget",), ("recovered",), (), ("budget",)]),
    ],
)
def test_what_is_to_be_confirmed_is_told_when_so_many_of_the_last_weigh_ins_found_it(
    weights: tuple[int | None, ...], events: list[tuple[str, ...]]
) -> None:
    standing, found = Standing(), []
    for weight in weights:
        judgement = judge(FAILED if weight is None else weighed(weight), SURE, standing)
        standing = judgement.standing
        found.append(judgement.events)
    assert found == events


def test_a_jump_that_is_to_be_confirmed_is_measured_against_what_was_before_it() -> None:
    terms = Terms(jump=Jump(10, 10), confirm=Confirm(2, 2))
    first = judge(weighed(200), terms, Standing(weight=100, complete=True))
    assert (first.events, first.standing.suspected, first.standing.weight) == ((), True, 100)
    assert judge(weighed(210), terms, first.standing).events == ("jump",)
    gone = judge(weighed(101), terms, first.standing)
    assert (gone.events, gone.standing.suspected, gone.standing.weight) == ((), False, 101)


def test_what_stays_wrong_is_told_again_after_a_while_and_recovery_only_if_wanted() -> None:
    terms, now = (
        Terms(max_weight=100, repeat=3600.0, recover=False),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    told = judge(weighed(150), terms, Standing(), now)
    assert (told.events, told.repeated) == (("budget",), False)
    soon = judge(weighed(150), terms, told.standing, now + timedelta(minutes=50))
    assert soon.events == ()
    later = judge(weighed(150), terms, soon.standing, now + timedelta(minutes=60))
    assert (later.events, later.repeated) == (("budget",), True)
    again = judge(weighed(150), terms, later.standing, now + timedelta(minutes=70))
    assert again.events == ()
    assert judge(weighed(50), terms, again.standing, now + timedelta(hours=9)).events == ()


looks = st.lists(st.sampled_from([None, 50, 150]), max_size=30)


@given(looks, st.integers(1, 4), st.integers(0, 4))
def test_whatever_is_confirmed_alarms_and_recoveries_alternate(
    weights: list[int | None], bad: int, more: int
) -> None:
    terms = Terms(max_weight=100, jump=None, confirm=Confirm(bad, bad + more))
    standing, alarmed = Standing(), False
    recent: list[bool] = []
    for weight in weights:
        judgement = judge(FAILED if weight is None else weighed(weight), terms, standing)
        standing = judgement.standing
        recent.append(weight != 50)
        assert len(standing.recent) < terms.confirm.of
        for event in judgement.events:
            if event == "recovered":
                assert alarmed
                assert weight == 50
                alarmed, recent = False, []
            else:
                assert sum(recent[-terms.confirm.of :]) >= bad
                alarmed = True
        assert alarmed == bool(standing.trouble)


@pytest.mark.parametrize(("bad", "of"), [(0, 1), (3, 2), (1, 11)])
def test_what_can_never_be_confirmed_is_refused(bad: int, of: int) -> None:
    with pytest.raises(ValueError, match="2 of 3"):
        Confirm(bad, of)
