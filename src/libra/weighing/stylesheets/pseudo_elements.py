"""Pseudo-elements: which exist without any action, and what a selector may say of one after its name."""

from __future__ import annotations

from collections.abc import Sequence

from libra.ascii import lowered
from libra.weighing.css.syntax import ComponentValue, split_at, stripped

RENDERED = frozenset(
    {
        "before", "after", "first-line", "first-letter", "marker", "placeholder",
        "-webkit-input-placeholder", "file-selector-button", "-webkit-file-upload-button",
        "details-content", "-webkit-scrollbar", "-webkit-scrollbar-track",
        "-webkit-scrollbar-thumb", "-webkit-scrollbar-button", "-webkit-scrollbar-corner",
        "-webkit-scrollbar-track-piece", "-webkit-search-cancel-button",
        "-webkit-search-decoration", "-webkit-progress-bar", "-webkit-progress-value",
        "-webkit-progress-inner-element", "-webkit-slider-thumb",
        "-webkit-slider-runnable-track", "-webkit-slider-container", "-webkit-meter-bar",
        "-webkit-meter-optimum-value", "-webkit-meter-inner-element",
        "-webkit-calendar-picker-indicator", "-webkit-inner-spin-button",
        "-webkit-color-swatch", "-webkit-color-swatch-wrapper", "-webkit-datetime-edit",
        "-webkit-details-marker", "-webkit-textfield-decoration-container", "backdrop", "picker-icon",
    }
)  # fmt: skip
"""Pseudo-elements that may exist without any action by a visitor."""

SAME = {
    "-webkit-input-placeholder": "placeholder",
    "-webkit-file-upload-button": "file-selector-button",
}
"""Aliases of pseudo-elements."""

LEGACY_ELEMENTS = frozenset({"before", "after", "first-line", "first-letter"})
"""Those that may be written with one colon."""

_ELEMENTS = frozenset({"part", "details-content", "picker"})
"""Pseudo-elements that are elements of a shadow root. Almost any state may follow."""

_INNER_OF = {
    "before": frozenset({"marker"}),
    "after": frozenset({"marker"}),
    "slotted": frozenset({"before", "after", "marker", "placeholder"}),
}
_ACTIONS = frozenset({"hover", "active", "focus", "focus-visible", "focus-within"})
_OF_SCROLLBARS = frozenset(
    {"hover", "active", "enabled", "disabled", "horizontal", "vertical", "decrement", "increment",
     "start", "end", "double-button", "single-button", "no-button", "corner-present",
     "window-inactive"}
)  # fmt: skip
_OF_TREES = frozenset(
    {"first-child", "last-child", "only-child", "first-of-type", "last-of-type", "only-of-type",
     "empty", "root", "host", "scope", "current", "past", "future", "nth-child", "nth-last-child",
     "nth-of-type", "nth-last-of-type", "has", "-webkit-any"}
) | (_OF_SCROLLBARS - {"hover", "active", "enabled", "disabled", "window-inactive"})  # fmt: skip
_NO_LISTS = frozenset({"slotted", "column"})
_ACTED_ON = {
    "scroll-button": frozenset({"enabled", "disabled"}),
    "scroll-marker": frozenset({"target-current"}),
    "file-selector-button": frozenset(),
    "cue": frozenset(),
}


def may_follow(pseudo: str, name: str) -> bool:
    """Whether Chromium accepts another pseudo-element after one."""
    if pseudo in _ELEMENTS:
        return name not in _ELEMENTS
    return name in _INNER_OF.get(pseudo, ())


def may_be_stated(pseudo: str, state: str) -> bool:
    """Whether Chromium accepts a pseudo-class after a pseudo-element."""
    if state in {"is", "where"}:
        return pseudo not in _NO_LISTS
    if pseudo in _ELEMENTS:
        return state not in _OF_TREES
    if pseudo.startswith(("-webkit-scrollbar", "-webkit-resizer")):
        return state in _OF_SCROLLBARS
    if pseudo == "selection":
        return state == "window-inactive"
    if pseudo.startswith("view-transition-"):
        return state == "only-child"
    if pseudo in _ACTED_ON or pseudo[:8] == "-webkit-":
        return state in _ACTIONS or state in _ACTED_ON.get(pseudo, ())
    return False


def are_states(pseudo: str, parts: Sequence[ComponentValue]) -> bool:
    """Whether a list in ``:not()`` names only states that may follow a pseudo-element."""
    return all(
        len(one) == 2 and one[0].kind == ":" and may_be_stated(pseudo, lowered(one[1].value))
        for one in map(stripped, split_at(parts, ","))
    )
