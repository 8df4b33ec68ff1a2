"""The checker can fail: histories with one contradiction each, and honest ones without any."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.checker import (
    Contradiction,
    Final,
    Kept,
    contradictions,
    first_contradiction,
    one_of_each,
)
from chaos.history import Call, Entry, History, Mark, Strain, digest, percentile

PAGE, OTHER = "0199-a", "0199-b"
RESULT = "the result"


def submit(at: float, page: str = PAGE, **more: Any) -> Call:
    return call("submit", at, page, **{"code": 202, "version": 1, "backup": "journaled"} | more)


def call(kind: Any, at: float, page: str | None = PAGE, **more: Any) -> Call:
    return Call(kind, at, at + more.pop("takes", 0.01), page=page, **{"code": 200} | more)


def read(at: float, version: int, page: str = PAGE, **more: Any) -> Call:
    state = {"status": "weighing", "backup": "journaled", "content": f"as of {version}"}
    return call("read", at, page, version=version, **state | more)


def result(at: float, version: int = 10, backup: str = "stored", **more: Any) -> Call:
    state = {"status": "weighed", "backup": backup, "content": RESULT}
    return read(at, version, **state | more)


def killed(at: float, serving: float, restored: float | None = None) -> list[Entry]:
    marks = [Mark("killing", at), Mark("dead", at + 0.1), Mark("serving", serving)]
    return [*marks, *([] if restored is None else [Mark("restored", restored)])]


def kept(version: int = 10, content: str = RESULT) -> Kept:
    return Kept(version, "weighed", content, "stored")


def verdict(*entries: Entry, final: Final | None = None) -> str | None:
    found = first_contradiction(History(entries), final)
    return None if found is None else found.rule


ENDED_WELL = Final({PAGE: kept()}, {PAGE: kept()})


def test_a_life_without_trouble_has_no_contradiction() -> None:
    entries = [submit(0), read(1, 4), result(2, 8, "memory"), result(3, 9, "journaled"), result(4)]
    listed = call("list", 5, None, pages=(PAGE,))
    assert verdict(*entries, listed, final=ENDED_WELL) is None


def test_a_lost_page_is_named() -> None:
    found = first_contradiction(History([submit(0), read(1, 2), call("read", 2, code=404)]))
    assert found is not None
    assert found.rule == "lost"
    assert str(found) == (
        f"lost, at 2.010: page {PAGE} was acknowledged and nobody deleted it, but a read got 404"
    )


def test_a_kill_in_the_middle_of_a_fault_does_not_end_it() -> None:
    begun = [Mark("begins", 1, "gone back"), Mark("broken", 2, "gone back")]
    history = History(
        [*begun, *killed(3, 4, 5), Mark("mended", 6, "gone back"), Mark("restored", 7)]
    )
    assert [history.fault_at(at) for at in (0.5, 2.5, 4.5, 7.5)] == [None, *["gone back"] * 3]
    history.add(Mark("begins", 8, "locked"))
    assert history.fault_at(9) == "locked"


def test_a_result_of_ci_is_acknowledged_as_a_submission_is() -> None:
    pushed = call("push", 0)
    assert verdict(pushed, call("push", 1), result(2), final=ENDED_WELL) is None
    assert verdict(pushed, result(1), final=Final({}, {})) == "lost"
    assert verdict(pushed, call("read", 1, code=404)) == "lost"
    assert verdict(pushed, result(1), final=Final({PAGE: kept()}, {})) == "not stored"
    assert verdict(pushed, result(1), result(2, content="another")) == "one version, two contents"
    assert verdict(call("push", 0, None, code=503, after="2")) == "failed"


def test_whether_there_is_a_page_that_a_kill_may_have_cost_need_not_be_known() -> None:
    unknown = call("read", 7, code=503, after="2")
    only_in_memory = submit(0, backup="memory")
    assert verdict(only_in_memory, *killed(2, 3, 4), unknown) is None
    assert verdict(submit(0), *killed(2, 3, 4), unknown) == "failed"


def test_a_page_that_is_gone_at_the_end_is_lost() -> None:
    assert verdict(submit(0), result(1), final=Final({}, {})) == "lost"


def test_a_page_missing_from_a_list_of_its_neighbours_is_lost() -> None:
    pages = ("0199-c", "0199-a")
    assert verdict(submit(0), submit(1, OTHER), call("list", 2, None, pages=pages)) == "lost"
    # The list may end before the page's turn comes.
    assert verdict(submit(0), submit(1, OTHER), call("list", 2, None, pages=pages[:1])) is None


def test_a_list_out_of_order_is_named() -> None:
    assert verdict(call("list", 2, None, pages=("0199-a", "0199-c"))) == "disorder"


def test_a_version_that_goes_back_is_named() -> None:
    assert verdict(submit(0), read(1, 7), read(2, 6)) == "version went back"
    assert verdict(submit(0), read(1, 7), read(2, 7)) is None


def test_calls_that_overlap_may_see_versions_in_any_order() -> None:
    assert verdict(submit(0), read(1, 7, takes=0.5), read(1.2, 6)) is None


def test_a_version_goes_back_over_a_kill_too() -> None:
    again = read(6, 3)
    assert verdict(submit(0), read(1, 7), *killed(2, 5, 5), again) == "version went back"


def test_a_version_that_ends_below_what_was_seen_is_named() -> None:
    assert verdict(submit(0), result(1, 12), final=ENDED_WELL) == "version went back"


def test_one_version_with_two_contents_is_named() -> None:
    other = read(2, 7, content="something else")
    assert verdict(submit(0), read(1, 7), other) == "one version, two contents"
    assert (
        verdict(submit(0), read(1, 7), read(2, 7, backup="stored")) == "one version, two contents"
    )


def test_a_resurrected_page_is_named() -> None:
    gone = call("delete", 2, code=204)
    assert verdict(submit(0), read(1, 2), gone, read(3, 3)) == "came back"
    assert verdict(submit(0), read(1, 2), gone, call("read", 3, code=404)) is None
    listed = call("listed", 3, version=3, backup="stored", status="weighing")
    assert verdict(submit(0), read(1, 2), gone, listed) == "came back"


def test_a_page_that_is_deleted_stays_so_in_memory_and_in_the_database() -> None:
    gone = [submit(0), result(1), call("delete", 2, code=204)]
    assert verdict(*gone, final=Final({}, {})) is None
    assert verdict(*gone, final=Final({PAGE: kept()}, {})) == "came back"
    assert verdict(*gone, final=Final({}, {PAGE: kept()})) == "came back"


def test_a_deletion_survives_a_kill() -> None:
    gone = [submit(0), call("delete", 1, code=204), *killed(2, 3, 3)]
    assert verdict(*gone, read(4, 90)) == "came back"


def test_a_deletion_without_an_answer_may_have_been_carried_out_or_not() -> None:
    asked = [submit(0), result(0.5), call("delete", 1.99, code=None), *killed(2, 3, 3)]
    assert verdict(*asked, call("read", 4, code=404), final=Final({}, {})) is None
    assert verdict(*asked, result(4), final=ENDED_WELL) is None
    assert verdict(*asked, call("read", 4, code=404), result(5)) == "came back"


def test_deleting_a_page_that_is_there_does_not_get_404() -> None:
    assert verdict(submit(0), call("delete", 1, code=404)) == "lost"


@pytest.mark.parametrize("backup", ["journaled", "stored"])
def test_what_was_called_safe_survives_a_kill(backup: str) -> None:
    before = [submit(0, backup="memory"), read(1, 3, backup=backup), *killed(2, 3, 3)]
    assert verdict(*before, call("read", 4, code=404)) == "lost"


def test_what_was_only_in_memory_may_be_lost_by_a_kill() -> None:
    before = [submit(0, backup="memory"), *killed(2, 3, 3)]
    assert verdict(*before, call("read", 4, code=404), final=Final({}, {})) is None
    # But not by a kill before it was submitted.
    later = [*killed(2, 3, 3), submit(4, backup="memory"), call("read", 5, code=404)]
    assert verdict(*later) == "lost"


def test_a_safe_result_survives_a_kill_and_does_not_change() -> None:
    before = [submit(0), result(1, 9, "journaled"), *killed(2, 3, 3)]
    assert verdict(*before, read(4, 99)) == "result lost"
    assert verdict(*before, result(4, 99, content="another")) == "result changed"
    assert verdict(*before, result(4, 10)) is None


def test_a_result_in_memory_may_be_weighed_again_after_a_kill_and_only_then() -> None:
    before = [submit(0), result(1, 9, "memory")]
    again = [read(4, 99), result(5, 109, content="another")]
    assert verdict(*before, *killed(2, 3, 3), *again) is None
    assert verdict(*before, again[0]) == "result lost"
    assert verdict(*before, again[1]) == "result changed"


def test_a_result_does_not_become_less_safe() -> None:
    assert verdict(submit(0), result(1, 9, "stored"), result(2, 10, "journaled")) == "less safe"


def test_a_page_is_not_rejected_without_a_reason() -> None:
    entries = [submit(0), result(1, 10, "rejected")]
    memory = {PAGE: replace(kept(), backup="rejected")}
    assert verdict(*entries, final=Final(memory, {})) == "refused"
    assert verdict(*entries, final=Final(memory, {}, frozenset({PAGE}))) is None


def test_what_was_called_stored_is_in_the_database_at_that_version() -> None:
    entries = [submit(0), result(1, 10, "stored")]
    assert verdict(*entries, final=Final({PAGE: kept()}, {})) == "not stored"
    older = {PAGE: kept(8)}
    assert verdict(*entries, final=Final({PAGE: kept()}, older)) == "not stored"


@pytest.mark.parametrize(
    "final",
    [
        Final({PAGE: kept()}, {}),
        Final({PAGE: kept()}, {PAGE: kept(9)}),
        Final({PAGE: kept()}, {PAGE: kept(content="another")}),
        Final({PAGE: kept()}, {PAGE: kept(), OTHER: kept()}),
        Final({PAGE: replace(kept(), backup="journaled")}, {PAGE: kept()}),
    ],
)
def test_a_database_that_does_not_end_equal_to_memory_is_named(final: Final) -> None:
    assert verdict(submit(0), final=final) == "unequal"


def test_the_row_of_a_page_that_is_quarantined_is_its_submission() -> None:
    page = Kept(12, "failed", "quarantined", "stored", submission="as submitted")
    row = Kept(11, "queued", "as submitted", "stored")
    seen = result(1, 12, status="failed", content="quarantined")
    assert verdict(submit(0), seen, final=Final({PAGE: page}, {PAGE: row})) is None
    for wrong in (
        replace(row, content="x"),
        replace(row, version=13),
        replace(row, status="failed"),
    ):
        assert verdict(submit(0), final=Final({PAGE: page}, {PAGE: wrong})) == "unequal"


def test_a_page_that_never_finishes_is_named() -> None:
    final = Final({PAGE: Kept(3, "weighing", "x", "stored")}, {})
    assert verdict(submit(0), final=final) == "unfinished"


def test_pages_that_nobody_submitted_are_named() -> None:
    assert verdict(final=ENDED_WELL) == "unasked"
    cut_off = call("submit", 1.99, None, code=None)
    assert verdict(cut_off, *killed(2, 3, 3), final=ENDED_WELL) is None


@pytest.mark.parametrize("kind", ["submit", "push", "read", "delete", "list", "ready", "unknown"])
def test_a_call_that_takes_longer_than_a_second_is_named(kind: Any) -> None:
    code = {"submit": 202, "delete": 204, "unknown": 404}.get(kind, 200)
    assert verdict(call(kind, 1, None, code=code, takes=1.01)) == "slow"
    assert verdict(call(kind, 1, None, code=code, takes=0.99)) is None


def test_the_time_for_which_a_machine_ran_nobody_is_not_libras() -> None:
    slow = submit(10, takes=1.5)
    idle = [Strain(9.9, 7.0), Strain(11.6, 7.4)]
    busy = [Strain(9.9, 7.0), Strain(11.6, 7.6)]
    assert verdict(slow, *idle) == "slow"
    assert verdict(slow, *busy) is None
    assert verdict(slow, busy[0]) == "slow"  # nobody knows


@pytest.mark.parametrize(
    "kind", ["submit", "push", "read", "delete", "list", "ready", "unknown", "follow"]
)
@pytest.mark.parametrize("code", [None, 500])
def test_a_call_that_fails_is_named(kind: Any, code: int | None) -> None:
    assert verdict(call(kind, 1, None, code=code)) == "failed"


@pytest.mark.parametrize("kind", ["read", "follow"])
def test_a_call_that_is_given_up_is_slow_unless_the_machine_was(kind: Any) -> None:
    given_up = call(kind, 10, code=None, takes=120, error=repr(TimeoutError()))
    assert verdict(given_up) == "slow"
    assert verdict(given_up, Strain(9, 0), Strain(131, 120)) is None


def test_a_submission_is_not_turned_away() -> None:
    assert verdict(call("submit", 1, None, code=503, after="2")) == "failed"


def test_an_unknown_id_may_be_not_found_or_beyond_telling_but_never_without_retry_after() -> None:
    assert verdict(call("unknown", 1, code=404), call("unknown", 2, code=503, after="2")) is None
    assert verdict(call("unknown", 1, code=503)) == "no answer"


def test_a_page_in_memory_is_never_beyond_telling() -> None:
    assert verdict(submit(0), call("read", 1, code=503, after="2")) == "failed"


def test_until_all_is_restored_a_page_may_be_beyond_telling_but_not_unknown() -> None:
    before = [submit(0), *killed(2, 3, 6)]
    assert verdict(*before, call("read", 4, code=503, after="2"), read(7, 99)) is None
    assert verdict(*before, call("read", 4, code=404)) == "lost"
    assert verdict(*before, call("read", 7, code=503, after="2")) == "failed"


def test_what_one_life_did_not_restore_is_the_next_ones_to_restore() -> None:
    lives = [*killed(2, 3), *killed(4, 5, 6)]
    cannot_tell: dict[str, Any] = {"code": 503, "after": "2"}
    assert verdict(submit(0), *lives, call("read", 3.5, **cannot_tell)) is None
    assert verdict(submit(0), *lives, call("read", 5.5, **cannot_tell)) is None
    assert verdict(submit(0), *lives, call("read", 6.5, **cannot_tell)) == "failed"


def test_a_deleted_page_may_be_beyond_telling() -> None:
    gone = [submit(0), call("delete", 1, code=204)]
    assert verdict(*gone, call("read", 2, code=503, after="2")) is None
    assert verdict(*gone, call("read", 2, code=503)) == "no answer"


def test_calls_while_libra_is_dead_are_excused_and_no_others() -> None:
    cut_off = call("read", 1.99, code=None)
    assert verdict(submit(0), cut_off, *killed(2, 3, 3), call("read", 2.5, code=None)) is None
    assert verdict(submit(0), *killed(2, 3, 3), call("read", 3.5, code=None)) == "failed"


def test_a_follow_that_is_cut_off_is_named_unless_the_page_was_deleted() -> None:
    cut = call("follow", 1, code=None, takes=2.0)
    assert verdict(submit(0), cut) == "failed"
    assert verdict(submit(0), cut, call("delete", 2, code=204)) is None


def test_the_first_of_several_contradictions_is_named() -> None:
    entries = [submit(0), read(1, 7), read(3, 6), call("read", 2, code=500)]
    found = first_contradiction(History(entries), Final({}, {}))
    assert found is not None
    assert (found.rule, found.at) == ("failed", 2.01)
    every = contradictions(History(entries), Final({}, {}))
    assert [(c.rule, count) for c, count in one_of_each(every)] == [
        ("failed", 1),
        ("version went back", 1),
        ("lost", 1),
    ]


# Any history that an honest server could have made is free of contradictions, and breaking one answer
# of it in a way that a client could notice makes one.

STEPS = st.lists(st.integers(0, 3), min_size=2, max_size=12)


def honest(steps: list[int], rng: random.Random) -> tuple[list[Entry], Final]:
    """A page that rises by some versions between reads, some of which overlap."""
    entries: list[Entry] = [submit(0)]
    version, now = 2, 1.0
    for step in steps:
        version += step
        # The answer was made at ``now``: the call began before and ended after that.
        begun = now - rng.uniform(0.0, 0.4)
        entries.append(read(begun, version, takes=now + rng.uniform(0.0, 0.4) - begun))
        now += rng.uniform(0.1, 0.5)
    version += 1
    entries.append(result(now + 1, version))
    final = Kept(version, "weighed", RESULT, "stored")
    rng.shuffle(entries)
    return entries, Final({PAGE: final}, {PAGE: final})


@given(STEPS, st.randoms(use_true_random=False))
def test_an_honest_history_has_no_contradiction(steps: list[int], rng: random.Random) -> None:
    entries, final = honest(steps, rng)
    assert first_contradiction(History(entries), final) is None


@given(STEPS, st.randoms(use_true_random=False))
def test_a_version_below_one_that_was_seen_before_is_always_found(
    steps: list[int], rng: random.Random
) -> None:
    entries, final = honest(steps, rng)
    last = max(e.ended for e in entries if isinstance(e, Call))
    highest = final.memory[PAGE].version
    back = result(last + 1, rng.randint(0, highest - 1))
    rules = {found.rule for found in contradictions(History([*entries, back]), final)}
    assert "version went back" in rules


@given(STEPS, st.randoms(use_true_random=False))
def test_a_page_that_is_missing_at_the_end_is_always_found(
    steps: list[int], rng: random.Random
) -> None:
    entries, final = honest(steps, rng)
    found = first_contradiction(History(entries), Final({}, final.database))
    assert found is not None
    assert (found.rule, found.at) == ("lost", float("inf"))


def test_a_history_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    strain = Strain(1.0, 2.0)
    history = History([submit(0), call("list", 1, None, pages=(PAGE,)), *killed(2, 3), strain])
    history.write(tmp_path / "history.jsonl")
    again = History.read(tmp_path / "history.jsonl")
    assert (again.calls, again.marks) == (history.calls, history.marks)
    assert again.strains == [strain]


def test_a_digest_depends_on_what_a_report_says_and_not_on_its_version_backup_or_order() -> None:
    report = {"id": PAGE, "version": 1, "backup": "memory", "total": {"a": 1, "b": 2}}
    again = {"total": {"b": 2, "a": 1}, "backup": "stored", "version": 3, "id": PAGE}
    assert digest(report) == digest(again)
    assert digest(report) != digest(report | {"total": {"a": 1, "b": 3}})


def test_percentiles_are_by_nearest_rank() -> None:
    values = list(range(1, 201))
    assert percentile(values, 99) == 198
    assert percentile(values, 50) == 100
    assert percentile([3.0], 99) == 3.0
    assert percentile([], 99) == 0.0


def test_a_contradiction_says_what_was_seen_and_when() -> None:
    assert str(Contradiction(float("inf"), "lost", "a page")) == "lost, at the end: a page"
    assert msgspec.json.encode(submit(0)).startswith(b'{"type":"call","kind":"submit"')
