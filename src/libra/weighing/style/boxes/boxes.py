"""Whether an element has a box: an element that is not displayed has none, nor do its descendants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from selectolax.lexbor import LexborNode

from libra.ascii import trimmed
from libra.weighing.style.boxes.browser_styles import (
    FOREIGN,
    NOT_DRAWN,
    NOT_RENDERED,
    default_display,
)
from libra.weighing.style.boxes.objects import shows_its_contents

_ANCESTORS = 512
_WITHOUT_BOXES_INSIDE = frozenset(
    {"annotation-xml", "audio", "canvas", "iframe", "img", "meter", "progress", "select", "video"}
)
_SKIPPED = re.compile(
    r"(?:^|;)[ \t\n\f\r]*+content-visibility[ \t\n\f\r]*+:[ \t\n\f\r]*+hidden",
    re.IGNORECASE | re.ASCII,
)
_NOT_DISPLAYED = re.compile(
    r"(?:^|;)[ \t\n\f\r]*+display[ \t\n\f\r]*+:[ \t\n\f\r]*+none", re.IGNORECASE | re.ASCII
)


def has_box(
    node: LexborNode,
    displays: Mapping[int, str] | None = None,
    skipped: AbstractSet[int] = frozenset(),
) -> bool:
    """Whether an element has a box, as far as is known.

    Args:
        node: The element.
        displays: The ``display`` values of rules and ``style`` attributes, in lower case. None if there
            are no rules; then attributes alone decide.
        skipped: The elements of which rules skip the content (``content-visibility: hidden``).
    """
    element: LexborNode | None = node
    inside: LexborNode | None = None
    for _ in range(_ANCESTORS):
        if element is None or not element.is_element_node:
            break
        display = None if displays is None else displays.get(element.mem_id)
        if display is None:
            if _is_undisplayed(element, inside, by_style=displays is None):
                return False
        elif trimmed(display) == "none":
            return False
        if inside is not None and _has_no_boxes_inside(element, display, skipped):
            return False
        inside, element = element, element.parent
    return True


def _is_undisplayed(element: LexborNode, inside: LexborNode | None, *, by_style: bool) -> bool:
    """Whether the browser's own stylesheet or the ``style`` attribute hides an element."""
    attributes, tag = element.attrs, element.tag or ""
    if by_style and _NOT_DISPLAYED.search(attributes.sget("style")):
        return True
    if tag in FOREIGN:
        return False
    # A hidden embed has a box without a size.
    if tag in NOT_RENDERED or tag in NOT_DRAWN or ("hidden" in attributes and tag != "embed"):
        return True
    if tag == "dialog":
        return "open" not in attributes
    if "popover" in attributes:
        return True
    return (
        inside is not None
        and tag == "details"
        and "open" not in attributes
        and inside.tag != "summary"
    )


def _has_no_boxes_inside(
    element: LexborNode, display: str | None, skipped: AbstractSet[int]
) -> bool:
    tag = element.tag or ""
    if tag in _WITHOUT_BOXES_INSIDE or (tag == "object" and not shows_its_contents(element)):
        return True
    skips = element.mem_id in skipped or _SKIPPED.search(element.attrs.sget("style"))
    return bool(skips) and not (display or default_display(tag)).startswith(("inline", "contents"))
