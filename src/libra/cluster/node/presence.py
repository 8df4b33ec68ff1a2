"""The living nodes, and questions between nodes: core messages, which may be lost.

Each node announces its state once a second. Each start of a node listens on one subject of its own for
questions about the pages that it weighs: whether it still has one, that a client follows one, that one
was deleted. The progress of a page reaches its followers in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Listening
from libra.cluster.engine.errors import EngineAway, InDoubt, NobodyThere
from libra.cluster.node.messages import Here, Question
from libra.cluster.node.politeness import SharedPoliteness
from libra.observability.health import Node as Tree

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two announcements, and without any until a node counts as silent.
BEAT: Final = 1.0
SILENT: Final = 5.0

#: Seconds until a silent node is no longer shown.
GONE: Final = 600.0

#: Seconds that an owner may take to answer whether it has a page, and how many times it is asked.
ANSWER: Final = 0.3
TRIES: Final = 5

#: Seconds that a client waits for the trees of other nodes.
SHOWING: Final = 0.5

HERE: Final = "libra.here"


class Presence:
    """Announces this node, and knows the others.

    Args:
        node: this node.
        say: returns its announcement.
        politeness: takes in the origins that the others announce; None on a node that fetches nothing.
    """

    def __init__(
        self,
        node: ClusterNode,
        say: Callable[[], Here],
        politeness: SharedPoliteness | None = None,
    ) -> None:
        self._node = node
        self._say = say
        self._politeness = politeness
        self._heard: dict[str, tuple[float, Here]] = {}
        self._skews: dict[str, float] = {}

    async def serve(self) -> None:
        """Announce this node and listen to the others, until the program ends."""
        node = self._node
        await node.ready.wait()
        listening = [
            await self._listen(HERE, self._on_here),
            await self._listen(f"libra.node.{node.name}.{node.epoch}", self._on_question),
        ]
        try:
            while True:
                with suppress(EngineAway):
                    await node.engine.tell(HERE, msgspec.json.encode(self._say()))
                await asyncio.sleep(BEAT)
        finally:
            await self.say_goodbye()
            for one in listening:
                await one.close()

    async def say_goodbye(self) -> None:
        """Announce that this node leaves, so that the others need not wait for it."""
        here = msgspec.structs.replace(self._say(), leaving=True)
        with suppress(EngineAway):
            await self._node.engine.tell(HERE, msgspec.json.encode(here))

    def nodes(self) -> list[tuple[Here, float]]:
        """Every node that was heard lately, by name, and the seconds since."""
        now = time.monotonic()
        self._heard = {k: v for k, v in self._heard.items() if now - v[0] < GONE}
        return sorted(
            ((here, now - at) for at, here in self._heard.values()), key=lambda one: one[0].node
        )

    def known(self) -> list[tuple[Here, float, float]]:
        """The same, with the seconds by which its clock is behind ours, time on the way included."""
        return [(here, silent, self._skews.get(here.node, 0.0)) for here, silent in self.nodes()]

    async def trees(self) -> dict[str, Tree | None]:
        """The process trees of the other nodes; None for a node that does not answer in time."""
        others = [here for here in self.living() if here.epoch != self._node.epoch]
        trees = await asyncio.gather(*(self._tree(here) for here in others))
        return {here.node: tree for here, tree in zip(others, trees, strict=True)}

    async def _tree(self, here: Here) -> Tree | None:
        subject = f"libra.node.{here.node}.{here.epoch}"
        try:
            answer = await self._node.engine.ask(subject, _asked("tree", ""), SHOWING)
            return msgspec.json.decode(answer, type=Tree)
        except (EngineAway, NobodyThere, msgspec.MsgspecError) as error:
            log.debug("the tree of %s cannot be shown: %s", here.node, error)
        return None

    def forget(self, node: str) -> None:
        """Forget a removed node: its silence means nothing any more."""
        self._heard.pop(node, None)

    def living(self) -> list[Here]:
        """The nodes that were heard just now."""
        return [here for here, silence in self.nodes() if silence < SILENT and not here.leaving]

    async def has(self, node: str, epoch: str, page_id: str) -> bool | None:
        """Whether a start of a node has this page; None if it does not answer."""
        for _ in range(TRIES):
            asked = time.monotonic()
            try:
                answer = await self._node.engine.ask(
                    f"libra.node.{node}.{epoch}", _asked("mine", page_id), ANSWER
                )
            except (NobodyThere, InDoubt):
                # Nobody listens while the owner changes servers either: each try takes its full time.
                await asyncio.sleep(max(0.0, asked + ANSWER - time.monotonic()))
                continue
            return answer == b"mine"
        return None

    async def follow(self, node: str, epoch: str, page_id: str, to: str) -> None:
        """Ask the owner of a page to send its progress, for the next seconds."""
        with suppress(EngineAway):
            await self._node.engine.tell(
                f"libra.node.{node}.{epoch}", _asked("follow", page_id, to)
            )

    async def cancel(self, node: str, epoch: str, page_id: str) -> None:
        """Tell the owner of a page that it was deleted."""
        with suppress(EngineAway):
            await self._node.engine.tell(f"libra.node.{node}.{epoch}", _asked("cancel", page_id))

    async def _listen(self, subject: str, on_message: Callable[[Message], object]) -> Listening:
        async def heard(message: Message) -> None:
            try:
                result = on_message(message)
                if asyncio.iscoroutine(result):
                    await result
            except msgspec.MsgspecError as error:
                log.warning("a message on %s cannot be read: %s", message.subject, error)

        while True:
            try:
                return await self._node.engine.listen(subject, heard)
            except EngineAway:
                await asyncio.sleep(BEAT)

    def _on_here(self, message: Message) -> None:
        here = msgspec.json.decode(message.data, type=Here)
        self._heard[here.node] = time.monotonic(), here
        self._skews[here.node] = time.time() - here.at
        living = self.living()
        if here.epoch == self._node.epoch:
            # A node that does not hear itself has no news of the others either.
            serving = sum(one.role != "inspector" for one in living)
            self._node.context.availability.neighbours.serving = max(1, serving)
        if self._politeness is not None:
            self._politeness.heard(here, living)

    async def _on_question(self, message: Message) -> None:
        question = msgspec.json.decode(message.data, type=Question)
        weighing = self._node.weighing
        if question.ask == "mine":
            mine = weighing is not None and weighing.has(question.page)
            with suppress(EngineAway):
                await self._node.engine.tell(message.reply, b"mine" if mine else b"not mine")
        elif question.ask == "tree":
            with suppress(EngineAway):
                await self._node.engine.tell(message.reply, msgspec.json.encode(self._node.tree()))
        elif question.ask == "follow" and weighing is not None:
            weighing.follow(question.page, question.to)
        elif question.ask == "cancel" and weighing is not None:
            await weighing.drop(question.page)


def _asked(ask: str, page_id: str, to: str = "") -> bytes:
    return msgspec.json.encode(Question(ask, page_id, to))
