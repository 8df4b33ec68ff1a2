"""The ties of a process, which end with it: timers, tasks, names, waiting callers.

Each is a `Tie`, a link in a chain that begins at its owner. It is a chain because an idle process should
own only what it uses: no empty set, and no list. Joining and leaving take the same short time whether it
has one timer or five thousand tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from libra.otp._process.exits import ExitReason

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["Tie", "attach", "detach"]


class Tie:
    """A link in the chain of a process's ties.

    `void` means that its message must not be delivered any more, even if the message is already in the
    mailbox.
    """

    __slots__ = ("next", "owner", "prev", "void")

    owner: GenServer
    next: Tie | None
    prev: Tie | None
    void: bool

    def cut(self, reason: ExitReason) -> None:
        """The owner is ending for `reason`: undo this tie, which has already left the chain."""
        raise NotImplementedError

    def let_go(self, grace: float) -> None:
        """The owner is gone and this tie remains. Only tasks can remain."""


def attach(tie: Tie) -> None:
    """Add `tie` to its owner's chain."""
    owner = tie.owner
    head = owner._ties
    tie.next = head
    if head is not None:
        head.prev = tie
    owner._ties = tie


def detach(tie: Tie) -> None:
    """Remove `tie` from its owner's chain; harmless if it is not in it."""
    before, after = tie.prev, tie.next
    if before is not None:
        before.next = after
    elif tie.owner._ties is tie:
        tie.owner._ties = after
    else:
        return
    if after is not None:
        after.prev = before
    tie.next = tie.prev = None
