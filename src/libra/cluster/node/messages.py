"""Messages between nodes outside the engine's streams; any of them may be lost."""

from __future__ import annotations

import msgspec

from libra.report import Status


class Here(msgspec.Struct, frozen=True):
    """The state that a node announces each second.

    ``origins`` are the origins with requests of this node under way, as numbers of
    `libra.cluster.node.politeness.number_of`. ``left_alone`` are the origins that asked for a pause,
    with the seconds that are left.
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
    """To a node: ``mine``, ``follow`` (``to`` a subject) or ``cancel`` for a page; or ``tree``."""

    ask: str
    page: str = ""
    to: str = ""


class PageGrowth(msgspec.Struct, frozen=True):
    """A page as its owner sees it, while it is weighed; ``report`` is its JSON as a zstd frame."""

    id: str
    version: int
    status: Status
    report: bytes
