"""Which animations run on an element, and which of their frames show (CSS Animations 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Literal

from libra.ascii import lowered, trimmed
from libra.weighing.css.numeric import is_number, type_of
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.supports import WIDE, is_valid

INITIAL = {
    "animation-name": "none",
    "animation-duration": "0s",
    "animation-delay": "0s",
    "animation-iteration-count": "1",
    "animation-direction": "normal",
    "animation-fill-mode": "none",
    "animation-play-state": "running",
}
"""The properties that decide whether an animation shows anything, with their initial values."""

_NO_VALUE = frozenset({"", "auto", *WIDE})


def animation_parts(value: str) -> list[tuple[str, str]]:
    """The values of `INITIAL` that the ``animation`` shorthand sets; empty if it is invalid."""
    lower = lowered(trimmed(value))
    if lower in WIDE:
        return [(name, lower) for name in INITIAL]
    text = preprocessed(value)
    animations = [_assigned(piece) for piece in split_at(components(text), ",")]
    if not all(animations):
        return []
    return [
        (
            name,
            ",".join(
                text[part.start : part.end] if (part := one.get(name)) is not None else initial
                for one in animations
            ),
        )
        for name, initial in INITIAL.items()
    ]


def _assigned(piece: Sequence[ComponentValue]) -> dict[str, ComponentValue]:
    """Assign each component of an animation to the first free longhand that accepts it."""
    found: dict[str, ComponentValue] = {}
    for part in significant(piece):
        free = (name for name in _ORDER if name not in found and is_valid(name, (part,)))
        name = None if part.is_word(*WIDE) else next(free, None)
        if name is None:
            return {}
        found[name] = part
    return found


_ORDER = (
    "animation-duration", "animation-timing-function", "animation-delay",
    "animation-iteration-count", "animation-direction", "animation-fill-mode",
    "animation-play-state", "animation-name",
)  # fmt: skip


Shown = Literal["all", "first", "last"]
"""Which frames of an animation show."""


def running(values: Mapping[str, str]) -> list[tuple[str, Shown]]:
    """The animations that show anything, each with the frames that show.

    Args:
        values: The element's computed values for the names of `INITIAL`, where set.
    """
    lists = {name: _listed(values.get(name, ""), initial) for name, initial in INITIAL.items()}
    names, *others = lists.values()
    found: list[tuple[str, Shown]] = []
    for called, duration, delay, count, direction, fill, state in zip(
        names, *map(cycle, others), strict=False
    ):
        if called is None or called.kind not in {"ident", "string"} or called.is_word("none"):
            continue
        shown = _shown(
            _seconds(duration),
            _seconds(delay),
            _rounds(count),
            "" if fill is None else lowered(fill.value),
            paused=state is not None and state.is_word("paused"),
        )
        if shown in {"first", "last"} and _is_backwards(direction, _rounds(count), shown):
            shown = "last" if shown == "first" else "first"
        if shown is not None:
            found.append((called.value, shown))
    return found


def _shown(
    duration: float, delay: float, rounds: float, fill: str, *, paused: bool
) -> Shown | None:
    """The frames of an animation that show while the page is at rest."""
    if delay > 0:
        return "first" if fill in {"backwards", "both"} else None
    if duration > 0 and duration * rounds + delay > 0:
        return "first" if paused else "all"
    if fill not in {"forwards", "both"}:
        return None
    return "last" if rounds else "first"


def _is_backwards(direction: ComponentValue | None, rounds: float, shown: Shown) -> bool:
    """Whether the round that shows runs from the last frame to the first."""
    if direction is None or not lowered(direction.value).startswith(("reverse", "alternate")):
        return False
    backwards = lowered(direction.value).endswith("reverse")
    if shown == "last" and lowered(direction.value).startswith("alternate"):
        return backwards is (rounds % 2 == 1)
    return backwards


def _listed(text: str, initial: str) -> list[ComponentValue | None]:
    """The single components of a list."""
    if lowered(trimmed(text)) in _NO_VALUE:
        text = initial
    pieces = (stripped(piece) for piece in split_at(components(text), ","))
    return [piece[0] if len(piece) == 1 else None for piece in pieces]


def _seconds(part: ComponentValue | None) -> float:
    """A time in seconds. Assumes one second for a calculated time."""
    if part is None or part.kind == "ident":
        return 0.0
    if part.kind != "dimension":
        return 1.0 if type_of(part) == "time" else 0.0
    return float(part.value) / (1000 if lowered(part.unit) == "ms" else 1)


def _rounds(part: ComponentValue | None) -> float:
    if part is not None and part.is_word("infinite"):
        return float("inf")
    if part is None or part.kind != "number":
        return 1.0 if part is not None and is_number(part) else 0.0
    return float(part.value)
