"""Each rule of the checker: a history that it passes, and the least change of it that it finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from chaos.cluster.checker import contradictions, first_contradiction
from chaos.cluster.history import (
    CHANGES,
    Alert,
    Call,
    Done,
    Entry,
    Final,
    History,
    Kept,
    Ran,
    Watch,
    Written,
)  # fmt: skip


def call(kind: Any, at: float, node: str = "web1", **more: Any) -> Call:
    told = {"submit": 202, "delete": 204}.get(kind, 200)
    return Call(kind, at, at + more.pop("took", 0.01), more.pop("code", told), node=node, **more)


def submitted(at: float = 1.0, page: str = "p", **more: Any) -> Call:
    told: dict[str, Any] = {"backup": "replicated", "version": 1} | more
    return call("submit", at, page=page, **told)


def rec(at: float, sequence: int, life: int = 1, change: int = 1, **more: Any) -> Written:
    more = {"owner": "i1/a"} | more
    return Written("P0", sequence, at, "p", "rec", life, life * CHANGES + change, **more)


LIVED = [
    Written("P0", 1, 1.0, "p", "sub"),
    rec(1.1, 2),
    rec(2.0, 3, change=2, finished=True),
    rec(2.5, 4, change=3, finished=True, stored=True),
]
RESULT = CHANGES + 3


def seen(at: float, node: str = "web1", version: int = RESULT, **more: Any) -> Call:
    return call(
        "read", at, node, page="p", version=version,
        **({"status": "weighed", "content": "r", "backup": "stored"} | more),
    )  # fmt: skip


def rules(
    *entries: Entry | list[Written], final: Final | None = None, quiet: float = 99
) -> set[str]:
    flat: list[Entry] = []
    for entry in entries:
        flat += entry if isinstance(entry, list) else [entry]
    return {found.rule for found in contradictions(History(flat), final, quiet=quiet)}


def hurt(what: Any, part: str, start: float, end: float | None = None, **more: Any) -> list[Any]:
    spells: list[Any] = [Done(start, what, part, **more)]
    return spells if end is None else [*spells, Done(end, what, part, ends=True)]


def test_a_whole_life_contradicts_nothing() -> None:
    kept = Kept(RESULT, "r")
    final = Final(
        records={"p": kept}, rows={"p": kept}, replicas={"web1": {"p": RESULT}},
        answers={"web1": {"p": kept}, "web2": {"p": kept}}, pending={"store": 0}, journals={"web1": 0},
    )  # fmt: skip
    assert rules(LIVED, submitted(), seen(3), seen(3.1, "web2"), final=final) == set()


@pytest.mark.parametrize(
    ("rule", "entries"),
    [
        ("life fell", [rec(1, 1, life=2), rec(2, 2, life=1)]),
        ("version did not rise", [rec(1, 1, change=2), rec(2, 2, change=2)]),
        ("version of another life", [Written("P0", 1, 1.0, "p", "rec", 2, CHANGES + 1, "i1/a")]),
        ("two owners", [rec(1, 1), rec(2, 2, change=2, owner="i2/b")]),
        ("two owners", [rec(1, 1), rec(2, 2, change=2, owner="i1/another-start")]),
        ("written after deletion", [Written("P0", 1, 1.0, "p", "del"), rec(2, 2)]),
        ("result left", [rec(1, 1, finished=True), rec(2, 2, life=2, owner="i2/b")]),
        ("second life", [rec(1, 1), rec(9, 2, life=2, owner="i2/b")]),
    ],
)  # fmt: skip
def test_what_the_log_of_a_stream_must_never_show(rule: str, entries: list[Written]) -> None:
    assert rule in rules(entries)


def test_a_result_may_be_left_by_who_asks_for_it() -> None:
    entries = [rec(1, 1, finished=True), rec(3, 2, life=2, owner="i2/b")]
    assert rules(entries, call("retry", 2, page="p", code=202)) == set()


def test_an_owner_that_was_hurt_or_that_handed_back_is_succeeded() -> None:
    second = rec(9, 2, life=2, owner="i2/b")
    assert rules([rec(1, 1)], *hurt("frozen", "i1", 2.0, 12.0), second) == set()
    assert rules([rec(1, 1), rec(2, 2, change=2, owner=""), rec(3, 3, life=2)]) == set()
    assert "second life" in rules([rec(1, 1)], *hurt("frozen", "i2", 2.0, 12.0), second)


@pytest.mark.parametrize(
    ("what", "after", "late"),
    [("killed", 6.5, False), ("killed", 7.5, True), ("frozen", 7.5, True), ("stopped", 1.5, True)],
)
def test_a_page_of_an_inspector_that_fell_silent_goes_on_elsewhere_in_time(
    what: Any, after: float, late: bool
) -> None:
    entries = [rec(1, 1), rec(10 + after, 2, life=2, owner="i2/b")]
    found = rules(entries, *hurt(what, "i1", 10.0, 40.0), seen(60, version=2 * CHANGES + 1))
    assert ("not taken over" in found) == late


@pytest.mark.parametrize(
    ("what", "after", "late"),
    [("killed", 0.1, False), ("frozen", 6.0, False), ("frozen", 9.0, True)],
)
def test_a_result_that_was_on_its_way_when_its_owner_fell_silent_needs_no_successor(
    what: Any, after: float, late: bool
) -> None:
    entries = [rec(1, 1), rec(10 + after, 2, change=2, finished=True)]
    found = rules(entries, *hurt(what, "i1", 10.0, 40.0), seen(60))
    assert ("not taken over" in found) == late


def test_it_may_take_longer_where_the_engine_elects_or_has_no_majority() -> None:
    entries = [rec(1, 1), rec(25, 2, life=2, owner="i2/b")]
    dead, end = hurt("killed", "i1", 10.0, 40.0), seen(90, version=2 * CHANGES + 1)
    assert "not taken over" in rules(entries, *dead, end)
    assert rules(entries, *dead, *hurt("killed", "n0", 8.0, 30.0, leads=True), end) == set()
    two = [*hurt("killed", "n0", 8.0, 30.0), *hurt("killed", "n1", 8.0, 30.0)]
    assert rules([rec(1, 1), rec(50, 2, life=2)], *dead, *two, end) <= {"two owners"}


@pytest.mark.parametrize(
    ("rule", "entries"),
    [
        ("lost", [submitted(), call("read", 2, "web2", page="p", code=404)]),
        ("lost", [submitted(backup="journaled"), call("read", 2, "web2", page="p", code=404)]),
        ("failed", [submitted(), call("read", 2, page="p", code=500)]),
        ("failed", [submitted(code=503)]),
        ("failed", [call("read", 2, page="q", code=503)]),
        ("slow", [submitted(took=1.2)]),
        ("unreadable", [submitted(), call("read", 2, page="p", code=503, after="1")]),
        ("two results", [seen(3), seen(4, "web2", content="other")]),
        ("version went back", [seen(3), seen(4, version=RESULT - 1)]),
        ("older than known", [seen(3, "web2", version=RESULT - 1, known=RESULT)]),
        ("came back", [submitted(), call("delete", 2, page="p"), seen(5.5)]),
        ("came back", [submitted(), call("delete", 2, page="p"), seen(9, "web2", age=2.0)]),
        ("two pages for a key", [submitted(key="k"), submitted(2, "q", node="web2", key="k")]),
        ("disorder", [call("list", 2, pages=("a", "b"))]),
        ("lost", [submitted(page="b"), call("list", 9, pages=("c", "a"))]),
    ],
)  # fmt: skip
def test_what_no_answer_may_be(rule: str, entries: list[Entry]) -> None:
    assert rule in rules(*entries)


@pytest.mark.parametrize(
    "entries",
    [
        # Another node may be behind, and a node that was started anew.
        [seen(3), seen(4, "web2", version=RESULT - 1)],
        [seen(3), *hurt("killed", "web1", 3.1, 3.5), seen(4, version=RESULT - 1)],
        # Nobody hears of a deletion at once, or while it is cut off, and it may say so.
        [submitted(), call("delete", 2, page="p"), seen(4.5, "web2")],
        [submitted(), call("delete", 2, page="p"), seen(9, "web2", age=6.0)],
        [submitted(), *hurt("cut off", "web2", 1.5, 20.0), call("delete", 2, page="p"), seen(9, "web2")],
        # What is journaled at one node is unknown to others.
        [submitted(backup="journaled"), call("read", 2, "web2", page="p", code=503, after="1"),
         *hurt("killed", "n0", 0.5), *hurt("killed", "n1", 0.5)],
        # A key that could not be looked up.
        [submitted(key="k", backup="journaled"), submitted(2, "q", node="web2", key="k")],
        [submitted(page="b"), call("list", 9, pages=("c", "a"), partial=True)],
        [*hurt("frozen", "web1", 1.0, 9.0), call("read", 2, page="p", code=None, took=7.5)],
    ],
)  # fmt: skip
def test_what_an_answer_may_well_be(entries: list[Entry]) -> None:
    assert rules(*entries) == set()


def test_who_is_cut_off_answers_its_clients_all_the_same() -> None:
    cut = hurt("cut off", "web1", 1.0, 9.0)
    assert "slow" in rules(*cut, submitted(2, took=3.0))
    assert rules(*cut, submitted(2, backup="journaled")) == set()


def test_after_quiet_a_deleted_page_is_nowhere_however_old_the_answer_says_it_is() -> None:
    entries = [submitted(), call("delete", 2, page="p"), seen(50, "web2", age=49.0)]
    assert "came back" in rules(*entries, quiet=40)


def ended(**changes: Any) -> Iterable[str]:
    kept = Kept(RESULT, "r")
    whole: dict[str, Any] = {
        "records": {"p": kept}, "rows": {"p": kept}, "answers": {"web1": {"p": kept}},
    }  # fmt: skip
    return rules(LIVED, submitted(), seen(3), final=Final(**(whole | changes)))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("pending", {"pending": {"P0 store": 1}}),
        ("journal not clean", {"journals": {"web1": 2}}),
        ("unequal", {"rows": {}}),
        ("unequal", {"rows": {"p": Kept(RESULT, "other")}}),
        ("unequal", {"records": {"p": Kept(RESULT, "r", safe=False)}}),
        ("stays for ever", {"records": {"p": Kept(RESULT, "r", expires=False)}}),
        ("deletion not stored", {"tombstones": frozenset({"q"})}),
        ("replica differs", {"replicas": {"web1": {"p": RESULT - 1}}}),
        ("replica differs", {"replicas": {"web1": {"p": RESULT, "gone": 5}}}),
        ("lost", {"answers": {"web2": {"p": None}}}),
        ("unfinished", {"answers": {"web2": {"p": Kept(RESULT, "r", finished=False)}}}),
        ("version went back", {"answers": {"web2": {"p": Kept(RESULT - 1, "r")}}}),
    ],
)  # fmt: skip
def test_what_may_not_be_at_the_end(rule: str, changes: dict[str, Any]) -> None:
    assert rule in ended(**changes)


def test_what_has_left_the_stream_may_still_be_held_if_the_database_has_it() -> None:
    assert ended(records={}, replicas={"web1": {"p": RESULT}}) == set()


@pytest.mark.parametrize(
    ("rule", "entries"),
    [
        ("ran twice", [Ran(5, "w", 4.0, "p"), Ran(6, "w", 4.0, "q")]),
        ("ran after deletion", [Watch(1, "w"), Watch(3, "w", gone=True), Ran(5, "w", 4.0, "p")]),
        ("alert lost", [Alert(3, "a", arrived=False)]),
    ],
)
def test_what_a_watch_may_never_do(rule: str, entries: list[Entry]) -> None:
    assert rules(*entries) == {rule}


def test_what_a_watch_may_well_do() -> None:
    assert rules(
        Ran(5, "w", 4.0, "p"), Ran(5.1, "w", 4.0, "p"), Ran(9, "w", 8.0, "q"),
        Watch(8.5, "w", gone=True), Alert(3, "a", arrived=False), Alert(4, "a", arrived=True),
        Alert(5, "a", arrived=True),
    ) == set()  # fmt: skip


def test_the_first_contradiction_is_the_earliest_and_a_history_survives_its_file(
    tmp_path: Any,
) -> None:
    history = History([submitted(), call("read", 5, page="p", code=500), seen(3, known=2**60)])
    path = tmp_path / "history.jsonl"
    history.write(path)
    for read in (history, History.read(path)):
        found = first_contradiction(read)
        assert found is not None
        assert found.rule == "older than known"
