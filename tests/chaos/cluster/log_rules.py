"""What the streams' own log must never show: the fencing of pages, and second lives that nobody
needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from chaos.checker import Contradiction
from chaos.cluster.history import CHANGES, Call, Written
from chaos.cluster.parts import SILENT, Parts, Spell

TAKEN_OVER = 7.0
"""Seconds after which the page of an owner that is not heard is under way elsewhere."""

TAKEN_OVER_ELECTING = 20.0
"""The same if a leader of the engine fell silent in the ten seconds around that."""

HANDED_OVER = 1.0
"""The same after a polite stop."""

STARVED = 2.0
"""Seconds of ten for which the machine held everybody up, from which on a living owner may look dead."""

_AROUND = 10.0

HeldUp = Callable[[float, float], float]
"""For how long, at most, the machine itself held everybody up in an interval."""


def fencing(log: Iterable[Written], calls: Iterable[Call]) -> Iterator[Contradiction]:
    """A life never falls, a version rises, a life has one owner, a deletion is the end, and so is a
    result."""
    retried = defaultdict(list)
    for call in calls:
        if call.kind == "retry" and call.page is not None:
            retried[call.page].append(call.started)
    for page, written in by_page(log).items():
        for stream in _by_stream(written):
            yield from _fenced(page, stream, retried[page])


def by_page(log: Iterable[Written]) -> dict[str, list[Written]]:
    """The log of each page, in the order of its stream, one making of it after the other."""
    pages: dict[str, list[Written]] = defaultdict(list)
    seen = set[tuple[str, int]]()
    for entry in sorted(log, key=lambda entry: (entry.at, entry.sequence)):
        if (entry.stream, entry.sequence) not in seen:  # a consumer may be handed one twice
            seen.add((entry.stream, entry.sequence))
            pages[entry.page].append(entry)
    return pages


def _by_stream(written: list[Written]) -> Iterable[list[Written]]:
    streams: dict[str, list[Written]] = defaultdict(list)
    for entry in written:
        streams[entry.stream].append(entry)
    return [sorted(stream, key=lambda entry: entry.sequence) for stream in streams.values()]


def _fenced(page: str, written: list[Written], retried: list[float]) -> Iterator[Contradiction]:
    deleted: Written | None = None
    last: Written | None = None
    owners: dict[int, str] = {}
    for entry in written:
        if entry.what == "del":
            deleted = deleted or entry
            continue
        if deleted is not None:
            yield Contradiction(
                entry.at, "written after deletion",
                f"page {page} got a {entry.what} (sequence {entry.sequence}) after its tombstone"
                f" (sequence {deleted.sequence})",
            )  # fmt: skip
        if entry.what != "rec":
            continue
        if entry.version // CHANGES != entry.life:
            yield Contradiction(
                entry.at, "version of another life",
                f"page {page} is in life {entry.life} at version {entry.version},"
                f" which is of life {entry.version // CHANGES}",
            )  # fmt: skip
        if entry.owner and owners.setdefault(entry.life, entry.owner) != entry.owner:
            yield Contradiction(
                entry.at, "two owners",
                f"life {entry.life} of page {page} is of {owners[entry.life]} and of {entry.owner}",
            )  # fmt: skip
        if last is not None:
            yield from _followed(page, last, entry, retried)
        last = entry


def _followed(
    page: str, last: Written, entry: Written, retried: list[float]
) -> Iterator[Contradiction]:
    if entry.life < last.life:
        yield Contradiction(
            entry.at, "life fell", f"page {page} went from life {last.life} to {entry.life}"
        )
    elif entry.version <= last.version:
        yield Contradiction(
            entry.at, "version did not rise",
            f"page {page} went from version {last.version} to {entry.version}"
            f" (sequences {last.sequence} and {entry.sequence})",
        )  # fmt: skip
    # In another making of a stream, or where it was asked for, a page may begin again.
    if last.finished and not entry.finished and not any(at <= entry.at for at in retried):
        yield Contradiction(
            entry.at, "result left",
            f"page {page} was finished in life {last.life} and is under way in life {entry.life},"
            " which nobody asked for",
        )  # fmt: skip


def lives(
    log: Iterable[Written],
    calls: Iterable[Call],
    parts: Parts,
    end: float,
    held_up: HeldUp = lambda _start, _end: 0.0,
) -> Iterator[Contradiction]:
    """Who dies is succeeded in time, and who lives is never succeeded.

    Args:
        log: of all streams.
        calls: to know what was deleted, or asked to be weighed again.
        parts: what was done.
        end: when the run was over, and nothing more was written down.
        held_up: for how long the machine may have held up what was to happen in an interval.
    """
    excused = _excused(calls)
    for page, written in by_page(log).items():
        records = [entry for entry in written if entry.what == "rec"]
        tombstone = min((e.at for e in written if e.what == "del"), default=float("inf"))
        since = excused.get(page, float("inf"))
        yield from _second_lives(page, records, parts, since, held_up)
        for spell in parts.spells:
            if spell.part not in parts.engine and spell.what in SILENT:
                yield from _succeeded(
                    page, records, spell, parts, min(tombstone, excused.get(page, end), end), held_up
                )  # fmt: skip


def _excused(calls: Iterable[Call]) -> Mapping[str, float]:
    """From when on a page may do what it will, as somebody asked for its deletion or for a new life."""
    since: dict[str, float] = {}
    for call in calls:
        if call.kind in ("delete", "retry") and call.page is not None:
            since[call.page] = min(since.get(call.page, float("inf")), call.started)
    return since


def _second_lives(
    page: str, records: list[Written], parts: Parts, excused: float, held_up: HeldUp
) -> Iterator[Contradiction]:
    for last, entry in pairwise(records):
        if entry.life <= last.life or entry.at >= excused or not last.owner:
            continue  # a page without an owner was handed back
        if held_up(entry.at - _AROUND, entry.at) > STARVED:
            continue  # an owner that is not run cannot give signs of life
        if not parts.silent(last.node, last.at, entry.at):
            yield Contradiction(
                entry.at, "second life",
                f"page {page} began life {entry.life} at {entry.node} although {last.node}, which had"
                f" it in life {last.life} since {last.at:.3f}, was neither hurt nor cut off",
            )  # fmt: skip


def _ended_by(owned: Written, entry: Written) -> bool:
    """Whether this is the end of that life, in the hands of its owner."""
    return entry.finished and (entry.life, entry.owner) == (owned.life, owned.owner)


def _succeeded(
    page: str, records: list[Written], spell: Spell, parts: Parts, end: float, held_up: HeldUp
) -> Iterator[Contradiction]:
    before = [entry for entry in records if entry.at <= spell.begins]
    if not before or before[-1].finished or before[-1].node != spell.part:
        return
    at = spell.begins
    electing = parts.leader_hurt(at - _AROUND, at + _AROUND)
    limit = HANDED_OVER if spell.what == "stopped" else TAKEN_OVER
    limit = TAKEN_OVER_ELECTING if electing else limit
    if not parts.majority(at - _AROUND, at + limit):
        return  # nobody can take a page then; what must hold after it is said of the end
    if spell.what not in ("killed", "stopped") and spell.ends <= at + limit:
        return  # it was back before anybody had to notice
    after = next((e.at for e in records if e.at > at and e.owner != before[-1].owner), None)
    if spell.what == "stopped":
        # It may finish what it has in the time that it is given, or hand it over at once.
        after = next((e.at for e in records if e.at > at), None)
    by = at + limit + held_up(at, at + limit)
    if end <= by:
        return
    ended = next((e.at for e in records if e.at > at and _ended_by(before[-1], e)), None)
    if ended is not None and (spell.what == "killed" or ended <= by):
        return  # its result was on its way already, and arrived
    if after is None or after > by:
        when = "never" if after is None else f"{after - at:.2f} s later"
        yield Contradiction(
            by, "not taken over",
            f"page {page} was under way at {spell.part}, {spell.what} at {at:.3f}, and went on elsewhere"
            f" {when}; {limit:g} s are allowed",
        )  # fmt: skip
