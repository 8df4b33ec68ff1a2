"""What no answer of any web node may contradict: what was acknowledged, shown, deleted or said
before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from chaos.checker import Contradiction
from chaos.cluster.history import CHANGES, Call
from chaos.cluster.parts import Parts

LIMIT = 1.0
"""Seconds that a call to a living web node may take, besides what the machine holds up."""

ASKED = 0.1
"""Seconds that the machine may take off those that a web node gives the engine to answer a reader."""

HEARD = 3.0
"""Seconds after which a deletion is known at every node that does not say that it is behind."""

_ALLOWED: dict[str, frozenset[int]] = {
    "submit": frozenset({202}),
    "read": frozenset({200, 304, 404, 503}),
    "follow": frozenset({200, 404, 503}),
    "delete": frozenset({204, 404, 503}),
    "list": frozenset({200}),
    "unknown": frozenset({404, 503}),
    "ready": frozenset({200}),
    "retry": frozenset({200, 202, 404, 409, 503}),
    "edit watch": frozenset({200, 201, 204, 404, 503}),
}
_UNTIMED = frozenset({"follow", "event", "listed", "ping"})

HeldUp = Callable[[Call], float]
HeldUpIn = Callable[[float, float], float]


@dataclass(slots=True)
class Page:
    """What calls tell of one page, each list by the end of its calls."""

    id: str
    acknowledged: Call | None = None
    seen: list[Call] = field(default_factory=list)
    missing: list[Call] = field(default_factory=list)
    failing: list[Call] = field(default_factory=list)
    deletions: list[Call] = field(default_factory=list)

    @property
    def doomed(self) -> float:
        """From when on it may be gone, because somebody has begun to delete it."""
        return min((c.started for c in self.deletions if c.code != 404), default=float("inf"))

    @property
    def deleted(self) -> Call | None:
        """The first call that was told that it is gone."""
        told = (call for call in self.deletions if call.code == 204)
        return min(told, key=lambda call: call.ended, default=None)


def pages_of(calls: Iterable[Call]) -> dict[str, Page]:
    """What calls tell of each page, by its id."""
    pages: dict[str, Page] = {}
    for call in sorted(calls, key=lambda call: call.ended):
        if call.page is None or call.kind == "unknown":
            continue
        page = pages.setdefault(call.page, Page(call.page))
        if call.saw and call.code in (None, 200, 202):
            page.seen.append(call)
        if call.kind == "submit" and call.code == 202 and page.acknowledged is None:
            page.acknowledged = call
        if call.kind == "delete":
            page.deletions.append(call)
        if call.code == 404:
            page.missing.append(call)
        if call.code == 503:
            page.failing.append(call)
    return pages


def answered(
    calls: Iterable[Call],
    parts: Parts,
    pages: dict[str, Page],
    held_up: HeldUp = lambda _: 0.0,
) -> Iterator[Contradiction]:
    """At a living web node each call ends within a second, with a status that is allowed."""
    for call in calls:
        if parts.still(call.node, call.started, call.ended) or call.kind in ("event", "listed"):
            continue
        what = f"a {call.kind} at {call.node}" + (f" of page {call.page}" if call.page else "")
        if call.kind not in _UNTIMED and call.seconds > LIMIT + (extra := held_up(call)):
            yield Contradiction(
                call.ended, "slow",
                f"{what} took {call.seconds:.3f} s, {extra:.3f} s of which may be the machine's",
            )  # fmt: skip
        allowed = _ALLOWED.get(call.kind)
        if allowed is None or call.given_up:
            continue
        if call.code not in allowed:
            told = call.code if call.code is not None else "no answer"
            yield Contradiction(
                call.ended, "failed", f"{what} got {told} {call.error or ''}".strip()
            )
        elif call.code == 503 and call.after is None:
            yield Contradiction(call.ended, "failed", f"{what} got 503 without Retry-After")
        elif call.code == 503 and call.kind == "read":
            yield from _unreadable(call, parts, pages, what, held_up)


def _unreadable(
    call: Call, parts: Parts, pages: dict[str, Page], what: str, held_up: HeldUp
) -> Iterator[Contradiction]:
    page = pages.get(call.page or "")
    if page is None or page.acknowledged is None or page.doomed <= call.ended:
        return
    if held_up(call) > ASKED:
        return  # whoever was asked had no chance to answer in the time that a reader is given
    replicated = (
        page.acknowledged.backup == "replicated" and page.acknowledged.ended <= call.started
    )
    if replicated and parts.only_kills(call.started - 10.0, call.ended):
        yield Contradiction(
            call.ended, "unreadable",
            f"{what}, which is replicated, got 503, and nothing was hurt but by one kill",
        )  # fmt: skip


def acknowledged(pages: dict[str, Page]) -> Iterator[Contradiction]:
    """404 is for what was never acknowledged, or deleted: at every node, whatever is down."""
    for page in pages.values():
        first = page.acknowledged
        if first is None:
            continue
        for call in page.missing:
            if call.started >= first.ended and call.ended < page.doomed:
                yield Contradiction(
                    call.ended, "lost",
                    f"page {page.id} was acknowledged as {first.backup} by {first.node} at"
                    f" {first.ended:.3f} and nobody deleted it, but a {call.kind} at {call.node}"
                    " got 404",
                )  # fmt: skip


def one_result(pages: dict[str, Page]) -> Iterator[Contradiction]:
    """All finished answers for one life of a page are equal, from whichever node."""
    for page in pages.values():
        results: dict[int, Call] = {}
        for call in page.seen:
            if not call.finished or call.content is None:
                continue
            life = (call.version or 0) // CHANGES
            other = results.setdefault(life, call)
            if other.content != call.content:
                yield Contradiction(
                    call.ended, "two results",
                    f"life {life} of page {page.id} ended as {other.content} at {other.node}"
                    f" and as {call.content} at {call.node}",
                )  # fmt: skip


def monotonic(pages: dict[str, Page], parts: Parts) -> Iterator[Contradiction]:
    """A node does not go back within its life, and nobody is shown less than what they say they
    have."""
    for page in pages.values():
        by_life: dict[tuple[str, int], list[Call]] = defaultdict(list)
        for call in page.seen:
            if call.known is not None and (call.version or 0) < call.known:
                yield Contradiction(
                    call.ended, "older than known",
                    f"who had version {call.known} of page {page.id} was shown {call.version}"
                    f" by {call.node}",
                )  # fmt: skip
            # The version in a 202 is that of the call itself and may be one that was not replicated.
            by_life[call.node, parts.life(call.node, call.started)].append(call)
        for (node, _), seen in by_life.items():
            yield from _went_back(page.id, node, seen)


def _went_back(page: str, node: str, seen: list[Call]) -> Iterator[Contradiction]:
    highest: Call | None = None
    by_end = iter(seen)
    ahead = next(by_end, None)
    for call in sorted(seen, key=lambda call: call.started):
        while ahead is not None and ahead.ended <= call.started:
            if highest is None or (ahead.version or 0) > (highest.version or 0):
                highest = ahead
            ahead = next(by_end, None)
        if highest is not None and (call.version or 0) < (highest.version or 0):
            yield Contradiction(
                call.ended, "version went back",
                f"page {page} was at version {highest.version} at {node} at {highest.ended:.3f}"
                f" and at version {call.version} later, in one life of that node",
            )  # fmt: skip


def deleted(
    pages: dict[str, Page], parts: Parts, quiet: float, strained: HeldUpIn = lambda _a, _b: 0.0
) -> Iterator[Contradiction]:
    """What is deleted is not shown three seconds later, and after quiet never again.

    A node that says by how much it is behind shows what was so then. Where the engine had no majority
    a deletion is journaled: it holds at once at the node that took it, and elsewhere only at quiet.

    Args:
        pages: what calls tell.
        parts: what was done.
        quiet: when everything had been mended and nothing was left to do.
        strained: for how long the machine may have held up the news in an interval.
    """
    for page in pages.values():
        told = page.deleted
        if told is None:
            continue
        for call in page.seen:
            if call.started < told.ended:
                continue
            shown = call.started - (call.age or 0.0)  # when what it shows was so, at the earliest
            here = call.node == told.node and parts.life(call.node, call.started) == parts.life(
                call.node, told.ended
            )
            heard = parts.majority(told.started - 10.0, call.ended, patience=10.0) and not (
                parts.silent(told.node, told.started, call.ended)
                or parts.silent(call.node, told.started, call.ended)
            )
            if (
                call.started >= quiet
                or (here and told.backup == "journaled")
                or (
                    (heard or here)
                    and shown >= told.ended + HEARD + strained(told.ended, call.started)
                )
            ):
                yield Contradiction(
                    call.ended, "came back",
                    f"page {page.id} was deleted at {told.node} at {told.ended:.3f} and is shown by a"
                    f" {call.kind} at {call.node} at {call.ended:.3f}",
                )  # fmt: skip
                break


def keys(calls: Iterable[Call]) -> Iterator[Contradiction]:
    """One client's key and body are one page, wherever and however often it is sent."""
    first: dict[str, Call] = {}
    for call in sorted(calls, key=lambda call: call.ended):
        if call.kind != "submit" or call.code != 202 or call.key is None:
            continue
        if call.backup not in ("replicated", "stored"):
            continue  # the engine was not reached
        other = first.setdefault(call.key, call)
        if other.page != call.page:
            yield Contradiction(
                call.ended, "two pages for a key",
                f"key {call.key} is page {other.page} at {other.node} and {call.page} at {call.node}",
            )  # fmt: skip


