"""Reads what clients saw and how it ended, and names the first contradiction of what Libra promises.

Pure: a history and the final states go in, sentences come out. What is promised:

- every call is answered, in time, and the service stays ready;
- whoever has seen a version of a page is never shown an older one (in real time: a call that starts
  after another has ended sees what that one saw, or something newer), and a version has one content;
- a page that was acknowledged is there until somebody deletes it, in lists too, and never comes back;
- a finished result does not change;
- a SIGKILL of Libra costs nothing that was said to be journaled or stored;
- once the backlog is drained, the database holds what memory holds, and all that was called stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chaos.evidence import Lives, Machine, Page, pages_of
from chaos.history import SAFE, Call, History
from libra.report import FINISHED, Backup, Status

LIMIT = 1.0
"""Seconds that a call may take, in whatever state the database is.

To it comes the time for which the machine may have held everybody up meanwhile: a program that is not
run cannot answer.
"""

_ANSWERS: dict[str, frozenset[int]] = {
    "submit": frozenset({202}),
    "push": frozenset({200}),
    "read": frozenset({200}),
    "follow": frozenset({200}),
    "delete": frozenset({204}),
    "list": frozenset({200}),
    "ready": frozenset({200}),
    "unknown": frozenset({404, 503}),
}
_TIMED = frozenset(
    {"submit", "push", "read", "delete", "list", "unknown", "ready"}
)  # a follow is to take long


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that cannot be if Libra keeps its promises.

    Attributes:
        at: when it was seen, in seconds of the history; infinite for what was found at the end.
        rule: which promise, in one word or two.
        words: what was seen.
    """

    at: float
    rule: str
    words: str

    def __str__(self) -> str:
        when = "at the end" if self.at == float("inf") else f"at {self.at:.3f}"
        return f"{self.rule}, {when}: {self.words}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A page at the end: in memory as it is read over HTTP, in the database as its row says.

    Attributes:
        submission: the content of the row of a page that was quarantined before it was weighed, as
            it was under way at too many kills: somebody may want it to be weighed after all.
    """

    version: int
    status: Status
    content: str
    backup: Backup
    submission: str | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """How it ended, after the backlog was drained.

    Attributes:
        memory: every page that Libra has.
        database: every row that is not a deletion.
        refused: pages whose rows the database was made to refuse.
    """

    memory: Mapping[str, Kept]
    database: Mapping[str, Kept]
    refused: frozenset[str] = frozenset()


def first_contradiction(history: History, final: Final | None = None) -> Contradiction | None:
    """The earliest contradiction, or None; what is found at the end comes after all others."""
    return min(contradictions(history, final), key=lambda found: found.at, default=None)


def one_of_each(found: Iterable[Contradiction]) -> list[tuple[Contradiction, int]]:
    """The earliest of each rule with how many there are of it, in the order of time."""
    ordered = sorted(found, key=lambda contradiction: contradiction.at)
    firsts: dict[str, Contradiction] = {}
    for contradiction in ordered:
        firsts.setdefault(contradiction.rule, contradiction)
    count = Counter(contradiction.rule for contradiction in ordered)
    return [(first, count[rule]) for rule, first in firsts.items()]


def contradictions(history: History, final: Final | None = None) -> Iterator[Contradiction]:
    """All contradictions, in no order."""
    lives = Lives(history)
    pages = pages_of(history.calls)
    machine = Machine(history)
    for call in history.calls:
        yield from _answered(call, lives, pages)
        if (
            (call.kind in _TIMED or call.given_up)
            and not lives.nobody_there(call)
            and call.seconds > LIMIT
        ):
            yield from _in_time(call, machine)
    for page in pages.values():
        yield from _versions(page)
        yield from _contents(page)
        yield from _results(page, lives)
        yield from _backups(page, lives, final)
        yield from _presence(page, lives)
    yield from _lists(history.calls, pages, lives)
    if final is not None:
        yield from _ending(pages, lives, final, history.calls)


def _answered(call: Call, lives: Lives, pages: Mapping[str, Page]) -> Iterator[Contradiction]:
    expected = _ANSWERS.get(call.kind)
    if expected is None or lives.nobody_there(call) or call.given_up:
        return  # for how long nothing was answered is judged as any time that a call takes
    page = pages.get(call.page or "")
    what = f"a {call.kind}" + (f" of page {call.page}" if call.page else "")
    if call.code == 503 and call.kind != "submit" and call.after is None:
        yield Contradiction(call.ended, "no answer", f"{what} got 503 without Retry-After")
    elif call.code == 404 and page is not None:
        return  # judged with all else that is known of the page
    elif call.kind == "follow" and page is not None and page.doomed <= call.ended:
        return  # somebody deleted it meanwhile, so there was nothing to follow to its end
    elif call.code == 503 and page is not None and page.doomed <= call.ended:
        return  # gone from memory, and whether the database still has it cannot be told
    elif call.code == 503 and page is not None and lives.may_be_lost(page, call.ended):
        return  # a kill may have cost it, and then it is as unknown as any other
    elif call.code == 503 and call.kind in ("read", "follow", "delete") and lives.restoring(call):
        return  # "I cannot tell" is the right word on what is only in a database that is down
    elif call.code not in expected:
        answer = call.code if call.code is not None else "no answer"
        yield Contradiction(call.ended, "failed", f"{what} got {answer} {call.error or ''}".strip())


def _in_time(call: Call, machine: Machine) -> Iterator[Contradiction]:
    held_up = machine.held_up(call)
    if call.seconds > LIMIT + held_up:
        what = f"a {call.kind}" + (f" of page {call.page}" if call.page else "")
        yield Contradiction(
            call.ended,
            "slow",
            f"{what} took {call.seconds:.3f} s, {held_up:.3f} s of which may be the machine's",
        )


def _versions(page: Page) -> Iterator[Contradiction]:
    for older, newer in _earlier(page.seen):
        assert older.version is not None
        assert newer.version is not None
        if newer.version < older.version:
            yield Contradiction(
                newer.ended,
                "version went back",
                f"page {page.id} was at version {older.version} ({_state(older)}) at"
                f" {older.ended:.3f} and at version {newer.version} ({_state(newer)}) later",
            )


def _earlier(seen: list[Call]) -> Iterator[tuple[Call, Call]]:
    """Each call with that of the highest version among those that had ended when it started."""
    by_start = sorted(seen, key=lambda call: call.started)
    highest: Call | None = None
    ended = iter(seen)
    ahead = next(ended, None)
    for call in by_start:
        while ahead is not None and ahead.ended <= call.started:
            if highest is None or (ahead.version or 0) > (highest.version or 0):
                highest = ahead
            ahead = next(ended, None)
        if highest is not None:
            yield highest, call


def _contents(page: Page) -> Iterator[Contradiction]:
    known: dict[int | None, Call] = {}
    for call in page.seen:
        other = known.setdefault(call.version, call)
        if (call.status, call.backup) != (other.status, other.backup) or (
            call.content is not None and other.content is not None and call.content != other.content
        ):
            yield Contradiction(
                call.ended,
                "one version, two contents",
                f"version {call.version} of page {page.id} was {_state(other)} at"
                f" {other.ended:.3f} and {_state(call)} later",
            )
        if other.content is None:
            known[call.version] = call


def _results(page: Page, lives: Lives) -> Iterator[Contradiction]:
    lasting: Call | None = None  # a result that has to last for ever
    results: dict[int, Call] = {}  # the result of each life
    for call in page.seen:
        life = lives.number(call.started)
        known = lasting or results.get(life)
        if known is not None and call.started >= known.ended and not call.finished:
            yield Contradiction(
                call.ended,
                "result lost",
                f"page {page.id} was {_state(known)} at {known.ended:.3f} and {_state(call)} later",
            )
        if not call.finished or call.content is None:
            continue
        if known is not None and known.content != call.content:
            yield Contradiction(
                call.ended,
                "result changed",
                f"page {page.id} had another result at version {known.version}"
                f" than at version {call.version}",
            )
        results.setdefault(life, call)
        if call.backup in SAFE and lasting is None:
            lasting = call


def _backups(page: Page, lives: Lives, final: Final | None) -> Iterator[Contradiction]:
    refusable = final is None or page.id in final.refused
    ranks = ("memory", "journaled", "stored")
    for older, newer in _earlier(page.seen):
        same_life = lives.number(older.started) == lives.number(newer.started)
        if not (same_life and older.finished and newer.finished):
            continue
        if newer.backup in ranks[: ranks.index(older.backup) if older.backup in ranks else 0]:
            yield Contradiction(
                newer.ended,
                "less safe",
                f"the result of page {page.id} was {older.backup} at {older.ended:.3f}"
                f" and {newer.backup} later",
            )
    for call in page.seen:
        if call.backup == "rejected" and not refusable:
            yield Contradiction(
                call.ended, "refused", f"page {page.id} is rejected, and nothing is wrong with it"
            )


def _presence(page: Page, lives: Lives) -> Iterator[Contradiction]:
    gone = page.deleted
    for call in page.missing:
        if call.ended < page.doomed and not lives.may_be_lost(page, call.ended):
            yield Contradiction(
                call.ended,
                "lost",
                f"page {page.id} was acknowledged and nobody deleted it, but a {call.kind} got 404",
            )
        gone = min(gone, call.ended)
    for call in page.seen:
        if call.started >= gone:
            yield Contradiction(
                call.ended,
                "came back",
                f"page {page.id} was gone at {gone:.3f} and is {_state(call)} in a {call.kind}",
            )
            return


def _lists(calls: list[Call], pages: Mapping[str, Page], lives: Lives) -> Iterator[Contradiction]:
    acknowledged = sorted(
        (p for p in pages.values() if p.acknowledged != float("inf")), key=lambda p: p.id
    )
    for call in calls:
        if call.kind != "list" or call.code != 200 or call.pages is None or call.url is not None:
            continue
        if list(call.pages) != sorted(set(call.pages), reverse=True):
            yield Contradiction(call.ended, "disorder", "a list is not newest first")
        if lives.restoring(call):
            continue
        listed = set(call.pages)
        oldest = min(listed, default="")
        for page in reversed(acknowledged):
            if page.id < oldest:
                break
            if (
                page.acknowledged <= call.started
                and page.id not in listed
                and call.ended < page.doomed
                and not lives.may_be_lost(page, call.ended)
            ):
                yield Contradiction(
                    call.ended, "lost", f"page {page.id} is missing from a list of newer and older"
                )


def _ending(
    pages: Mapping[str, Page], lives: Lives, final: Final, calls: list[Call]
) -> Iterator[Contradiction]:
    end = float("inf")
    for page in pages.values():
        kept, row = final.memory.get(page.id), final.database.get(page.id)
        if page.deleted < end or any(call.code == 404 for call in page.missing):
            if kept is not None:
                yield Contradiction(
                    end, "came back", f"page {page.id} was deleted and is in memory"
                )
            if row is not None:
                yield Contradiction(
                    end, "came back", f"page {page.id} was deleted and is in the database"
                )
            continue
        has_to_be_there = page.acknowledged < end and page.doomed == end
        if kept is None and has_to_be_there and not lives.may_be_lost(page, end):
            yield Contradiction(end, "lost", f"page {page.id} was acknowledged and is gone")
        last = max((call.version or 0 for call in page.seen), default=0)
        if kept is not None and kept.version < last:
            yield Contradiction(
                end,
                "version went back",
                f"page {page.id} was seen at version {last} and ended at {kept.version}",
            )
        yield from _kept_promise(page, row, kept)
    for page_id in sorted(final.memory.keys() | final.database.keys()):
        yield from _equal(page_id, final)
    strangers = final.memory.keys() - pages.keys()
    unanswered = sum(call.kind in ("submit", "push") and not call.acknowledges for call in calls)
    if len(strangers) > unanswered:
        yield Contradiction(
            end,
            "unasked",
            f"{len(strangers)} pages that nobody submitted, such as {min(strangers)}",
        )


def _kept_promise(page: Page, row: Kept | None, kept: Kept | None) -> Iterator[Contradiction]:
    if row is not None and kept is not None and kept.submission == row.content:
        return  # it is quarantined: what is kept of it is its submission, so that it can be retried
    for call in page.seen:
        if call.backup != "stored" or page.doomed < float("inf"):
            continue
        if row is None or (call.finished and row.version < (call.version or 0)):
            has = "does not have it" if row is None else f"has version {row.version}"
            yield Contradiction(
                float("inf"),
                "not stored",
                f"page {page.id} was called stored at version {call.version}"
                f" ({call.ended:.3f}), and the database {has}",
            )
            return


def _equal(page_id: str, final: Final) -> Iterator[Contradiction]:
    kept, row = final.memory.get(page_id), final.database.get(page_id)
    end = float("inf")
    if kept is not None and kept.status not in FINISHED:
        yield Contradiction(end, "unfinished", f"page {page_id} is still {kept.status}")
    elif kept is not None and kept.backup == "rejected":
        if page_id not in final.refused:
            yield Contradiction(end, "refused", f"page {page_id} is rejected without a reason")
    elif kept is None:
        yield Contradiction(end, "unequal", f"page {page_id} is in the database and not in memory")
    elif row is None:
        yield Contradiction(end, "unequal", f"page {page_id} is in memory and not in the database")
    elif kept.backup != "stored":
        yield Contradiction(
            end, "unequal", f"page {page_id} is {kept.backup}, although nothing waits any more"
        )
    elif kept.submission is not None and kept.submission == row.content:
        if row.status != "queued" or row.version > kept.version:
            yield Contradiction(end, "unequal", f"page {page_id} is quarantined and {row.status}")
    elif kept != row:
        yield Contradiction(
            end,
            "unequal",
            f"page {page_id} is version {kept.version}, {kept.status}, {kept.content} in memory and"
            f" version {row.version}, {row.status}, {row.content} in the database",
        )


def _state(call: Call) -> str:
    return f"{call.status}, {call.backup}"
