"""``revert-layer``: what wins as if the layer's declarations were not there (CSS Cascade 5, 7.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from copy import copy
from typing import Generic, TypeVar

from libra.ascii import lowered
from libra.weighing.style.styled_document import WorkSpent

_MAX_KEPT = 2_000_000

Layer = tuple[bool, tuple[int, ...], bool]
"""Whether its declarations are important, its place, and whether it is a ``style`` attribute."""

V = TypeVar("V", bound=Sized)


def reverts(text: str) -> bool:
    """Whether a value goes back to the layer below."""
    return lowered(text) == "revert-layer"


class LayersBelow(Generic[V]):
    """What wins on each element in the layers below those with a reverting value.

    Args:
        won: What wins so far, which this reads and changes.
        layers: The layers with a reverting value.
        check: Called before all winners are copied, which takes time; may raise.
    """

    def __init__(
        self, won: dict[int, V], layers: Iterable[Layer], check: Callable[[], None]
    ) -> None:
        self._won = won
        self._waiting = sorted(set(map(_normal, layers)), reverse=True)
        self._check = check
        self._below: dict[Layer, dict[int, V]] = {}
        self._room = _MAX_KEPT

    def enter(self, layer: Layer) -> None:
        """Go on to a declaration in this layer. Those of normal declarations come first."""
        at = _PAST_NORMAL if layer[0] else layer
        if not self._waiting or at < self._waiting[-1]:
            return
        self._check()
        below = {element: copy(value) for element, value in self._won.items()}
        self._room -= sum(map(len, below.values()))
        if self._room < 0:
            raise WorkSpent
        while self._waiting and self._waiting[-1] <= at:
            self._below[self._waiting.pop()] = below

    def go_back(self, elements: Sequence[int], layer: Layer) -> None:
        """Let these elements have what they have without this layer and those above it.

        An important declaration goes back to what is normal below its layer, as in Chromium.
        """
        below = self._below[_normal(layer)]
        for element in elements:
            if element in below:
                self._won[element] = copy(below[element])
            else:
                self._won.pop(element, None)


def _normal(layer: Layer) -> Layer:
    """The layer of normal declarations with the same place."""
    important, place, inline = layer
    return False, tuple(-part for part in place) if important else place, inline


_PAST_NORMAL: Layer = (True, (), False)
