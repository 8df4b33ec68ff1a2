"""What belongs to a process and is undone with it: timers, tasks, names, waiting callers.

Each is a `Tie`, a link in a chain that hangs from its owner. A chain because an idle process
should own nothing but what it uses: no empty set, no list; and joining and leaving take the
same short time whether it has one timer or five thousand tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from libra.otp._process.exits import ExitReason

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["Tie", "attach", "detach"]


class Tie:
    """A link in the chain of what a process owns.

    `void` means that what it announces must not be delivered any more, even if the
    announcement stands in the mailbox already.
    """

    __slots__ = ("next", "owner", "prev", "void")

    owner: GenServer
    next: Tie | None
    prev: Tie | None
    void: bool

    def cut(self, reason: ExitReason) -> None:
        """The owner is ending for `reason`: undo this. It has left the chain already."""
        raise NotImplementedError

    def let_go(self, grace: float) -> None:
        """The owner is gone and this is still there. Only tasks can be."""


def attach(tie: Tie) -> None:
    """Hang `tie` into its owner's chain."""
    owner = tie.owner
    head = owner._ties
    tie.next = head
    if head is not None:
        head.prev = tie
    owner._ties = tie


def detach(tie: Tie) -> None:
    """Take `tie` out of its owner's chain; harmless when it is not in it."""
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
