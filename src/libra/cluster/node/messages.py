"""What nodes say to one another beside the engine's streams; any of it may be lost."""

from __future__ import annotations

import msgspec

from libra.report import Status


class Here(msgspec.Struct, frozen=True):
    """What a node says of itself each second.

    ``origins`` are those that it has requests under way to, by their numbers
    (`libra.cluster.node.politeness.number_of`); ``left_alone`` those that asked for a pause, with its
    seconds.
    """

    node: str
    epoch: str
    role: str
    version: str
    under_way: int
    places: int
    browser: bool
    at: float
    trouble: str | None = None
    journaled: int = 0
    followers: int = 0
    leaving: bool = False
    origins: tuple[int, ...] = ()
    left_alone: dict[str, float] = {}
    weighed: int = 0
    second_lives: int = 0
    format: int = 1


class Question(msgspec.Struct, frozen=True):
    """To a node: of a page ``mine``, ``follow`` (to a subject) or ``cancel``; of itself ``tree``."""

    ask: str
    page: str = ""
    to: str = ""


class PageGrowth(msgspec.Struct, frozen=True):
    """A page as its owner sees it, while it is weighed; ``report`` is its JSON as a zstd frame."""

    id: str
    version: int
    status: Status
    report: bytes
