"""Choices that a grammar makes: at random from a seed, or given.

What a grammar makes follows from its choices alone, as small numbers in a list. So a page can be made
again, and made smaller: with some of its choices left out, or each the first that there is. A grammar
names what is plain first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """The source of the choices of one page.

    Attributes:
        made: The choices so far.
    """

    def __init__(self, given: Sequence[int] = (), seed: str | None = None) -> None:
        """Make choices.

        Args:
            given: The first of them.
            seed: For the others; without it they are all 0.
        """
        self.made: list[int] = []
        self._given = given
        self._random = None if seed is None else random.Random(seed)
        self._names = 0

    def below(self, most: int) -> int:
        """A number from 0 to below this."""
        at = len(self.made)
        if at < len(self._given):
            number = min(self._given[at], most - 1)
        else:
            number = 0 if self._random is None else self._random.randrange(most)
        self.made.append(number)
        return number

    def one(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.below(len(options))]

    def maybe(self, text: str, of: int = 3) -> str:
        """This text, once in so many times; or nothing."""
        return text if self.below(of) == of - 1 else ""

    def happens(self, of: int = 3) -> bool:
        """Whether what happens once in so many times happens."""
        return self.below(of) == of - 1

    def some(self, make: Callable[[], T], most: int, least: int = 1) -> list[T]:
        """A few of what this makes."""
        # Whether there is another one is asked each time, so that leaving out a part leaves the rest.
        made = [make() for _ in range(least)]
        while len(made) < most and self.below(3):
            made.append(make())
        return made

    def name(self, suffix: str) -> str:
        """An address that nothing else on the page has."""
        self._names += 1
        return f"{self._names}.{suffix}"


def smaller(choices: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Lists of choices that make less, the smallest first."""
    whole = tuple(choices)
    length = len(whole)
    for share in (2, 4, 8):
        part = length // share
        if part > 1:
            for start in range(0, length, part):
                yield whole[:start] + whole[start + part :]
    for at in range(length):
        yield whole[:at] + whole[at + 1 :]
    for at in range(length - 1):
        yield whole[:at] + whole[at + 2 :]
    for at, number in enumerate(whole):
        if number:
            yield (*whole[:at], 0, *whole[at + 1 :])
            if number > 1:
                yield (*whole[:at], number - 1, *whole[at + 1 :])