def lists(
    calls: Iterable[Call],
    pages: dict[str, Page],
    parts: Parts,
    strained: HeldUpIn = lambda _a, _b: 0.0,
) -> Iterator[Contradiction]:
    """A list that does not say that it is partial lacks nothing between its ends that was
    acknowledged."""
    known = sorted((p for p in pages.values() if p.acknowledged is not None), key=lambda p: p.id)
    for call in calls:
        if call.kind != "list" or call.code != 200 or call.pages is None:
            continue
        if list(call.pages) != sorted(set(call.pages), reverse=True):
            yield Contradiction(
                call.ended, "disorder", f"a list at {call.node} is not newest first"
            )
        if call.partial or not parts.majority(call.started - 10.0, call.ended):
            continue
        oldest, listed = min(call.pages, default=""), set(call.pages)
        for page in reversed(known):
            if page.id < oldest:
                break
            told = page.acknowledged
            assert told is not None
            if (
                told.ended + HEARD + strained(told.ended, call.started)
                <= call.started - (call.age or 0.0)
                and page.id not in listed
                and call.ended < page.doomed
                and told.backup == "replicated"
            ):
                yield Contradiction(
                    call.ended, "lost",
                    f"page {page.id} is missing from a list at {call.node} of newer and older ones",
                )  # fmt: skip
