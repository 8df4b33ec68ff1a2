"""Making a site by a grammar: its page, and what is at its other addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from differential.draw import Draw
from support.in_memory import Answer, Case

HTML = "text/html; charset=utf-8"


class Site:
    """What a grammar writes to.

    Attributes:
        draw: Where choices come from.
        answers: By path.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.answers: dict[str, Answer] = {}

    def put(
        self,
        path: str,
        body: str | bytes = "",
        kind: str | None = None,
        *fields: tuple[str, str],
        status: int = 200,
    ) -> str:
        """Have an answer at an address, that is given back. Text is in UTF-8."""
        head = () if kind is None else (("Content-Type", kind),)
        data = body if isinstance(body, bytes) else body.encode()
        self.answers[f"/{path}"] = Answer((*head, *fields), data, status)
        return path

    def page(self, body: str | bytes, *fields: tuple[str, str], kind: str | None = HTML) -> None:
        """Have the page itself."""
        self.put("", body, kind, *fields)


Grammar = Callable[[Site], None]


class Made(NamedTuple):
    """A page that was made, with the choices that make it again."""

    area: str
    name: str
    choices: tuple[int, ...]
    answers: dict[str, Answer]

    def case(self, asked: Sequence[str] = ()) -> Case:
        """As it is weighed in memory."""
        return Case(self.name, self.answers, tuple(asked))

    @property
    def size(self) -> tuple[int, int]:
        """What makes it larger than another one: how much there is to read, then how many choices."""
        return sum(len(answer.body) for answer in self.answers.values()), sum(self.choices)


def make(area: str, grammar: Grammar, name: str, draw: Draw) -> Made:
    """The page that a grammar makes of some choices."""
    site = Site(draw)
    grammar(site)
    return Made(area, name, tuple(draw.made), site.answers)
