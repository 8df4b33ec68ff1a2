"""A cluster in a few lines, which keeps every promise unless it is told to break one.

It plays a run of two web nodes, four inspectors and a stream through time that is only counted:
pages are submitted, read, deleted, weighed and stored, inspectors are killed, frozen and stopped,
the engine elects and delivers again, a web node is cut off. What comes out is a history and its
end, as a real run leaves them. So the checker can be shown to be silent about a good cluster and to
find each seeded bug.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from chaos.cluster.history import CHANGES, Call, Done, Final, History, Kept, Written

Bug = Literal[
    "a zombie's ack", "a put without TTL", "a create without the page-wide expectation",
    "versions by the clock", "no reading anew after a gap", "deliveries as a verdict",
    "a follower's read for a 404", "a deletion that is forgotten",
]  # fmt: skip

WEB = ("web1", "web2")
INSPECTORS = ("i1", "i2", "i3", "i4")
NOTICED = 3.3
"""Seconds from the last sign of life to the redelivery and the question to the owner that follows
on it."""


@dataclass
class _Page:
    id: str
    version: int = 1
    life: int = 0
    owner: str = ""
    epoch: int = 0
    finished: bool = False
    stored: bool = False
    deleted: bool = False
    content: str = ""
    queued: bool = True
    """Whether its submission is still in the queue: it was not acknowledged."""
    expires: bool = False


@dataclass
class _Node:
    epoch: int = 1
    alive: bool = True
    frozen: bool = False
    late: list[Callable[[], None]] = field(default_factory=list)


class Model:
    """One run.

    Args:
        seed: decides everything.
        bug: what is wrong with this cluster, if anything.
        pages: how many are submitted, over ten seconds.
    """

    def __init__(self, seed: int, bug: Bug | None = None, pages: int = 40) -> None:
        self._rng = random.Random(seed)
        self._bug = bug
        self._now = 0.0
        self._number = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._pages: dict[str, _Page] = {}
        self._stream: dict[str, Written] = {}
        self._sequence = 0
        self._nodes = {name: _Node() for name in INSPECTORS}
        self._replicas: dict[str, dict[str, tuple[int, bool]]] = {name: {} for name in WEB}
        self._cut_since: dict[str, float] = {}
        self._deleted = set[str]()
        self.history = History()
        for n in range(pages):
            self._at(n * 10 / pages, lambda n=n: self._submit(f"{n:032x}"))  # type: ignore[misc]
        self._plan()

    def run(self) -> tuple[History, Final, float]:
        """Play it to its end: what was seen, how it ended, and since when all was quiet."""
        while self._due:
            self._now, _, act = heapq.heappop(self._due)
            act()
        quiet = self._now + 1
        self._now = quiet + 1
        for page in list(self._pages):
            for web in WEB:
                self._read(web, page)
        return self.history, self._final(), quiet

    # What is done to it

    def _plan(self) -> None:
        for name, moment in (("i1", 3.0), ("i2", 16.0)):
            self._at(moment + self._rng.random(), lambda name=name: self._kill(name))  # type: ignore[misc]
        self._at(5.5 + self._rng.random(), lambda: self._freeze("i3", 10.0))
        self._at(9.0, self._elect)
        self._at(7.0, lambda: self._cut("web2", 6.0))

    def _kill(self, name: str) -> None:
        node = self._nodes[name]
        node.alive = False
        node.epoch += 1
        self.history.add(Done(self._now, "killed", name))
        self._leave_all(name)
        self._in(4.0, lambda: self._restart(name))

    def _restart(self, name: str) -> None:
        self._nodes[name].alive = True
        self.history.add(Done(self._now, "killed", name, ends=True))

    def _freeze(self, name: str, seconds: float) -> None:
        node = self._nodes[name]
        if not node.alive:
            return
        node.frozen = True
        self.history.add(Done(self._now, "frozen", name))
        self._leave_all(name)
        self._in(seconds, lambda: self._thaw(name))

    def _thaw(self, name: str) -> None:
        node = self._nodes[name]
        node.frozen = False
        self.history.add(Done(self._now, "frozen", name, ends=True))
        late, node.late = node.late, []
        for act in late:
            act()

    def _leave_all(self, name: str) -> None:
        for page in self._pages.values():
            if page.owner == name and not page.finished:
                self._in(NOTICED + self._rng.random(), lambda page=page: self._delivered(page))  # type: ignore[misc]

    def _elect(self) -> None:
        """The engine's leader dies: everything that is under way is delivered once more."""
        self.history.add(Done(self._now, "killed", "n0", leads=True))
        self._in(5.0, lambda: self.history.add(Done(self._now, "killed", "n0", ends=True)))
        for page in self._pages.values():
            if page.queued and page.owner and not page.finished:
                self._in(4.5 + self._rng.random(), lambda page=page: self._delivered(page))  # type: ignore[misc]

    def _cut(self, web: str, seconds: float) -> None:
        self._cut_since[web] = self._now
        self.history.add(Done(self._now, "cut off", web))

        def mend() -> None:
            del self._cut_since[web]
            self.history.add(Done(self._now, "cut off", web, ends=True))
            if self._bug != "no reading anew after a gap":
                self._replicas[web] = {
                    page.id: (page.version, page.finished)
                    for page in self._pages.values()
                    if not page.deleted
                }

        self._in(seconds, mend)

    # What clients do

    def _submit(self, page_id: str) -> None:
        web = self._a_web()
        page = self._pages[page_id] = _Page(page_id)
        self._write(page, "sub")
        self._call(web, "submit", 202, page, backup="replicated", status="queued")
        self._in(0.05, lambda: self._delivered(page))
        # At the other node, where the feed has not brought it yet, and then anywhere.
        self._in(0.0005, lambda: self._read(next(w for w in WEB if w != web), page_id))
        for _ in range(4):
            self._in(self._rng.random() * 12, lambda: self._read(self._rng.choice(WEB), page_id))
        if self._rng.random() < 0.25:
            self._in(0.3 + self._rng.random() * 3, lambda: self._delete(page))

    def _read(self, web: str, page_id: str) -> None:
        page, held = self._pages[page_id], self._replicas[web].get(page_id)
        since = self._cut_since.get(web)
        age = None if since is None or self._now - since <= 2 else self._now - since
        if held is not None:
            version, finished = held
            self._call(web, "read", 200, page, version=version, finished=finished, age=age)
        elif since is not None:
            self._call(web, "read", 503, page, after="1")
        elif page.deleted or (
            self._bug == "a follower's read for a 404" and self._rng.random() < 0.2
        ):
            self._call(web, "read", 404, page)
        else:
            self._call(web, "read", 200, page, version=page.version, finished=page.finished)

    def _delete(self, page: _Page) -> None:
        web = self._a_web()
        page.deleted = True
        self._write(page, "del")
        self._call(web, "delete", 204, page)
        if self._bug != "a deletion that is forgotten":
            self._in(0.2, lambda: self._deleted.add(page.id))

    # What inspectors do

    def _delivered(self, page: _Page) -> None:
        """A submission is handed to an inspector, for the first time or again."""
        if page.deleted or page.finished or not page.queued:
            return None
        free = [n for n, node in self._nodes.items() if node.alive and not node.frozen]
        if len(free) < 2:
            return self._in(0.2, lambda: self._delivered(page))
        taker = self._rng.choice(free)
        owner = self._nodes.get(page.owner)
        if owner is not None and owner.alive and not owner.frozen and page.epoch == owner.epoch:
            if self._bug != "deliveries as a verdict":
                return None  # *mine*, says its owner
            taker = self._rng.choice([n for n in free if n != page.owner])
        life = page.life = page.life + 1
        page.owner, page.epoch = taker, self._nodes[taker].epoch
        self._change(page)
        epoch = page.epoch
        return self._in(
            0.5 + self._rng.random() * 4, lambda: self._finish(page, taker, epoch, life)
        )

    def _finish(self, page: _Page, name: str, epoch: int, life: int) -> None:
        node = self._nodes[name]
        if node.epoch != epoch:
            return  # it was killed with its node
        if node.frozen:
            node.late.append(lambda: self._finish(page, name, epoch, life))
            return
        lost = page.deleted or page.life != life
        if lost and self._bug == "a create without the page-wide expectation" and page.deleted:
            page.finished, page.content = True, f"result {page.id}"
            self._write(page, "rec")
            return
        if lost:
            if self._bug == "a zombie's ack":
                page.queued = False
                self._kill_after_it(page)
            return
        page.finished, page.content, page.queued = True, f"result {page.id} {life}", False
        self._change(page)
        self._in(0.1 + self._rng.random(), lambda: self._store(page))

    def _kill_after_it(self, page: _Page) -> None:
        if not page.finished and page.owner and self._nodes[page.owner].alive:
            self._kill(page.owner)

    def _store(self, page: _Page) -> None:
        if page.deleted or page.stored:
            return
        page.stored, page.expires = True, self._bug != "a put without TTL"
        self._change(page)

    # What they share

    def _change(self, page: _Page) -> None:
        page.version = max(page.life * CHANGES, page.version) + 1
        if self._bug == "versions by the clock":
            page.version = int(1000 * (self._now + 600 * (page.owner == "i2")))
        self._write(page, "rec")

    def _write(self, page: _Page, what: Literal["sub", "rec", "del"]) -> None:
        self._sequence += 1
        owner = f"{page.owner}/{page.epoch}" if what == "rec" else ""
        self.history.add(
            Written(
                "P0", self._sequence, self._now, page.id, what, page.life, page.version, owner,
                page.finished, page.stored, page.content or None,
            )
        )  # fmt: skip
        for web in WEB:
            self._in(0.001 + self._rng.random() * 0.02, lambda web=web: self._fed(web, page))  # type: ignore[misc]

    def _fed(self, web: str, page: _Page) -> None:
        if web in self._cut_since:
            return
        if page.deleted:
            self._replicas[web].pop(page.id, None)
        else:
            self._replicas[web][page.id] = page.version, page.finished

    def _call(
        self,
        web: str,
        kind: Literal["submit", "read", "delete"],
        code: int,
        page: _Page,
        *,
        version: int | None = None,
        finished: bool = False,
        backup: Literal["replicated"] | None = None,
        status: Literal["queued"] | None = None,
        age: float | None = None,
        after: str | None = None,
    ) -> None:
        content = page.content if finished else None
        said = "weighed" if finished else status
        self.history.add(
            Call(
                kind, self._now - 0.0002, self._now, code, page.id, version, backup, said,
                content, node=web, age=age, after=after,
            )
        )  # fmt: skip

    def _a_web(self) -> str:
        return self._rng.choice([web for web in WEB if web not in self._cut_since])

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._at(self._now + seconds, act)

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (moment, self._number, act))

    def _final(self) -> Final:
        kept = {
            page.id: Kept(page.version, page.content, page.finished, page.stored, page.expires)
            for page in self._pages.values()
            if not page.deleted
        }
        gone = frozenset(page.id for page in self._pages.values() if page.deleted)
        answers = {
            web: {
                page: self._answer(web, page, kept.get(page)) for page in self._pages
            }
            for web in WEB
        }  # fmt: skip
        return Final(
            records=kept,
            tombstones=gone,
            rows={page: record for page, record in kept.items() if record.safe},
            deleted=frozenset(self._deleted),
            replicas={
                web: {page: version for page, (version, _) in held.items()}
                for web, held in self._replicas.items()
            },
            answers=answers,
            pending={"P0 weigh-static": 0, "P0 store": 0},
            journals=dict.fromkeys(WEB, 0),
        )

    def _answer(self, web: str, page: str, there: Kept | None) -> Kept | None:
        held = self._replicas[web].get(page)
        if held is None:
            return there
        version, finished = held
        return Kept(version, self._pages[page].content, finished)
